/** Gather and reverse of fixed-width values into bytes that do not overlap them. */
import { wordsOf } from "./views.js";

function take(src: Uint8Array, width: number, indices: Uint32Array | undefined, count: number, dst: Uint8Array): void {
  const wordsPerValue = width / 4;
  if (Number.isInteger(wordsPerValue) && src.byteOffset % 4 === 0 && dst.byteOffset % 4 === 0) {
    takeUnits(wordsOf(src), wordsPerValue, indices, count, wordsOf(dst));
  } else {
    takeUnits(src, width, indices, count, dst);
  }
}

function takeUnits(
  src: Uint8Array | Int32Array,
  units: number,
  indices: Uint32Array | undefined,
  count: number,
  dst: Uint8Array | Int32Array,
): void {
  let to = 0;
  for (let i = 0; i < count; i++) {
    const row = indices ? (indices[i] ?? 0) : count - 1 - i;
    const end = (row + 1) * units;
    for (let from = row * units; from < end; from++) dst[to++] = src[from] ?? 0;
  }
}

/** Value i of `dst` is value indices[i] of `src`; all indices are used. */
export function gatherFixed(src: Uint8Array, width: number, indices: Uint32Array, dst: Uint8Array): void {
  take(src, width, indices, indices.length, dst);
}

/** The values in the opposite order. */
export function reverseFixed(src: Uint8Array, width: number, count: number, dst: Uint8Array): void {
  take(src, width, undefined, count, dst);
}
