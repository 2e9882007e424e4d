/**
 * Reverses rows of a fixed number of bytes.
 *
 * Rows as wide as a machine word are copied and turned round by the engine's own `TypedArray.prototype.reverse`, which costs
 * little more than the copy alone; a loop in JavaScript takes three to five times as long.
 *
 * @module
 */
import { bytesOf, type FixedArrayConstructor, wordBytes, wordsOf } from "./fixed-layout.js";

/** From this width on one native copy a row is faster than a loop over words. */
const NATIVE_COPY_MIN_BYTES = 192;

/**
 * The first `rows` rows of `source`, the last of them first, in a plain array of the kind `array`.
 *
 * Rows past the end of `source` read as zeros: apache-arrow leaves the values of an all-null column out of its IPC messages.
 */
export function reverseFixed(
  source: ArrayBufferView,
  array: FixedArrayConstructor,
  bytesPerRow: number,
  rows: number,
): ArrayBufferView {
  const elementBytes = array.BYTES_PER_ELEMENT;
  const whole = source.byteLength >= bytesPerRow * rows;
  if (whole && elementBytes === bytesPerRow && source.byteOffset % elementBytes === 0) {
    return new array(source.buffer, source.byteOffset, rows).slice().reverse();
  }
  const reversed = new Uint8Array(bytesPerRow * rows);
  if (bytesPerRow >= NATIVE_COPY_MIN_BYTES) reverseWide(bytesOf(source), bytesPerRow, rows, reversed);
  else reverseWords(source, bytesPerRow, rows, reversed);
  return new array(reversed.buffer);
}

function reverseWide(from: Uint8Array, bytesPerRow: number, rows: number, to: Uint8Array): void {
  for (let row = 0; row < rows; row++) {
    const start = bytesPerRow * (rows - 1 - row);
    to.set(from.subarray(start, start + bytesPerRow), bytesPerRow * row);
  }
}

function reverseWords(source: ArrayBufferView, bytesPerRow: number, rows: number, reversed: Uint8Array): void {
  const unitBytes = wordBytes(bytesPerRow, source.byteOffset);
  const from = wordsOf(source, unitBytes);
  const to = wordsOf(reversed, unitBytes);
  const unitsPerRow = bytesPerRow / unitBytes;
  let filled = 0;
  for (let row = rows - 1; row >= 0; row--) {
    const start = unitsPerRow * row;
    for (let unit = 0; unit < unitsPerRow; unit++) to[filled++] = from[start + unit] ?? 0;
  }
}
