/**
 * The reading side of a memtable, which its writer has too. In all lookups a bound of rows, from `snapshot()`, says how old the reader's
 * picture of the memtable is: rows from there on do not count.
 *
 * @module
 */
import type { DataLike } from "../arrow/shape.js";
import { ClosedError, UsageError } from "../errors.js";
import { Arena } from "../store/arena.js";
import type { BatchStore } from "../store/batch-store.js";
import { Control } from "../store/control.js";
import { PAGE_BYTES } from "../store/layout.js";
import { Scratch } from "../store/scratch.js";
import { SlotTable } from "../store/slots.js";
import { keyFields } from "./key-columns.js";
import { KeyIndex } from "./key-index.js";
import { KeyIndexWriter } from "./key-index-writer.js";
import { KeyWords } from "./key-words.js";
import type { MemtableHandle } from "./memtable-handle.js";
import { OrderedIndex } from "./ordered-index.js";
import { OrderedIndexWriter } from "./ordered-index-writer.js";
import type { KeyValue, RowIndex, RowIndexWriter } from "./row-index.js";

/** What of a memtable is indexed at one moment. */
export interface MemtableSnapshot {
  readonly batches: number;
  readonly rows: number;
}

/** What a memtable is besides its store. */
export type Description = Omit<MemtableHandle, "kind" | "store">;

export abstract class MemtableReader {
  /** The batches. Append through the memtable, not here. */
  readonly store: BatchStore;
  readonly #description: Description;
  readonly #slots: SlotTable;
  readonly #words: KeyWords;
  readonly #index: RowIndex;
  protected readonly writer: RowIndexWriter | undefined;
  readonly #arenaBytes: number;

  /** @param writer of the handle that writes: see `MemtableOptions` */
  protected constructor(
    store: BatchStore,
    description: Description,
    writer: { readonly expectedRows: number } | undefined,
  ) {
    const arena = new Arena(store.handle().memory);
    const { ordered, primaryKey } = description;
    this.store = store;
    this.#description = description;
    this.#slots = new SlotTable(arena);
    this.#arenaBytes = arena.bytes;
    const fields = keyFields(store.schema, primaryKey);
    const columns = primaryKey.map((name) => store.column([name]));
    const control = new Control(arena);
    const identity = control.identity(arena.bytes / PAGE_BYTES);
    if (identity.indexBytes === 0) throw new UsageError("the store of this handle has no index; expected a memtable's");
    const { kernels } = store;
    const { buffer } = arena;
    const slots = this.#slots;
    const scratch = new Scratch(arena, control, identity);
    const words = new KeyWords(arena.u32, identity.indexStart);
    this.#words = words;
    const table = new KeyIndex(arena, kernels, scratch, words, fields);
    const tableWriter =
      writer === undefined
        ? undefined
        : new KeyIndexWriter({ words, kernels, scratch, slots, columns, buffer }, writer.expectedRows);
    const [column] = columns;
    if (!ordered || column === undefined) {
      this.#index = table;
      this.writer = tableWriter;
      return;
    }
    const reader = new OrderedIndex(store, column, fields, words, table, buffer);
    this.#index = reader;
    if (tableWriter === undefined) return;
    this.writer = new OrderedIndexWriter({ arena, words, slots, column, reader, table: tableWriter });
  }

  /** What is indexed: the bound that lookups take. */
  snapshot(): MemtableSnapshot {
    const batches = this.store.indexed;
    return { batches, rows: this.rowsOf(batches) };
  }

  /** Rows that are indexed, all versions of all keys. */
  get rows(): number {
    return this.snapshot().rows;
  }

  /** Bytes of memory that the index uses, not counting what it may grow to. */
  get indexBytes(): number {
    const { batches, rows } = this.snapshot();
    return this.#index.usedBytes(batches, rows);
  }

  /** Bytes of memory in use: the store's and the index's. */
  get usedBytes(): number {
    return this.store.snapshot().arenaBytes + this.indexBytes;
  }

  /** Bytes of the arena, those of the index included. */
  get arenaBytes(): number {
    return this.#arenaBytes;
  }

  /** Rows at most. */
  get maxRows(): number {
    return this.#description.maxRows;
  }

  /** True when it was created with `ordered`, and its keys have ascended so far: there is no index. */
  get ordered(): boolean {
    return this.#description.ordered && this.#words.root === 0;
  }

  /**
   * Finds the newest row of each of some keys.
   *
   * @param keys Arrow data of the key columns, in the order of the key; in shared memory or not
   * @param rows bound, from {@link snapshot}: rows from there on do not count
   * @param out as many keys are looked up as it has places; receives the row's number, or `NOT_FOUND` (0xffffffff)
   * @throws UsageError when the columns are not those of the key, too short, or hold a null
   */
  find(keys: readonly DataLike[], rows: number, out: Uint32Array): void {
    this.assertOpen();
    this.#index.find(keys, rows, out);
  }

  /**
   * Finds the newest row of one key: its number, or `NOT_FOUND` (0xffffffff).
   *
   * @param key one value for each key column
   * @param rows bound, from {@link snapshot}
   * @throws UsageError when a value is none of its column's type
   */
  findOne(key: readonly KeyValue[], rows: number): number {
    this.assertOpen();
    return this.#index.findOne(key, rows);
  }

  /** Whether a row, below the bound `rows`, is the newest of its key among the first `rows` rows. */
  isNewest(row: number, rows: number): boolean {
    return this.#index.isNewest(row, rows);
  }

  /**
   * The rows of a batch that are the newest of their keys among the first `rows` rows, in order.
   *
   * @param position of an indexed batch
   * @param out receives their numbers within the batch; has at least as many places as the batch has rows
   * @returns how many they are
   * @throws UsageError when the batch is not indexed, or `out` is too small
   */
  newestRows(position: number, rows: number, out: Uint32Array): number {
    if (!(Number.isInteger(position) && position >= 0 && position < this.store.indexed)) {
      throw new UsageError(
        `there is no indexed batch at position ${position}; expected one below ${this.store.indexed}`,
      );
    }
    const firstRow = this.#slots.rowsBefore(position);
    const count = Math.max(0, Math.min(this.#slots.rows(position), rows - firstRow));
    if (out.length < count) {
      throw new UsageError(`out has ${out.length} places; expected one for each of the batch's ${count} rows`);
    }
    return this.#index.newestRows(firstRow, count, rows, out);
  }

  /**
   * The batch that holds a row, and the row's place in it.
   *
   * @throws UsageError when the row is not committed
   */
  locate(row: number): { readonly position: number; readonly row: number } {
    const { length, rows } = this.store.snapshot();
    if (!(Number.isInteger(row) && row >= 0 && row < rows)) {
      throw new UsageError(`there is no row ${row}; expected a whole number below ${rows}`);
    }
    let low = 0;
    let high = length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#slots.rowsBefore(middle) <= row) low = middle + 1;
      else high = middle;
    }
    return { position: low - 1, row: row - this.#slots.rowsBefore(low - 1) };
  }

  /** This memtable as plain data, to be posted to other threads. */
  handle(): MemtableHandle {
    return { kind: "pennon.Memtable", store: this.store.handle(), ...this.#description };
  }

  /** Closes this handle and gives up its claims. Closing twice does nothing. */
  close(): void {
    if (this.store.closed) return;
    this.#index.release();
    this.store.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Rows in the first batches. */
  protected rowsOf(batches: number): number {
    return batches === 0 ? 0 : this.#slots.rowsBefore(batches - 1) + this.#slots.rows(batches - 1);
  }

  protected assertOpen(): void {
    if (this.store.closed) throw new ClosedError("this handle of the memtable is closed");
  }
}
