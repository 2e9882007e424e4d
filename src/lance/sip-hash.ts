/**
 * SipHash-1-3 with the key (0, 0): what Rust's `DefaultHasher` computes, and so what Lance's bloom filters of keys are made of.
 *
 * One round a block of 8 bytes, three at the end; the last block holds what is left of the message, and its length modulo 256 in the
 * highest byte. Words of 64 bits are pairs of 32 bits, as BigInt is a hundred times slower.
 *
 * Source: J.-P. Aumasson, D. J. Bernstein: SipHash, a fast short-input PRF (2012).
 *
 * @module
 */

/**
 * Hashes a message into `out[at]` (low half) and `out[at + 1]` (high half).
 *
 * @param words the message, zeros behind it up to a multiple of 8 bytes and at least one more byte; its last block is written to
 * @param bytes of the message
 */
export function sipHash13(words: Uint32Array, bytes: number, out: Uint32Array, at: number): void {
  const last = 2 * (bytes >>> 3) + 1;
  words[last] = (words[last] ?? 0) | (bytes << 24);
  let v0l = 0x70736575;
  let v0h = 0x736f6d65;
  let v1l = 0x6e646f6d;
  let v1h = 0x646f7261;
  let v2l = 0x6e657261;
  let v2h = 0x6c796765;
  let v3l = 0x79746573;
  let v3h = 0x74656462;
  for (let word = 0; word < last + 7; word += 2) {
    let low = 0;
    let high = 0;
    if (word < last) {
      low = words[word] ?? 0;
      high = words[word + 1] ?? 0;
      v3l ^= low;
      v3h ^= high;
    } else if (word === last + 1) {
      v2l ^= 0xff;
    }
    // v0 += v1; v1 <<<= 13; v1 ^= v0; v0 <<<= 32
    let sum = (v0l + v1l) | 0;
    v0h = (v0h + v1h + (sum >>> 0 < v1l >>> 0 ? 1 : 0)) | 0;
    v0l = sum;
    let turned = (v1l << 13) | (v1h >>> 19);
    v1h = ((v1h << 13) | (v1l >>> 19)) ^ v0h;
    v1l = turned ^ v0l;
    turned = v0l;
    v0l = v0h;
    v0h = turned;
    // v2 += v3; v3 <<<= 16; v3 ^= v2
    sum = (v2l + v3l) | 0;
    v2h = (v2h + v3h + (sum >>> 0 < v3l >>> 0 ? 1 : 0)) | 0;
    v2l = sum;
    turned = (v3l << 16) | (v3h >>> 16);
    v3h = ((v3h << 16) | (v3l >>> 16)) ^ v2h;
    v3l = turned ^ v2l;
    // v0 += v3; v3 <<<= 21; v3 ^= v0
    sum = (v0l + v3l) | 0;
    v0h = (v0h + v3h + (sum >>> 0 < v3l >>> 0 ? 1 : 0)) | 0;
    v0l = sum;
    turned = (v3l << 21) | (v3h >>> 11);
    v3h = ((v3h << 21) | (v3l >>> 11)) ^ v0h;
    v3l = turned ^ v0l;
    // v2 += v1; v1 <<<= 17; v1 ^= v2; v2 <<<= 32
    sum = (v2l + v1l) | 0;
    v2h = (v2h + v1h + (sum >>> 0 < v1l >>> 0 ? 1 : 0)) | 0;
    v2l = sum;
    turned = (v1l << 17) | (v1h >>> 15);
    v1h = ((v1h << 17) | (v1l >>> 15)) ^ v2h;
    v1l = turned ^ v2l;
    turned = v2l;
    v2l = v2h;
    v2h = turned;
    if (word < last) {
      v0l ^= low;
      v0h ^= high;
    }
  }
  out[at] = v0l ^ v1l ^ v2l ^ v3l;
  out[at + 1] = v0h ^ v1h ^ v2h ^ v3h;
}
