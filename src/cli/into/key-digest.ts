/**
 * 128-bit digests of byte strings, so that keys of any length can be told apart in 16 bytes: MurmurHash3_x86_128, seed 0. Of a thousand
 * million different keys two have the same digest with a probability of 10^-21; who wants them to can make them, which
 * would miscount.
 *
 * Source: https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp (public domain)
 *
 * @module
 */

const C1 = 0x239b961b;
const C2 = 0xab0e9789;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93;

/** Writes the digest of `bytes[start, end)` into four words of `into`, from word `at`. */
export function digestKey(bytes: Uint8Array, start: number, end: number, into: Int32Array, at: number): void {
  const length = end - start;
  let h1 = 0;
  let h2 = 0;
  let h3 = 0;
  let h4 = 0;
  let i = start;
  for (; i + 16 <= end; i += 16) {
    h1 ^= scrambled(word(bytes, i), C1, 15, C2);
    h1 = Math.imul(rotated(h1, 19) + h2, 5) + 0x561ccd1b;
    h2 ^= scrambled(word(bytes, i + 4), C2, 16, C3);
    h2 = Math.imul(rotated(h2, 17) + h3, 5) + 0x0bcaa747;
    h3 ^= scrambled(word(bytes, i + 8), C3, 17, C4);
    h3 = Math.imul(rotated(h3, 15) + h4, 5) + 0x96cd1c35;
    h4 ^= scrambled(word(bytes, i + 12), C4, 18, C1);
    h4 = Math.imul(rotated(h4, 13) + h1, 5) + 0x32ac3b17;
  }
  h4 ^= scrambled(rest(bytes, i + 12, end), C4, 18, C1);
  h3 ^= scrambled(rest(bytes, i + 8, end), C3, 17, C4);
  h2 ^= scrambled(rest(bytes, i + 4, end), C2, 16, C3);
  h1 ^= scrambled(rest(bytes, i, end), C1, 15, C2);
  h1 ^= length;
  h2 ^= length;
  h3 ^= length;
  h4 ^= length;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = (h2 + h1) | 0;
  h3 = (h3 + h1) | 0;
  h4 = (h4 + h1) | 0;
  h1 = final(h1);
  h2 = final(h2);
  h3 = final(h3);
  h4 = final(h4);
  h1 = (h1 + h2 + h3 + h4) | 0;
  into[at] = h1;
  into[at + 1] = h2 + h1;
  into[at + 2] = h3 + h1;
  into[at + 3] = h4 + h1;
}

function scrambled(value: number, before: number, bits: number, after: number): number {
  return Math.imul(rotated(Math.imul(value, before), bits), after);
}

function rotated(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function final(value: number): number {
  let h = value;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Four bytes, little-endian. */
function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}

/** The bytes of `[at, at + 4)` that lie before `end`, little-endian. */
function rest(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  for (let i = Math.min(at + 4, end) - 1; i >= at; i--) value = (value << 8) | (bytes[i] ?? 0);
  return value;
}
