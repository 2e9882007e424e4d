/**
 * Gathers bits: the validity of rows, and the values of Bool. Bits are counted from the lowest of each byte, as in Arrow.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import { bytesOf } from "./fixed-layout.js";

/** The validity of some rows: no bitmap when none of them is null. */
export interface Validity {
  readonly nullBitmap: Uint8Array | undefined;
  readonly nullCount: number;
}

export const ALL_VALID: Validity = { nullBitmap: undefined, nullCount: 0 };

/** Bytes of a bitmap of `length` bits, whole words of 8 bytes as apache-arrow makes them. */
export function bitmapBytes(length: number): number {
  return Math.ceil(length / 64) * 8;
}

/** The bitmap of `data` when it has nulls, else undefined. Bit `data.offset` belongs to row 0. */
export function bitmapWithNulls(data: Data): Uint8Array | undefined {
  const bitmap = bytesOf(data.nullBitmap);
  return bitmap.byteLength > 0 && data.nullCount !== 0 ? bitmap : undefined;
}

/** Bits `offset + indices[i]` of `bitmap`, as a bitmap from bit 0 on; bits past its end are 0. */
export function takeBits(bitmap: Uint8Array, offset: number, indices: Uint32Array): Uint8Array {
  const taken = new Uint8Array(bitmapBytes(indices.length));
  for (let row = 0; row < indices.length; row++) {
    const bit = offset + (indices[row] ?? 0);
    const value = ((bitmap[bit >>> 3] ?? 0) >>> (bit & 7)) & 1;
    const byte = row >>> 3;
    taken[byte] = (taken[byte] ?? 0) | (value << (row & 7));
  }
  return taken;
}

/** The validity of rows `indices` of `data`. */
export function takeValidity(data: Data, indices: Uint32Array): Validity {
  const bitmap = bitmapWithNulls(data);
  if (bitmap === undefined) return ALL_VALID;
  const nullBitmap = takeBits(bitmap, data.offset, indices);
  const nullCount = indices.length - countBits(nullBitmap);
  return nullCount === 0 ? ALL_VALID : { nullBitmap, nullCount };
}

/** How many bits of `bitmap` are 1. */
export function countBits(bitmap: Uint8Array): number {
  let count = 0;
  for (let byte of bitmap) {
    for (; byte !== 0; byte &= byte - 1) count++;
  }
  return count;
}
