/** Offsets of variable-length values. */
import { longAt, longsOf } from "./views.js";

/** Subtracts `delta`, a safe integer, from each value, in place, wrapping. */
export function rebase(values: Int32Array | BigInt64Array, delta: number): void {
  const { words, stride } = longsOf(values);
  if (stride === 1) {
    for (let i = 0; i < words.length; i++) words[i] = (words[i] ?? 0) - delta;
    return;
  }
  const deltaLow = delta >>> 0;
  const deltaHigh = Math.floor(delta / 2 ** 32);
  for (let i = 0; i < words.length; i += 2) {
    const low = (words[i] ?? 0) >>> 0;
    words[i] = low - deltaLow;
    words[i + 1] = (words[i + 1] ?? 0) - deltaHigh - (low < deltaLow ? 1 : 0);
  }
}

/** Whether offsets (rows + 1 of them) are sound, see `Kernels.offsetsValid32`. */
export function offsetsValid(offsets: Int32Array | BigInt64Array, limit: number): boolean {
  const longs = longsOf(offsets);
  if (offsets.length === 0) return false;
  // Up to 2^53 numbers are exact and above it they are rounded in order, so only offsets that the limit forbids are
  // blurred.
  let before = longAt(longs, 0);
  if (before < 0) return false;
  for (let i = 1; i < offsets.length; i++) {
    const offset = longAt(longs, i);
    if (offset < before) return false;
    before = offset;
  }
  return before <= limit;
}
