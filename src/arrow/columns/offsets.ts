/**
 * The offsets buffer of variable-width columns: strings, binary, lists, maps. Offsets are written so that the first is 0, and are
 * proven to be non-decreasing and within the values before a reader can follow them.
 *
 * @module
 */
import { type BodyWriter, malformed } from "../body-writer.js";
import { areNull } from "../null-rows.js";
import type { DataLike } from "../shape.js";
import { required } from "./column.js";

/** The range of values that a range of rows refers to: `[first, last)`, in units of the offsets. */
export interface ValueRange {
  first: number;
  last: number;
}

/** Bytes of one offset: 4 for strings, binary, lists and maps, 8 for the large ones. */
export type OffsetWidth = 4 | 8;

const range: ValueRange = { first: 0, last: 0 };

/**
 * Writes offsets [start, start + length] of `data` as buffer `index`.
 *
 * @param available how many values there are
 * @returns the values referred to; the object is reused by the next call
 */
export function writeOffsets(
  writer: BodyWriter,
  path: string,
  index: number,
  width: OffsetWidth,
  data: DataLike,
  start: number,
  length: number,
  available: number,
): ValueRange {
  range.first = 0;
  range.last = 0;
  const bytes = (length + 1) * width;
  if (length === 0) {
    // Sources may bring an empty offsets buffer; one zero is what the format asks for.
    const address = writer.buffer(index, width);
    if (!writer.overflow) writer.views.u8.fill(0, address, address + width);
    return range;
  }
  const source = required(path, data.valueOffsets, "offsets");
  const begin = start * width;
  let held = Math.min(length, Math.floor(source.byteLength / width) - start - 1);
  if (held < length && !areNull(data, start + Math.max(0, held), start + length)) {
    malformed(path, `its offsets buffer has ${source.byteLength} bytes where ${begin + bytes} are expected`);
  }
  if (held < 0) {
    writer.copy(index, source, 0, 0, bytes);
    return range;
  }
  const first = offsetAt(source, width, start);
  let last = offsetAt(source, width, start + held);
  if (last <= first) {
    // Room behind the offsets that builders leave, all zeros, may stand where rows are null: see `null-rows.ts`.
    const ascending = ascendingRows(source, width, start, held);
    if (ascending < held && areNull(data, start + ascending, start + held)) {
      held = ascending;
      last = offsetAt(source, width, start + held);
    }
  }
  if (!(first >= 0 && first <= last && last <= available)) {
    malformed(path, `its offsets run from ${first} to ${last}, but there are ${available} values`);
  }
  const address = writer.copy(index, source, begin, (held + 1) * width, bytes);
  range.first = first;
  range.last = last;
  if (writer.overflow) return range;
  const { kernels } = writer;
  if (first !== 0) {
    if (width === 4) kernels.rebase32(address, held + 1, first);
    else kernels.rebase64(address, held + 1, first);
  }
  const valid =
    width === 4
      ? kernels.offsetsValid32(address, held + 1, last - first)
      : kernels.offsetsValid64(address, held + 1, last - first);
  if (!valid) malformed(path, "its offsets are not in ascending order");
  // Of 64 bits, the upper word of an offset inside an arena is 0, and so is the room.
  for (let row = held + 1; row <= length; row++) writer.views.u32[(address + row * width) / 4] = last - first;
  return range;
}

/** How many rows there are before the first whose offsets descend. */
function ascendingRows(source: ArrayBufferView, width: OffsetWidth, start: number, rows: number): number {
  let row = 0;
  while (row < rows && offsetAt(source, width, start + row + 1) >= offsetAt(source, width, start + row)) row++;
  return row;
}

function offsetAt(source: ArrayBufferView, width: OffsetWidth, index: number): number {
  if (width === 4) {
    if (source instanceof Int32Array) return source[index] ?? Number.NaN;
    return new DataView(source.buffer, source.byteOffset, source.byteLength).getInt32(4 * index, true);
  }
  if (source instanceof BigInt64Array) return Number(source[index]);
  return Number(new DataView(source.buffer, source.byteOffset, source.byteLength).getBigInt64(8 * index, true));
}
