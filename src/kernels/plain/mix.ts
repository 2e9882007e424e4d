/**
 * The row mixer of the checksums: their definition. All arithmetic is on u32, mod 2^32.
 *
 * ```text
 * checksum      = sum over the rows of hash(row)
 * hash(null)    = finish(seed(row) ^ NULL_MARK)
 * hash(value)   = finish(step(… step(step(seed(row), word 0), word 1) …))
 * seed(row)     = row * ROW_FACTOR + ROW_START            row: the ordinal in the whole column
 * step(h, word) = rotateLeft((h ^ word) * WORD_FACTOR, 15)
 * finish(h)     = g ^ (g >> 13)   with g = (h ^ (h >> 16)) * END_FACTOR
 * ```
 *
 * The words of a value are its bytes, four at a time, little-endian, the last word filled up with zero bytes. A value
 * of variable length has its length in bytes as a word in front; a bit is the word 0 or 1. A sum does not care where
 * a column was cut into batches or in which order they are read; the seed makes it care in which row a value stands.
 * The steps are those of MurmurHash3 (https://github.com/aappleby/smhasher, public domain), good against accidents,
 * not against an adversary.
 */

const ROW_FACTOR = 0x9e3779b1;
const ROW_START = 0x165667b1;
const WORD_FACTOR = 0xcc9e2d51;
const END_FACTOR = 0x85ebca6b;
const NULL_MARK = 0x27d4eb2f;

/** The hash of a row before its words. */
export function seed(row: number): number {
  return (Math.imul(row, ROW_FACTOR) + ROW_START) | 0;
}

/** The hash with one more word. */
export function step(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, WORD_FACTOR);
  return (product << 15) | (product >>> 17);
}

/** The hash of a row after its words. */
export function finish(hash: number): number {
  const folded = Math.imul(hash ^ (hash >>> 16), END_FACTOR);
  return folded ^ (folded >>> 13);
}

/** The hash of a null row. */
export function finishNull(seeded: number): number {
  return finish(seeded ^ NULL_MARK);
}
