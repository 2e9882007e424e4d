/**
 * Reverses rows of utf8 and binary columns.
 *
 * @module
 */
import { copyRun, runSource, SPILL_BYTES } from "./take-bytes.js";
import { checkRun, type VarRows } from "./take-var.js";

/**
 * The first `length` rows of `data`, the last of them first; row i is `data[offsets[i], offsets[i + 1])`.
 *
 * @throws CorruptError when an offset points outside `data` or below the one before it.
 */
export function reverseVar(offsets: Int32Array, data: Uint8Array, length: number): VarRows {
  const first = offsets[0] ?? 0;
  const last = offsets[length] ?? (length === 0 ? first : -1);
  checkRun(first, last, data.byteLength);
  const total = last - first;
  const reversedOffsets = new Int32Array(length + 1);
  const buffer = new ArrayBuffer(total + SPILL_BYTES);
  const reversed = new Uint8Array(buffer, 0, total);
  const to = new DataView(buffer);
  const { bytes, view, base, nativeMinBytes } = runSource(data, first, last, length);
  let target = 0;
  let end = last;
  for (let row = length - 1; row >= 0; row--) {
    const start = offsets[row] ?? -1;
    const runLength = end - start;
    if (runLength < 0 || start < first) checkRun(start, end, last);
    if (runLength < nativeMinBytes) copyRun(to, target, view, start - base, runLength);
    else reversed.set(bytes.subarray(start - base, end - base), target);
    target += runLength;
    end = start;
    reversedOffsets[length - row] = target;
  }
  return { offsets: reversedOffsets, data: reversed };
}
