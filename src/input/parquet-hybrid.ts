/**
 * Parquet's mix of run-length encoding and bit packing, which holds levels, dictionary indices and booleans.
 *
 * ```text
 * run:    varint count << 1        │ value, in whole bytes
 * packed: varint groups << 1 | 1   │ groups × 8 values of `width` bits, lowest bits first
 * ```
 *
 * However long a run claims to be, no more is written than `out` has room for.
 * Format: https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE
 *
 * @module
 */

import { CorruptError } from "../errors.js";

/** Fills `out` from the bytes [start, end). @throws CorruptError when they run out before it is full. */
export function decodeHybrid(
  bytes: Uint8Array,
  start: number,
  end: number,
  width: number,
  out: Uint8Array | Int32Array,
): void {
  if (width > 32) throw new CorruptError(`values of ${width} bits; expected at most 32`);
  if (width === 0) {
    out.fill(0);
    return;
  }
  let at = start;
  let filled = 0;
  while (filled < out.length) {
    let header = 0;
    for (let shift = 0; ; shift += 7) {
      if (at >= end || shift > 28) throw new CorruptError("the run lengths are cut off");
      const byte = bytes[at++] ?? 0;
      header |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    const count = header >>> 1;
    if ((header & 1) === 0) {
      const valueBytes = (width + 7) >> 3;
      if (at + valueBytes > end) throw new CorruptError("a run is cut off");
      let value = 0;
      for (let i = 0; i < valueBytes; i++) value |= (bytes[at++] ?? 0) << (8 * i);
      out.fill(value, filled, Math.min(filled + count, out.length));
      filled += count;
    } else {
      const values = Math.min(count * 8, out.length - filled);
      if (at + Math.ceil((values * width) / 8) > end) throw new CorruptError("packed values are cut off");
      unpack(bytes, at, width, out, filled, values);
      filled += values;
      at += count * width;
    }
  }
}

function unpack(
  bytes: Uint8Array,
  at: number,
  width: number,
  out: Uint8Array | Int32Array,
  from: number,
  count: number,
): void {
  if (width > 25) {
    unpackWide(bytes, at, width, out, from, count);
    return;
  }
  const mask = 2 ** width - 1;
  let bits = 0;
  let held = 0;
  let next = at;
  for (let i = 0; i < count; i++) {
    while (held < width) {
      bits |= (bytes[next++] ?? 0) << held;
      held += 8;
    }
    out[from + i] = bits & mask;
    bits >>>= width;
    held -= width;
  }
}

/** More than 25 bits do not fit beside the rest of a byte in 32: doubles hold them exactly. */
function unpackWide(
  bytes: Uint8Array,
  at: number,
  width: number,
  out: Uint8Array | Int32Array,
  from: number,
  count: number,
): void {
  const modulus = 2 ** width;
  let bits = 0;
  let held = 0;
  let next = at;
  for (let i = 0; i < count; i++) {
    while (held < width) {
      bits += (bytes[next++] ?? 0) * 2 ** held;
      held += 8;
    }
    out[from + i] = bits % modulus;
    bits = Math.floor(bits / modulus);
    held -= width;
  }
}
