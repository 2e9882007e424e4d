/**
 * Values in error messages: on one line, and not too long.
 *
 * @module
 */

const MOST = 40;

/** A value as it should be shown, cut after 40 characters. */
export function shown(value: unknown): string {
  const text =
    JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? `${inner}` : inner)) ?? String(value);
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}
