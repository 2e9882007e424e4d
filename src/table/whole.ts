/**
 * Whole numbers that a caller gives.
 *
 * @module
 */
import { UsageError } from "../errors.js";

/** The largest number of bytes or items that Arrow counts with 32 bits. */
export const MOST_32_BITS = 2 ** 31 - 1;

/** `value`. @throws UsageError, naming it, unless it is a whole number from `least` to `most` */
export function whole(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`${name} is ${String(value)}; expected a whole number from ${least} to ${most}`);
}
