/**
 * Half-precision floating-point numbers (IEEE 754 binary16) ⇄ numbers.
 *
 * ```
 *   bit  15   sign
 *        14…10 exponent + 15; 0: zero and subnormal numbers, 31: infinity (fraction 0) and NaN
 *         9…0  fraction, in units of 2^-10 (of 2^-24 for subnormal numbers)
 * ```
 *
 * @module
 */

const scratch = new Float64Array(1);
const scratchWords = new Uint32Array(scratch.buffer);
/** The upper word of a float64 lies last where the least significant byte lies first, which Arrow asks for anyway. */
const UPPER = 1;

/** Adding and subtracting it rounds a number below 2^51 to a whole one, halves to even. */
const ROUNDER = 2 ** 52;
/** Below it, numbers that are too large become infinite by rounding: the sum carries into the exponent. */
const LEAST_INFINITE = 65_536;
const QUIET_NAN = 0x7e00;
const INFINITY = 0x7c00;
const LEAST_NORMAL = 2 ** -14;

/** The nearest half-precision number, halves to even, as its bits; too large a number becomes infinite. */
export function encodeHalf(value: number): number {
  if (Number.isNaN(value)) return QUIET_NAN;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= LEAST_INFINITE) return sign | INFINITY;
  if (size < LEAST_NORMAL) return sign | (size * 2 ** 24 + ROUNDER - ROUNDER);
  scratch[0] = size;
  const exponent = (((scratchWords[UPPER] ?? 0) >>> 20) & 0x7ff) - 1023;
  // From 1024 to 2048; where rounding reaches 2048 the sum carries into the exponent, as it should.
  const fraction = size * 2 ** (10 - exponent) + ROUNDER - ROUNDER;
  return sign | (((exponent + 15) << 10) + fraction - 1024);
}

/** The number that 16 bits stand for. */
export function decodeHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
