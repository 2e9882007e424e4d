/**
 * Checksums of columns; mix.ts states the definition. They take plain arrays, in an arena or not. All results are
 * u32.
 */
import { bitAt, isNull } from "./bits.js";
import { finish, finishNull, seed, step } from "./mix.js";
import { longAt, longsOf, wordsOf } from "./views.js";

/** Feeds bytes [from, to) word by word. */
function mixBytes(start: number, bytes: Uint8Array, from: number, to: number): number {
  let hash = start;
  let i = from;
  for (; i + 4 <= to; i += 4) {
    const word =
      (bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8) | ((bytes[i + 2] ?? 0) << 16) | ((bytes[i + 3] ?? 0) << 24);
    hash = step(hash, word);
  }
  if (i === to) return hash;
  let last = 0;
  for (let shift = 0; i < to; i++, shift += 8) last |= (bytes[i] ?? 0) << shift;
  return step(hash, last);
}

/**
 * Checksum of `count` values of `width` bytes (0 or more).
 * @param bytes - value i at byte i * width
 * @param validity - bitmap of valid rows, or undefined when none is null
 * @param validityBitOffset - the bit of the first row in it
 * @param firstRow - ordinal of the first row
 */
export function checksumFixed(
  bytes: Uint8Array,
  width: number,
  validity: Uint8Array | undefined,
  validityBitOffset: number,
  count: number,
  firstRow: number,
): number {
  const wordsPerValue = width / 4;
  // Whole, aligned words are read at once; other widths byte by byte.
  const words = Number.isInteger(wordsPerValue) && bytes.byteOffset % 4 === 0 ? wordsOf(bytes) : undefined;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    let hash = seed(firstRow + i);
    if (isNull(validity, validityBitOffset + i)) {
      sum = (sum + finishNull(hash)) | 0;
      continue;
    }
    if (words) {
      const end = (i + 1) * wordsPerValue;
      for (let w = i * wordsPerValue; w < end; w++) hash = step(hash, words[w] ?? 0);
    } else {
      hash = mixBytes(hash, bytes, i * width, (i + 1) * width);
    }
    sum = (sum + finish(hash)) | 0;
  }
  return sum >>> 0;
}

/** Checksum of bits [bitOffset, bitOffset + count); the other parameters as for `checksumFixed`. */
export function checksumBits(
  bytes: Uint8Array,
  bitOffset: number,
  validity: Uint8Array | undefined,
  validityBitOffset: number,
  count: number,
  firstRow: number,
): number {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const start = seed(firstRow + i);
    const hash = isNull(validity, validityBitOffset + i)
      ? finishNull(start)
      : finish(step(start, bitAt(bytes, bitOffset + i)));
    sum = (sum + hash) | 0;
  }
  return sum >>> 0;
}

/**
 * Checksum of `count` values of variable length; the other parameters as for `checksumFixed`.
 * @param offsets - count + 1 offsets into `data`, from wherever
 */
export function checksumVar(
  offsets: Int32Array | BigInt64Array,
  data: Uint8Array,
  validity: Uint8Array | undefined,
  validityBitOffset: number,
  count: number,
  firstRow: number,
): number {
  const longs = longsOf(offsets);
  let sum = 0;
  let from = longAt(longs, 0);
  for (let i = 0; i < count; i++) {
    const to = longAt(longs, i + 1);
    const start = seed(firstRow + i);
    const hash = isNull(validity, validityBitOffset + i)
      ? finishNull(start)
      : finish(mixBytes(step(start, to - from), data, from, to));
    sum = (sum + hash) | 0;
    from = to;
  }
  return sum >>> 0;
}
