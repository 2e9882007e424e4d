/**
 * Rows that a source left out of the end of its buffers.
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
