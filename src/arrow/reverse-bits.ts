/**
 * Reverses a run of bits, eight at a time: byte k of the result is the mirror image of the eight bits that lie 8k before the
 * end of the run, read through a window over two bytes.
 *
 * @module
 */
import { bitmapBytes } from "./take-bits.js";

/** The mirror image of every byte. */
const MIRRORED = Uint8Array.from({ length: 256 }, (_, byte) => {
  let mirrored = 0;
  for (let bit = 0; bit < 8; bit++) mirrored |= ((byte >>> bit) & 1) << (7 - bit);
  return mirrored;
});

/** Bits `[offset, offset + length)` of `bitmap`, the last of them first, from bit 0 on; bits past its end are 0. */
export function reverseBits(bitmap: Uint8Array, offset: number, length: number): Uint8Array {
  const reversed = new Uint8Array(bitmapBytes(length));
  const wholeBytes = length >>> 3;
  for (let byte = 0, start = offset + length - 8; byte < wholeBytes; byte++, start -= 8) {
    const at = start >>> 3;
    const window = (bitmap[at] ?? 0) | ((bitmap[at + 1] ?? 0) << 8);
    reversed[byte] = MIRRORED[(window >>> (start & 7)) & 0xff] ?? 0;
  }
  const rest = length & 7;
  for (let bit = 0; bit < rest; bit++) {
    const at = offset + rest - 1 - bit;
    const value = ((bitmap[at >>> 3] ?? 0) >>> (at & 7)) & 1;
    reversed[wholeBytes] = (reversed[wholeBytes] ?? 0) | (value << bit);
  }
  return reversed;
}
