/**
 * Options that a caller gives: an object of known names. A misspelt one would otherwise be as good as none.
 *
 * @module
 */
import { UsageError } from "../errors.js";

/** @throws UsageError unless `options` is an object, or undefined, whose properties have these names */
export function assertKnownOptions(call: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null) {
    throw new UsageError(
      `the options of ${call} are ${options === null ? "null" : `a ${typeof options}`}; expected an object of ${known.join(", ")}`,
    );
  }
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`${call} has no option ${unknown}; expected ${known.join(", ")}`);
}
