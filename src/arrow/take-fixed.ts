/**
 * Gathers rows of a fixed number of bytes.
 *
 * @module
 */
import { bytesOf, wordBytes, wordsOf } from "./fixed-layout.js";

/** From this width on one native copy a row is faster than a loop over words. */
const NATIVE_COPY_MIN_BYTES = 192;

/**
 * Rows `indices` of `source`, in that order, as plain bytes on a buffer of their own.
 *
 * Rows past the end of `source` read as zeros: apache-arrow leaves the values of an all-null column out of its IPC messages.
 */
export function takeFixed(source: ArrayBufferView, bytesPerRow: number, indices: Uint32Array): Uint8Array<ArrayBuffer> {
  const taken = new Uint8Array(bytesPerRow * indices.length);
  if (bytesPerRow >= NATIVE_COPY_MIN_BYTES) {
    takeWide(bytesOf(source), bytesPerRow, indices, taken);
    return taken;
  }
  const unitBytes = wordBytes(bytesPerRow, source.byteOffset);
  const from = wordsOf(source, unitBytes);
  const to = wordsOf(taken, unitBytes);
  const unitsPerRow = bytesPerRow / unitBytes;
  if (unitsPerRow === 1) takeOne(from, indices, to);
  else if (unitsPerRow === 2) takeTwo(from, indices, to);
  else takeMany(from, unitsPerRow, indices, to);
  return taken;
}

type Words = Uint8Array | Uint16Array | Uint32Array;

function takeOne(from: Words, indices: Uint32Array, to: Words): void {
  for (let row = 0; row < indices.length; row++) to[row] = from[indices[row] ?? 0] ?? 0;
}

function takeTwo(from: Words, indices: Uint32Array, to: Words): void {
  for (let row = 0; row < indices.length; row++) {
    const at = 2 * (indices[row] ?? 0);
    to[2 * row] = from[at] ?? 0;
    to[2 * row + 1] = from[at + 1] ?? 0;
  }
}

function takeMany(from: Words, unitsPerRow: number, indices: Uint32Array, to: Words): void {
  let filled = 0;
  for (let row = 0; row < indices.length; row++) {
    const at = unitsPerRow * (indices[row] ?? 0);
    for (let unit = 0; unit < unitsPerRow; unit++) to[filled++] = from[at + unit] ?? 0;
  }
}

function takeWide(from: Uint8Array, bytesPerRow: number, indices: Uint32Array, to: Uint8Array): void {
  for (let row = 0; row < indices.length; row++) {
    const at = bytesPerRow * (indices[row] ?? 0);
    to.set(from.subarray(at, at + bytesPerRow), bytesPerRow * row);
  }
}
