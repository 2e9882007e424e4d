/**
 * Decimals ⇄ text: `"-12.50"` is -1250 at scale 2. Exact both ways; no exponents.
 *
 * @module
 */

/** Scales and precisions beyond it are none that a decimal type could use; within it numbers stay small. */
export const MOST_SCALE = 1_024;

/** More digits than any decimal type has, its scale included, so that no text makes a number without bound. */
const MOST_CHARACTERS = 1_024;
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?$/;

/**
 * The decimal as a multiple of 10^-scale; undefined when `text` is not a decimal number, or not a whole multiple.
 */
export function parseDecimal(text: string, scale: number): bigint | undefined {
  if (text.length > MOST_CHARACTERS) return undefined;
  const match = DECIMAL.exec(text);
  const [, sign = "", whole = "", fraction = ""] = match ?? [];
  if (match === null || whole.length + fraction.length === 0) return undefined;
  const digits = BigInt(whole + fraction);
  const shift = scale - fraction.length;
  const divisor = 10n ** BigInt(Math.max(0, -shift));
  if (digits % divisor !== 0n) return undefined;
  const unscaled = shift >= 0 ? digits * 10n ** BigInt(shift) : digits / divisor;
  return sign === "-" ? -unscaled : unscaled;
}

/** `unscaled` × 10^-scale, with exactly `scale` digits after the point. */
export function formatDecimal(unscaled: bigint, scale: number): string {
  if (scale <= 0) return String(unscaled * 10n ** BigInt(-scale));
  const sign = unscaled < 0n ? "-" : "";
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
