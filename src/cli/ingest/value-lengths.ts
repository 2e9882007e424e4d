/**
 * Lengths of the values of strings, binary and lists, from their offsets.
 *
 * @module
 */
import { isNull } from "../../kernels/plain/bits.js";
import { longAt, longsOf } from "../../kernels/plain/views.js";

/** The smallest and the largest length among rows that are not null, and their sum. */
export interface LengthStatistics {
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly sum: number;
}

/** Length of each of `rows` values, whose offsets are offsets[start] and those after it. */
export function valueLengths(offsets: Int32Array | BigInt64Array, start: number, rows: number): Int32Array {
  const lengths = new Int32Array(rows);
  const longs = longsOf(offsets);
  let before = longAt(longs, start);
  for (let i = 0; i < rows; i++) {
    const after = longAt(longs, start + i + 1);
    lengths[i] = after - before;
    before = after;
  }
  return lengths;
}

/** @param bitOffset the bit of the first row in `validity`, which is undefined when no row is null */
export function lengthStatistics(
  lengths: Int32Array,
  validity: Uint8Array | undefined,
  bitOffset: number,
): LengthStatistics {
  let min = Number.POSITIVE_INFINITY;
  let max = -1;
  let sum = 0;
  for (let i = 0; i < lengths.length; i++) {
    if (isNull(validity, bitOffset + i)) continue;
    const length = lengths[i] ?? 0;
    if (length < min) min = length;
    if (length > max) max = length;
    sum += length;
  }
  return max < 0 ? { min: undefined, max: undefined, sum } : { min, max, sum };
}
