/**
 * Gathers rows of utf8 and binary columns, with 32-bit and 64-bit offsets.
 *
 * @module
 */
import { CorruptError, UsageError } from "../errors.js";
import { copyRun, runSource, SPILL_BYTES } from "./take-bytes.js";

/** Rows of bytes: row i is `data[offsets[i], offsets[i + 1])`. */
export interface VarRows {
  readonly offsets: Int32Array;
  readonly data: Uint8Array;
}

const MAX_OFFSET = 0x7fffffff;

/**
 * Rows `indices` of the rows `offsets` and `data`, their bytes dense from 0 on. A row whose bit in `nulls` (from bit `nullOffset`
 * on) is 0 becomes empty: what lies under a null is not carried along.
 *
 * @throws CorruptError when an offset points outside `data`.
 * @throws UsageError when the result has more bytes than 32-bit offsets can address.
 */
export function takeVar(
  offsets: Int32Array,
  data: Uint8Array,
  indices: Uint32Array,
  nulls?: Uint8Array,
  nullOffset = 0,
): VarRows {
  const rows = indices.length;
  const takenOffsets = new Int32Array(rows + 1);
  let first = data.byteLength;
  let last = 0;
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const index = indices[row] ?? 0;
    const bit = nullOffset + index;
    if (nulls === undefined || (((nulls[bit >>> 3] ?? 0) >>> (bit & 7)) & 1) === 1) {
      const start = offsets[index] ?? -1;
      const end = offsets[index + 1] ?? -1;
      checkRun(start, end, data.byteLength);
      if (start < first) first = start;
      if (end > last) last = end;
      total += end - start;
      if (total > MAX_OFFSET) throw tooManyBytes(rows);
    }
    takenOffsets[row + 1] = total;
  }
  const buffer = new ArrayBuffer(total + SPILL_BYTES);
  const taken = new Uint8Array(buffer, 0, total);
  if (total === 0) return { offsets: takenOffsets, data: taken };

  const to = new DataView(buffer);
  const source = runSource(data, first, last, rows);
  const { view, base, nativeMinBytes } = source;
  // Rows whose bytes lie one behind the other are copied as one.
  let start = 0;
  let end = 0;
  let target = 0;
  const copy = (): void => {
    const length = end - start;
    if (length < nativeMinBytes) copyRun(to, target, view, start, length);
    else taken.set(source.bytes.subarray(start, end), target);
  };
  for (let row = 0; row < rows; row++) {
    const at = takenOffsets[row] ?? 0;
    const length = (takenOffsets[row + 1] ?? 0) - at;
    if (length === 0) continue;
    const rowStart = (offsets[indices[row] ?? 0] ?? 0) - base;
    if (rowStart !== end) {
      copy();
      start = rowStart;
      target = at;
    }
    end = rowStart + length;
  }
  copy();
  return { offsets: takenOffsets, data: taken };
}

/** Refuses a row that does not lie within its `limit` bytes or child rows. */
export function checkRun(start: number, end: number, limit: number): void {
  if (start < 0 || end < start || end > limit) {
    throw new CorruptError(
      `offsets of a variable-width column are broken: a row spans [${start}, ${end}), expected a rising range within [0, ${limit}]`,
    );
  }
}

function tooManyBytes(rows: number): UsageError {
  return new UsageError(
    `${rows} rows would have more than ${MAX_OFFSET} bytes in one column, more than 32-bit offsets address: move fewer rows at once`,
  );
}

/**
 * 64-bit offsets of `length` rows as 32-bit ones into `data` from the first row on.
 *
 * @throws UsageError when the rows span more bytes than 32-bit offsets can address.
 * @throws CorruptError when an offset points outside `data`.
 */
export function narrowOffsets(offsets: ArrayBufferView | undefined, data: Uint8Array, length: number): VarRows {
  const narrow = new Int32Array(length + 1);
  if (length === 0 || offsets === undefined) return { offsets: narrow, data: data.subarray(0, 0) };
  const words = new Uint32Array(offsets.buffer, offsets.byteOffset, Math.floor(offsets.byteLength / 4));
  const at = (row: number): number => (words[2 * row] ?? 0) + (words[2 * row + 1] ?? 0) * 0x1_0000_0000;
  const first = at(0);
  const last = at(length);
  checkRun(first, last, data.byteLength);
  if (last - first > MAX_OFFSET) throw tooManyBytes(length);
  for (let row = 1; row <= length; row++) {
    const offset = at(row);
    checkRun(first, offset, last);
    narrow[row] = offset - first;
  }
  return { offsets: narrow, data: data.subarray(first, last) };
}

/** 32-bit offsets as 64-bit ones. */
export function widenOffsets(offsets: Int32Array): BigInt64Array {
  const wide = new BigInt64Array(offsets.length);
  // Low words through a 32-bit view: no BigInt is made per row.
  const words = new Uint32Array(wide.buffer);
  for (let row = 0; row < offsets.length; row++) words[2 * row] = offsets[row] ?? 0;
  return wide;
}
