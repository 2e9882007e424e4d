/**
 * The writing side of the index of a memtable whose keys ascend: compares each batch with the keys before, and begins the index at the
 * first one that does not ascend. `ordered-index.ts` has the order of events and why it is right. For the one writer of the memtable's
 * store.
 *
 * @module
 */
import type { Arena } from "../store/arena.js";
import type { RawColumn } from "../store/raw-column.js";
import type { SlotTable } from "../store/slots.js";
import type { KeyIndexWriter } from "./key-index-writer.js";
import type { KeyWords } from "./key-words.js";
import type { OrderedIndex } from "./ordered-index.js";
import type { RowIndexWriter } from "./row-index.js";

/** High and low word of what lies before every int64. */
const NO_KEY = { high: -2_147_483_648, low: -1 } as const;

/** What it works on. */
export interface OrderedIndexParts {
  readonly arena: Arena;
  readonly words: KeyWords;
  readonly slots: SlotTable;
  /** The key. */
  readonly column: RawColumn;
  /** This handle's reading side. */
  readonly reader: OrderedIndex;
  /** Of the index once there is one. */
  readonly table: KeyIndexWriter;
}

export class OrderedIndexWriter implements RowIndexWriter {
  readonly #parts: OrderedIndexParts;
  /** Batches whose last key is known, and its words; keys before them ascend. */
  #batches = 0;
  #high: number = NO_KEY.high;
  #low: number = NO_KEY.low;

  constructor(parts: OrderedIndexParts) {
    this.#parts = parts;
  }

  reserve(batches: number, rows: number, more: number): void {
    const { words, table } = this.#parts;
    // The region has room for a table of all rows that the memtable may hold, so one can be begun behind the append.
    if (words.root === 0) table.checkBound(rows, more);
    else table.reserve(batches, rows, more);
  }

  insert(from: number, to: number): void {
    const { words, slots, table } = this.#parts;
    let position = from;
    if (words.root === 0) {
      position = this.#ascendingEnd(from, to);
      if (position === to) return;
      table.begin(position, slots.rowsBefore(position), slots.rowsBefore(to - 1) + slots.rows(to - 1));
    }
    table.insert(position, to);
  }

  recover(indexed: number, indexedRows: number, rows: number): void {
    const { words, table } = this.#parts;
    if (words.root !== 0) {
      table.recover(indexed, indexedRows, rows);
      return;
    }
    table.checkRecovered(rows);
    table.dropUnfinished();
  }

  clear(batches: number, rows: number, expectedRows: number): void {
    const { words, reader, table } = this.#parts;
    // What was never written stays address space.
    if (words.isUntouched) table.expect(expectedRows);
    else table.clear(batches, rows, expectedRows);
    reader.forget();
  }

  /** The first of the batches [from, to) that does not ascend, within itself or from the keys before `from` on; `to` when all do. */
  #ascendingEnd(from: number, to: number): number {
    const { arena, slots } = this.#parts;
    const { i32, u32 } = arena;
    if (this.#batches !== from) this.#lookBack(from);
    let high = this.#high;
    let low = this.#low;
    for (let position = from; position < to; position++) {
      const rows = slots.rows(position);
      if (rows === 0) continue;
      const first = this.#keyWord(position);
      const end = first + 2 * rows;
      for (let word = first; word < end; word += 2) {
        // Not as bigints, each of which may be an object.
        const nextLow = u32[word] ?? 0;
        const nextHigh = i32[word + 1] ?? 0;
        if (nextHigh < high || (nextHigh === high && nextLow <= low)) return position;
        high = nextHigh;
        low = nextLow;
      }
    }
    this.#know(to, high, low);
    return to;
  }

  /** Finds the last key of the batches before `position`, which a former writer may have appended. */
  #lookBack(position: number): void {
    const { arena, slots } = this.#parts;
    let last = position - 1;
    while (last >= 0 && slots.rows(last) === 0) last--;
    if (last < 0) {
      this.#know(position, NO_KEY.high, NO_KEY.low);
      return;
    }
    const word = this.#keyWord(last) + 2 * (slots.rows(last) - 1);
    this.#know(position, arena.i32[word + 1] ?? 0, arena.u32[word] ?? 0);
  }

  /** Word of the first key of a batch with rows. */
  #keyWord(position: number): number {
    return (this.#parts.column.valuesAddress(position) ?? 0) / 4;
  }

  #know(batches: number, high: number, low: number): void {
    this.#batches = batches;
    this.#high = high;
    this.#low = low;
  }
}
