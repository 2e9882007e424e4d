/**
 * Which row is the newest of its key, for the rows in the memtables of a shard.
 *
 * Rows are numbered over all memtables in the order they were appended. Of each row the index knows the next newer one of the same key,
 * so that one index serves every snapshot: among the first n rows, a row is the newest of its key when its successor is not below n.
 *
 * The hash table is cut into 64, each of which grows by itself: so growing one moves a 64th of the rows and never holds the thread up
 * for long. A slot is the number of the newest row of a key, and one more; 0 is free. Linear probing, half full at most.
 *
 * Filled only when somebody reads: `catchUp` takes in what was appended since, in slices of a millisecond. 13 to 21 bytes a row.
 *
 * @module
 */

import { type Field, Schema } from "apache-arrow";
import { RowBuilder } from "../arrow/rows/row-builder.js";
import { UsageError } from "../errors.js";
import type { BatchStore } from "../store/batch-store.js";
import type { Memtable } from "../writer/memtable-set.js";
import { buffersOf, KeyCursor, keyTypes } from "./key-cursor.js";
import { TimeSlice } from "../scan/time-slice.js";

/** Rows that can be numbered: what a slot holds. */
const MAX_ROWS = 2 ** 32 - 2;
/** Successor of a row that has none. */
const NONE = 0xffffffff;
const PARTS = 64;
const PART_SHIFT = 26;

/** A batch of a memtable. */
export interface IndexedBatch {
  readonly store: BatchStore;
  readonly position: number;
  /** Number of its first row. */
  readonly firstRow: number;
}

/** A row: where it lies. */
export interface IndexedRow {
  readonly store: BatchStore;
  readonly position: number;
  /** Row in that batch. */
  readonly row: number;
}

export class KeyIndex {
  readonly #memtables: () => readonly Memtable[];
  readonly #primaryKey: readonly string[];
  readonly #keyFields: readonly Field[];
  readonly #keys: RowBuilder;
  /** Of the batch that is taken in, of one that it is compared with, of the key that is looked for. */
  readonly #mine: KeyCursor;
  readonly #theirs: KeyCursor;
  readonly #probe: KeyCursor;
  readonly #parts = Array.from({ length: PARTS }, () => new Part());
  readonly #batches: IndexedBatch[] = [];
  #hashes = new Uint32Array(1_024);
  #next = new Uint32Array(1_024);
  #rows = 0;
  /** Where to go on: number of the memtable, and of the batch in it. */
  #memtable = 0;
  #position = 0;

  /**
   * @param schema of the storage
   * @param memtables of the shard, oldest first; what is in them stays, and none is ever removed
   */
  constructor(schema: Schema, primaryKey: readonly string[], memtables: () => readonly Memtable[]) {
    const types = keyTypes(schema, primaryKey);
    this.#memtables = memtables;
    this.#primaryKey = primaryKey;
    this.#keyFields = primaryKey.flatMap((name) => schema.fields.filter((field: Field) => field.name === name));
    this.#keys = new RowBuilder(new Schema([...this.#keyFields]));
    this.#mine = new KeyCursor(types);
    this.#theirs = new KeyCursor(types);
    this.#probe = new KeyCursor(types);
  }

  /** Rows that are there now: the bound of a snapshot. */
  get committed(): number {
    return this.#memtables().reduce((sum, { store }) => sum + store.totalRows, 0);
  }

  /** Takes in rows until `rows` of them are known, giving way to others every millisecond. */
  async catchUp(rows: number): Promise<void> {
    const slice = new TimeSlice();
    while (this.#rows < rows) {
      this.#takeIn();
      await slice.giveWay();
    }
  }

  /** Batches that hold the first `rows` rows, newest first. */
  *newestFirst(rows: number): Generator<IndexedBatch> {
    for (let i = this.#batches.length - 1; i >= 0; i--) {
      const batch = this.#batches[i];
      if (batch !== undefined && batch.firstRow < rows) yield batch;
    }
  }

  /** Whether a row is the newest of its key among the first `rows`. */
  isNewest(row: number, rows: number): boolean {
    return (this.#next[row] ?? 0) >= rows;
  }

  /**
   * The newest row with this key, undefined when there is none; what is not taken in yet is not found.
   *
   * @throws UsageError when it is not a key: a value of the key's column, an array or an object of values for several
   */
  find(key: unknown): IndexedRow | undefined {
    this.#keys.append(this.#keyRow(key));
    this.#probe.attach(buffersOf(this.#keys.finish().data.children));
    const number = this.#newest(this.#probe.hash(0), this.#probe, 0);
    if (number === NONE) return undefined;
    const { store, position, firstRow } = this.#batchOf(number);
    return { store, position, row: number - firstRow };
  }

  #keyRow(key: unknown): object {
    const names = this.#primaryKey;
    const [first = ""] = names;
    if (names.length === 1) return { [first]: key };
    if (Array.isArray(key) && key.length === names.length)
      return Object.fromEntries(names.map((name, i) => [name, key[i]]));
    if (typeof key === "object" && key !== null && !Array.isArray(key)) return key;
    const shown = names.map((name) => JSON.stringify(name)).join(", ");
    throw new UsageError(`a key is ${typeof key}; expected an array, or an object, of exactly ${shown}`);
  }

  /** Takes in the next batch. */
  #takeIn(): void {
    const { store } = this.#memtables()[this.#memtable] ?? {};
    if (store === undefined) throw new Error("the key index was asked for rows that no memtable has");
    if (this.#position >= store.length) {
      this.#memtable++;
      this.#position = 0;
      return;
    }
    const position = this.#position++;
    const rows = store.column(0).rows(position);
    const firstRow = this.#rows;
    if (firstRow + rows > MAX_ROWS) throw new UsageError(`the memtables hold more than ${MAX_ROWS} rows`);
    this.#batches.push({ store, position, firstRow });
    this.#attach(this.#mine, store, position);
    this.#reserve(firstRow + rows);
    for (let row = 0; row < rows; row++) this.#insert(firstRow + row, row);
    this.#rows = firstRow + rows;
  }

  #insert(number: number, row: number): void {
    const hash = this.#mine.hash(row);
    const part = this.#parts[hash >>> PART_SHIFT];
    if (part === undefined) return;
    this.#hashes[number] = hash;
    this.#next[number] = NONE;
    part.reserve(this.#hashes);
    const { slots, mask } = part;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const found = slots[at] ?? 0;
      if (found === 0) {
        slots[at] = number + 1;
        part.used++;
        return;
      }
      if (this.#hashes[found - 1] === hash && this.#isKeyOf(found - 1, this.#mine, row)) {
        this.#next[found - 1] = number;
        slots[at] = number + 1;
        return;
      }
    }
  }

  #newest(hash: number, cursor: KeyCursor, row: number): number {
    const { slots, mask } = this.#parts[hash >>> PART_SHIFT] ?? new Part();
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const found = slots[at] ?? 0;
      if (found === 0) return NONE;
      if (this.#hashes[found - 1] === hash && this.#isKeyOf(found - 1, cursor, row)) return found - 1;
    }
  }

  #isKeyOf(number: number, cursor: KeyCursor, row: number): boolean {
    const { store, position, firstRow } = this.#batchOf(number);
    this.#attach(this.#theirs, store, position);
    return cursor.equals(row, this.#theirs, number - firstRow);
  }

  #attach(cursor: KeyCursor, store: BatchStore, position: number): void {
    cursor.attach(
      this.#primaryKey.map((name) => {
        const column = store.column(name);
        return { values: column.values(position) ?? NO_VALUES, offsets: column.offsets(position) };
      }),
    );
  }

  /** The batch that a row lies in. */
  #batchOf(number: number): IndexedBatch {
    const batches = this.#batches;
    let low = 0;
    let high = batches.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((batches[middle]?.firstRow ?? 0) <= number) low = middle;
      else high = middle - 1;
    }
    const batch = batches[low];
    if (batch === undefined) throw new Error(`the key index has no row ${number}`);
    return batch;
  }

  #reserve(rows: number): void {
    if (rows <= this.#next.length) return;
    const length = Math.min(MAX_ROWS, 2 ** Math.ceil(Math.log2(rows)));
    this.#hashes = grown(this.#hashes, length);
    this.#next = grown(this.#next, length);
  }
}

const NO_VALUES = new Uint8Array(0);

/** A 64th of the hash table. */
class Part {
  slots = new Uint32Array(16);
  mask = 15;
  used = 0;

  /** Makes room for one more key. */
  reserve(hashes: Uint32Array): void {
    if (2 * (this.used + 1) <= this.slots.length) return;
    const { slots } = this;
    const larger = new Uint32Array(2 * slots.length);
    this.mask = larger.length - 1;
    for (const slot of slots) {
      if (slot === 0) continue;
      let at = (hashes[slot - 1] ?? 0) & this.mask;
      while (larger[at] !== 0) at = (at + 1) & this.mask;
      larger[at] = slot;
    }
    this.slots = larger;
  }
}

function grown(array: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(length);
  larger.set(array);
  return larger;
}
