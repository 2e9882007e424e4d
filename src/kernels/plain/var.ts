/** Gather and reverse of variable-length values, with fresh offsets from 0, into arrays that do not overlap them. */
import { longAt, longsOf, setLong } from "./views.js";

/** Offsets of 32 or 64 bits. */
export type OffsetArray = Int32Array | BigInt64Array;

/** Longer values are copied by the engine; a call for each short one would cost more than its bytes. */
const LOOP_COPY_MAX = 32;

function copyValue(outData: Uint8Array, used: number, data: Uint8Array, from: number, to: number): void {
  if (to - from > LOOP_COPY_MAX) {
    outData.set(data.subarray(from, to), used);
    return;
  }
  for (let i = from, o = used; i < to; i++, o++) outData[o] = data[i] ?? 0;
}

function take(
  offsets: OffsetArray,
  data: Uint8Array,
  indices: Uint32Array | undefined,
  firstRow: number,
  count: number,
  outOffsets: OffsetArray,
  outData: Uint8Array,
): number {
  const longs = longsOf(offsets);
  const outLongs = longsOf(outOffsets);
  const capacity = outLongs.stride === 1 ? Math.min(outData.length, 2 ** 31 - 1) : outData.length;
  let used = 0;
  setLong(outLongs, 0, 0);
  for (let i = 0; i < count; i++) {
    const row = indices ? (indices[i] ?? 0) : firstRow + count - 1 - i;
    const from = longAt(longs, row);
    const to = longAt(longs, row + 1);
    if (to - from > capacity - used) return i;
    copyValue(outData, used, data, from, to);
    used += to - from;
    setLong(outLongs, i + 1, used);
  }
  return count;
}

/**
 * The values of rows indices[i], until `outData` is full.
 * @param outOffsets - as wide as `offsets`, one longer than `indices`
 * @returns rows done; one offset more is written
 */
export function gatherVar(
  offsets: OffsetArray,
  data: Uint8Array,
  indices: Uint32Array,
  outOffsets: OffsetArray,
  outData: Uint8Array,
): number {
  return take(offsets, data, indices, 0, indices.length, outOffsets, outData);
}

/** The values of rows firstRow + count - 1 down to firstRow; otherwise as `gatherVar`. */
export function reverseVar(
  offsets: OffsetArray,
  data: Uint8Array,
  firstRow: number,
  count: number,
  outOffsets: OffsetArray,
  outData: Uint8Array,
): number {
  return take(offsets, data, undefined, firstRow, count, outOffsets, outData);
}
