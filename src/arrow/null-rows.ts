/**
 * Null rows of a source, by its bitmap; among them those that it left out of the end of its buffers.
 *
 * apache-arrow makes such data where it lengthens a column to fit the others of a batch, or makes a missing one up: the bitmap says
 * null for rows that the other buffers do not reach. The rows are as good as any; only the buffers have to be filled up.
 *
 * @module
 */
import type { DataLike } from "./shape.js";

/** True when rows [from, to) of `data` are null. */
export function areNull(data: DataLike, from: number, to: number): boolean {
  if (from >= to) return true;
  const bitmap = data.nullBitmap;
  const end = data.offset + to;
  if (!bitmap || 8 * bitmap.byteLength < end) return false;
  const bytes = new Uint8Array(bitmap.buffer, bitmap.byteOffset, bitmap.byteLength);
  for (let bit = data.offset + from; bit < end; bit++) {
    if (((bytes[Math.floor(bit / 8)] ?? 0) >> (bit % 8)) & 1) return false;
  }
  return true;
}

/** The first null row of `data`, -1 when there is none. Rows under nulls of a parent count as they are. */
export function firstNull(data: DataLike): number {
  const bitmap = data.nullBitmap;
  if (!bitmap || bitmap.byteLength === 0) return -1;
  const bytes = new Uint8Array(bitmap.buffer, bitmap.byteOffset, bitmap.byteLength);
  const end = data.offset + data.length;
  for (let bit = data.offset; bit < end; ) {
    if (bit % 8 === 0 && bit + 8 <= end && bytes[bit / 8] === 0xff) {
      bit += 8;
      continue;
    }
    if ((((bytes[Math.floor(bit / 8)] ?? 0) >> (bit % 8)) & 1) === 0) return bit - data.offset;
    bit++;
  }
  return -1;
}
