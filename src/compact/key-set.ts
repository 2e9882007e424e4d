/**
 * A set of keys of a few 32-bit words each, for counting which have come before: open addressing with linear probing in typed arrays,
 * a tenth of the memory of a JavaScript `Set` of bigints.
 *
 * @module
 */

const FIRST_CAPACITY = 1024;
/** Share of the slots in use above which the set grows. */
const MAX_LOAD = 0.75;

export class KeySet {
  readonly #words: number;
  readonly #mostKeys: number;
  #slots: Int32Array;
  /** 1 where a slot is in use. */
  #used: Uint8Array;
  #capacity = FIRST_CAPACITY;
  #size = 0;

  /**
   * @param words of a key, 1 to 4
   * @param mostKeys the set takes no more
   */
  constructor(words: number, mostKeys: number) {
    this.#words = words;
    this.#mostKeys = mostKeys;
    this.#slots = new Int32Array(FIRST_CAPACITY * words);
    this.#used = new Uint8Array(FIRST_CAPACITY);
  }

  get size(): number {
    return this.#size;
  }

  /** Whether it holds as many keys as it may: others are not added. */
  get isFull(): boolean {
    return this.#size >= this.#mostKeys;
  }

  /** Adds the key whose words start at `keys[at]`, unless the set is full; true when it was there before. */
  add(keys: Int32Array, at: number): boolean {
    const mask = this.#capacity - 1;
    let slot = hashOf(keys, at, this.#words) & mask;
    while (this.#used[slot] === 1) {
      if (this.#equals(slot, keys, at)) return true;
      slot = (slot + 1) & mask;
    }
    if (this.isFull) return false;
    this.#put(slot, keys, at);
    if (++this.#size > this.#capacity * MAX_LOAD) this.#grow();
    return false;
  }

  /** Whether the key whose words start at `keys[at]` was added. */
  has(keys: Int32Array, at: number): boolean {
    const mask = this.#capacity - 1;
    let slot = hashOf(keys, at, this.#words) & mask;
    while (this.#used[slot] === 1) {
      if (this.#equals(slot, keys, at)) return true;
      slot = (slot + 1) & mask;
    }
    return false;
  }

  #equals(slot: number, keys: Int32Array, at: number): boolean {
    for (let word = 0; word < this.#words; word++) {
      if (this.#slots[slot * this.#words + word] !== keys[at + word]) return false;
    }
    return true;
  }

  #put(slot: number, keys: Int32Array, at: number): void {
    for (let word = 0; word < this.#words; word++) this.#slots[slot * this.#words + word] = keys[at + word] ?? 0;
    this.#used[slot] = 1;
  }

  #grow(): void {
    const slots = this.#slots;
    const used = this.#used;
    this.#capacity *= 2;
    this.#slots = new Int32Array(this.#capacity * this.#words);
    this.#used = new Uint8Array(this.#capacity);
    const mask = this.#capacity - 1;
    for (let from = 0; from < used.length; from++) {
      if (used[from] !== 1) continue;
      let slot = hashOf(slots, from * this.#words, this.#words) & mask;
      while (this.#used[slot] === 1) slot = (slot + 1) & mask;
      this.#put(slot, slots, from * this.#words);
    }
  }
}

/** Words mixed so that keys which count up spread: the finaliser of MurmurHash3. */
function hashOf(keys: Int32Array, at: number, words: number): number {
  let hash = 0;
  for (let word = 0; word < words; word++) {
    hash = Math.imul(hash ^ (keys[at + word] ?? 0), 0x85ebca6b);
    hash ^= hash >>> 15;
    hash = Math.imul(hash, 0xc2b2ae35);
    hash ^= hash >>> 13;
  }
  return hash >>> 0;
}
