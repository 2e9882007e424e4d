/**
 * The slot table of a store: what a reader knows of a batch before it looks at its bytes. See `layout.ts` for the fields.
 *
 * Who may write: the store's writer, a slot that `committed` does not cover yet. Who may read: anyone, a slot that it does.
 *
 * @module
 */
import type { Arena } from "./arena.js";
import { SLOT, SLOT_BYTES, SLOT_WORDS } from "./layout.js";

const TWO_32 = 4_294_967_296;

export class SlotTable {
  readonly #u32: Uint32Array;
  readonly #lastWord: number;

  constructor(arena: Arena) {
    this.#u32 = arena.u32;
    this.#lastWord = arena.u32.length - SLOT_WORDS;
  }

  /** Lowest address used when slots [0, count) are. */
  static lowest(arenaBytes: number, count: number): number {
    return arenaBytes - SLOT_BYTES * count;
  }

  /** Fills slot `position`; addresses and lengths are multiples of 64. */
  write(
    position: number,
    start: number,
    length: number,
    rows: number,
    rowsBefore: number,
    bytes: number,
    bytesBefore: number,
    dictionarySet: number,
  ): void {
    const u32 = this.#u32;
    const word = this.#lastWord - SLOT_WORDS * position;
    u32[word + SLOT.START] = start / 64;
    u32[word + SLOT.LENGTH] = length / 64;
    u32[word + SLOT.ROWS] = rows;
    u32[word + SLOT.ROWS_BEFORE_LOW] = rowsBefore % TWO_32;
    u32[word + SLOT.ROWS_BEFORE_HIGH] = Math.floor(rowsBefore / TWO_32);
    u32[word + SLOT.BYTES] = bytes;
    u32[word + SLOT.BYTES_BEFORE] = bytesBefore;
    u32[word + SLOT.DICTIONARY_SET] = dictionarySet / 64;
  }

  /** Zeroes slots [from, to), which must not be committed, so that messages may come to lie there. */
  clear(from: number, to: number): void {
    if (from >= to) return;
    const end = this.#lastWord + SLOT_WORDS;
    this.#u32.fill(0, end - SLOT_WORDS * to, end - SLOT_WORDS * from);
  }

  /**
   * End of the slots, from `from` on, that were written and neither committed nor cleared: a writer that was terminated leaves them.
   *
   * @param tail address behind the last message, below which no slot is looked for
   */
  abandonedEnd(from: number, tail: number): number {
    let end = from;
    for (;;) {
      const word = this.#lastWord - SLOT_WORDS * end;
      if (4 * word < tail || this.#u32[word + SLOT.START] === 0) return end; // no message starts at 0
      end++;
    }
  }

  /** Address of the batch's message. */
  start(position: number): number {
    return 64 * this.#field(position, SLOT.START);
  }

  /** Bytes of the batch's message. */
  length(position: number): number {
    return 64 * this.#field(position, SLOT.LENGTH);
  }

  rows(position: number): number {
    return this.#field(position, SLOT.ROWS);
  }

  /** Rows in all batches before. */
  rowsBefore(position: number): number {
    return this.#field(position, SLOT.ROWS_BEFORE_HIGH) * TWO_32 + this.#field(position, SLOT.ROWS_BEFORE_LOW);
  }

  /** Bytes of the rows. */
  bytes(position: number): number {
    return this.#field(position, SLOT.BYTES);
  }

  /** Bytes of the rows in all batches before. */
  bytesBefore(position: number): number {
    return this.#field(position, SLOT.BYTES_BEFORE);
  }

  /** Address of the record of the dictionaries in force. */
  dictionarySet(position: number): number {
    return 64 * this.#field(position, SLOT.DICTIONARY_SET);
  }

  #field(position: number, field: number): number {
    return this.#u32[this.#lastWord - SLOT_WORDS * position + field] ?? 0;
  }
}
