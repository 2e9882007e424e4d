/**
 * The bits of a split-block bloom filter: what LanceDB's filters and ours are made of.
 *
 * Blocks of 32 bytes, each 8 words of 32 bits. The upper half of a key's hash chooses the block, the lower half a bit in each of its words;
 * a key may be there when all 8 are set. No key that was added is ever missed.
 *
 * Source: Apache Parquet, "Bloom Filter"; F. Putze, P. Sanders, J. Singler: Cache-, Hash- and Space-Efficient Bloom Filters (2007).
 *
 * @module
 */
import { UsageError } from "../errors.js";

export const BLOCK_WORDS = 8;
export const BLOCK_BYTES = 4 * BLOCK_WORDS;
/** Up to here blocks are chosen exactly in double precision: 64 MiB. */
export const MAX_BLOCKS = 2 ** 21;

const SALTS = Int32Array.of(
  0x47b6137b,
  0x44974d91,
  0x8824ad5b,
  0xa2b7289d,
  0x705495c7,
  0x2df1424b,
  0x9efc4947,
  0x5c6bfb31,
);

export class SplitBlockFilter {
  readonly words: Uint32Array;
  readonly #blocks: number;

  /** @param words 8 for each of 1 to {@link MAX_BLOCKS} blocks @throws UsageError for another number of words */
  constructor(words: Uint32Array) {
    this.#blocks = words.length / BLOCK_WORDS;
    this.words = words;
    if (!(Number.isInteger(this.#blocks) && this.#blocks >= 1 && this.#blocks <= MAX_BLOCKS)) {
      throw new UsageError(`a bloom filter of ${this.#blocks} blocks; expected a whole number from 1 to ${MAX_BLOCKS}`);
    }
  }

  /** Adds the first `count` hashes: low and high words in turn. */
  addAll(hashes: Uint32Array, count: number): void {
    const { words } = this;
    for (let i = 0; i < count; i++) {
      const low = hashes[2 * i] ?? 0;
      const block = this.#blockOf(hashes[2 * i + 1] ?? 0);
      for (let word = 0; word < BLOCK_WORDS; word++) {
        words[block + word] = (words[block + word] ?? 0) | bit(low, word);
      }
    }
  }

  /** False when no key of this hash was added. */
  mightHold(low: number, high: number): boolean {
    const { words } = this;
    const block = this.#blockOf(high);
    for (let word = 0; word < BLOCK_WORDS; word++) {
      if (((words[block + word] ?? 0) & bit(low, word)) === 0) return false;
    }
    return true;
  }

  /** Index of the block's first word. */
  #blockOf(high: number): number {
    return BLOCK_WORDS * Math.floor(((high >>> 0) * this.#blocks) / 2 ** 32);
  }
}

function bit(low: number, word: number): number {
  return 1 << (Math.imul(low, SALTS[word] ?? 0) >>> 27);
}
