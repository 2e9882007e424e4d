/**
 * The buffers of several pieces of data made into one, in plain memory: offsets, bytes, values of one width, bits.
 *
 * @module
 */
import type { DataType } from "apache-arrow";
import { UsageError } from "../errors.js";
import { fixedWidth } from "./fixed-layout.js";
import { areNull } from "./null-rows.js";
import type { DataLike } from "./shape.js";

const NO_BYTES = new Uint8Array(0);

/** Rows [start, start + length) of `data`. */
export interface Piece {
  readonly data: DataLike;
  readonly start: number;
  readonly length: number;
}

/** First row (or byte) and how many. */
export type Range = readonly [first: number, length: number];

export function concatOffsets(
  pieces: readonly Piece[],
  length: number,
  wide: boolean,
): { offsets: Int32Array | BigInt64Array; ranges: Range[] } {
  const offsets = wide ? new BigInt64Array(length + 1) : new Int32Array(length + 1);
  const view = new DataView(offsets.buffer);
  const set = (index: number, offset: number): void => {
    if (wide) view.setBigInt64(8 * index, BigInt(offset), true);
    else view.setInt32(4 * index, offset, true);
  };
  let base = 0;
  let row = 0;
  const ranges = pieces.map(({ data, start, length: rows }): Range => {
    const missing = !data.valueOffsets?.byteLength && areNull(data, start, start + rows);
    if (rows === 0 || missing) {
      for (let i = 0; i < rows; i++) set(++row, base);
      return [0, 0];
    }
    const bytes = rangeOf(data.valueOffsets, "offsets", 0, (wide ? 8 : 4) * (start + rows + 1));
    const source = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const at = (i: number): number => (wide ? Number(source.getBigInt64(8 * i, true)) : source.getInt32(4 * i, true));
    const first = at(start);
    for (let i = 1; i <= rows; i++) {
      set(++row, at(start + i) - first + base);
    }
    const range: Range = [first, at(start + rows) - first];
    if (first < 0 || range[1] < 0) {
      throw new UsageError(
        `a chunk's offsets run from ${first} to ${first + range[1]}; expected ascending ones from 0 on`,
      );
    }
    base += range[1];
    return range;
  });
  if (!wide && base > 0x7fffffff)
    throw new UsageError(`joined values have ${base} bytes or rows; 32-bit offsets end at 2147483647`);
  return { offsets, ranges };
}

export function concatBytes(pieces: readonly Piece[], ranges: readonly Range[]): Uint8Array {
  // All are looked up before room is made, so that wrong offsets cannot ask for much of it.
  const parts = pieces.map(({ data }, i) => {
    const [first, length] = ranges[i] ?? [0, 0];
    return length === 0 ? NO_BYTES : rangeOf(data.values, "values", first, length);
  });
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.byteLength;
  }
  return out;
}

export function concatFixed(type: DataType, pieces: readonly Piece[]) {
  const width = fixedWidth(type);
  const bytes = new Uint8Array(width * pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const { data, start, length } of pieces) {
    const held = Math.floor((data.values?.byteLength ?? 0) / width) - start;
    const rows = held < length && areNull(data, start + Math.max(0, held), start + length) ? Math.max(0, held) : length;
    if (rows * width > 0) bytes.set(rangeOf(data.values, "values", start * width, rows * width), at);
    at += length * width;
  }
  return new type.ArrayType(bytes.buffer);
}

export function concatValidity(pieces: readonly Piece[], length: number): Uint8Array | undefined {
  if (pieces.every(({ data }) => !data.nullBitmap || data.nullBitmap.byteLength === 0)) return undefined;
  return concatBits(pieces, length, (data) => (data.nullBitmap?.byteLength ? data.nullBitmap : undefined), true);
}

/** @param missing the bit for rows of data without the bitmap */
export function concatBits(
  pieces: readonly Piece[],
  length: number,
  bitmapOf: (data: DataLike) => ArrayBufferView | null | undefined,
  missing?: boolean,
): Uint8Array {
  const out = new Uint8Array(Math.ceil(length / 8));
  let row = 0;
  for (const { data, start, length: rows } of pieces) {
    const bitmap = bitmapOf(data);
    const absent = bitmap?.byteLength ? false : missing !== undefined || areNull(data, start, start + rows);
    const bytes = absent ? undefined : rangeOf(bitmap, "bitmap", 0, Math.ceil((data.offset + start + rows) / 8));
    for (let i = 0; i < rows; i++, row++) {
      const bit = data.offset + start + i;
      const set = bytes ? ((bytes[Math.floor(bit / 8)] ?? 0) >> (bit % 8)) & 1 : Number(missing);
      if (set) out[row >>> 3] = (out[row >>> 3] ?? 0) | (1 << (row & 7));
    }
  }
  return out;
}

/** Bytes [begin, begin + length) of a buffer, which must be there. */
export function rangeOf(
  view: ArrayBufferView | null | undefined,
  name: string,
  begin: number,
  length: number,
): Uint8Array {
  const bytes = view?.byteLength ?? 0;
  if (!view || bytes < begin + length) {
    throw new UsageError(`a chunk's ${name} buffer has ${bytes} bytes where ${begin + length} are expected`);
  }
  return new Uint8Array(view.buffer, view.byteOffset + begin, length);
}
