/**
 * Memtable: a batch store together with an index of its primary key, in one arena. One writer appends, any number of threads read it
 * without a lock.
 *
 * Order of events of an append: room in the index made → batches appended and committed → their rows inserted → `indexed` published. So
 * nothing can fail once rows are committed, and an append that fails leaves no entry that names a row of another. Readers take their
 * bound from `snapshot()`, which goes by `indexed`: what they find below it, and that a row is the newest, stays true for that bound
 * whatever is appended meanwhile. See `kernels/key-index.ts` for the bytes and the proof.
 *
 * @module
 */

import { normaliseSchema } from "../arrow/schema.js";
import type { DataLike, RecordBatchLike, SchemaLike } from "../arrow/shape.js";
import { ClosedError, UsageError } from "../errors.js";
import { MAX_INDEX_ROWS } from "../kernels/key-index.js";
import { Arena } from "../store/arena.js";
import { BatchStore, type WriterOptions } from "../store/batch-store.js";
import { Control } from "../store/control.js";
import { PAGE_BYTES } from "../store/layout.js";
import { Scratch } from "../store/scratch.js";
import { SlotTable } from "../store/slots.js";
import type { ReaderOptions } from "../store/store-reader.js";
import type { AppendResult } from "../store/store-writer.js";
import { keyFields, kindsWord } from "./key-columns.js";
import { formatIndex, type IndexSize, indexBytes } from "./key-geometry.js";
import { KeyIndex } from "./key-index.js";
import { KeyIndexWriter } from "./key-index-writer.js";
import { KeyWords } from "./key-words.js";
import { checkMemtableHandle, type MemtableHandle } from "./memtable-handle.js";
import { OrderedIndex } from "./ordered-index.js";
import type { KeyValue, RowIndex, RowIndexWriter } from "./row-index.js";

/** How a memtable is made. */
export interface MemtableOptions {
  /** Schema of all batches. */
  readonly schema: SchemaLike;
  /** Names of the key columns, 1 to 16, in the order of the key; of type int32, int64, (large) utf8 or (large) binary, not nullable. */
  readonly primaryKey: readonly string[];
  /** Bytes of shared memory for the batches; those of the index come on top, and take memory as they are used. */
  readonly bytes: number;
  /** Batches at most. */
  readonly batches: number;
  /** Rows at most, 1 to 268,435,455. The index takes up to 24 to 40 bytes of address space for each. */
  readonly maxRows: number;
  /**
   * Different keys to be expected: the index begins with room for them, instead of growing to it by steps, whose memory stays in use.
   * @default 0
   */
  readonly expectedRows?: number;
  /**
   * The key is one int64 column and ascends strictly in append order, which the caller guarantees: then there is no index.
   * @default false
   */
  readonly ordered?: boolean;
  /** See `BatchStore`. @default true */
  readonly prefault?: boolean;
}

/** How a thread writes a memtable that is there. */
export interface MemtableWriterOptions extends WriterOptions {
  /** As in `MemtableOptions`. */
  readonly expectedRows?: number;
  /** Break the claim of a writer whose thread is known to have ended; what it had committed and not indexed is indexed now. */
  readonly takeover?: boolean;
}

/** What of a memtable is indexed at one moment. */
export interface MemtableSnapshot {
  readonly batches: number;
  readonly rows: number;
}

/** What a memtable is besides its store. */
type Description = Omit<MemtableHandle, "kind" | "store">;

export class Memtable {
  /** The batches. Append through the memtable, not here. */
  readonly store: BatchStore;
  readonly #description: Description;
  readonly #slots: SlotTable;
  readonly #index: RowIndex;
  readonly #writer: RowIndexWriter | undefined;
  readonly #arenaBytes: number;

  private constructor(
    store: BatchStore,
    description: Description,
    writer: { readonly expectedRows: number } | undefined,
  ) {
    const arena = new Arena(store.handle().memory);
    const { ordered, primaryKey, maxRows } = description;
    this.store = store;
    this.#description = description;
    this.#slots = new SlotTable(arena);
    this.#arenaBytes = arena.bytes;
    const fields = keyFields(store.schema, primaryKey);
    const columns = primaryKey.map((name) => store.column([name]));
    const [first] = columns;
    if (ordered && first !== undefined) {
      const index = new OrderedIndex(store, first, fields, maxRows, arena.buffer);
      this.#index = index;
      this.#writer = writer === undefined ? undefined : index;
      return;
    }
    const control = new Control(arena);
    const identity = control.identity(arena.bytes / PAGE_BYTES);
    if (identity.indexBytes === 0) throw new UsageError("the store of this handle has no index; expected a memtable's");
    const { kernels } = store;
    const { buffer } = arena;
    const { slots } = { slots: this.#slots };
    const scratch = new Scratch(arena, control, identity);
    const words = new KeyWords(arena.u32, identity.indexStart);
    this.#index = new KeyIndex(arena, kernels, scratch, words, fields);
    if (writer === undefined) return;
    this.#writer = new KeyIndexWriter({ words, kernels, scratch, slots, columns, buffer }, writer.expectedRows);
  }

  /**
   * Creates an empty memtable in new shared memory; this handle is its writer.
   *
   * @throws UsageError when an option is out of its bounds, the key is none, or the memory is not to be had
   */
  static create(options: MemtableOptions): Memtable {
    const { schema, primaryKey, bytes, batches, maxRows, expectedRows = 0, ordered = false, prefault = true } = options;
    if (!(Number.isInteger(maxRows) && maxRows >= 1 && maxRows <= MAX_INDEX_ROWS)) {
      throw new UsageError(`maxRows is ${String(maxRows)}; expected a whole number from 1 to ${MAX_INDEX_ROWS}`);
    }
    const fields = keyFields(normaliseSchema(schema), primaryKey);
    const size: IndexSize = { columns: fields.length, batches, rows: maxRows };
    const storeOptions = { schema, bytes, capacity: batches, prefault };
    const store = ordered ? BatchStore.create(storeOptions) : BatchStore.createIndexed(storeOptions, indexBytes(size));
    if (!ordered) {
      const arena = new Arena(store.handle().memory);
      const { indexStart } = new Control(arena).identity(arena.bytes / PAGE_BYTES);
      formatIndex(arena.u32, indexStart, size, kindsWord(fields));
    }
    const description = { primaryKey: [...primaryKey], ordered, maxRows };
    return new Memtable(store, description, { expectedRows: checkExpected(expectedRows, maxRows) });
  }

  /**
   * A reader of the memtable that `handle` stands for, usually in another thread. While it is attached the memory is not recycled; close
   * it when done.
   *
   * @throws UsageError when the value is not a handle
   * @throws GoneError when the memory has been recycled since the handle was made
   */
  static attach(handle: MemtableHandle, options: ReaderOptions = {}): Memtable {
    const { store, ...description } = checkMemtableHandle(handle);
    return made(BatchStore.attach(store, options), (opened) => new Memtable(opened, description, undefined));
  }

  /** As {@link attach}, for who keeps the memory from being recycled by the pins of a pool. @internal */
  static attachPinned(handle: MemtableHandle, options: ReaderOptions = {}): Memtable {
    const { store, ...description } = checkMemtableHandle(handle);
    const opened = BatchStore.attachPinned(store.memory, options);
    return made(opened, (opened) => new Memtable(opened, description, undefined));
  }

  /**
   * The writer of a memtable whose writer has closed its handle, or ended. What is committed and not indexed is indexed now.
   *
   * @throws ConflictError when it has a writer and `takeover` is not set
   */
  static attachWriter(handle: MemtableHandle, options: MemtableWriterOptions = {}): Memtable {
    return Memtable.#recovered(BatchStore.attachWriter(checkMemtableHandle(handle).store, options), handle, options);
  }

  /** As {@link attachWriter}, for the owner of a pool; see `BatchStore.attachPinnedWriter`. @internal */
  static attachPinnedWriter(handle: MemtableHandle, options: MemtableWriterOptions = {}): Memtable {
    const { memory } = checkMemtableHandle(handle).store;
    return Memtable.#recovered(BatchStore.attachPinnedWriter(memory, options), handle, options);
  }

  static #recovered(store: BatchStore, handle: MemtableHandle, { expectedRows = 0 }: MemtableWriterOptions): Memtable {
    const { store: _, ...description } = handle;
    return made(store, (opened) => {
      const writer = { expectedRows: checkExpected(expectedRows, handle.maxRows) };
      const memtable = new Memtable(opened, description, writer);
      memtable.#recover(memtable.#writable());
      return memtable;
    });
  }

  /** What is indexed: the bound that lookups take. */
  snapshot(): MemtableSnapshot {
    const batches = this.store.indexed;
    return { batches, rows: this.#rowsOf(batches) };
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

  /** True when the key ascends in append order, so that no key has two versions. */
  get ordered(): boolean {
    return this.#description.ordered;
  }

  /**
   * Appends batches atomically and indexes them. After an error nothing has changed.
   *
   * @param options see `BatchStore.appendAll`, whose errors are thrown too
   * @throws FullError when a bound is reached: `bound` says which of batches, bytes and rows
   */
  append(batches: readonly RecordBatchLike[], options: { readonly maxBytes?: number } = {}): AppendResult[] {
    const writer = this.#writable();
    const { store } = this;
    if (store.indexed !== store.length) this.#recover(writer);
    const { length, rows } = store.snapshot();
    writer.reserve(length, rows, rowsIn(batches));
    const results = store.appendAll(batches, options);
    this.#insert(writer, length);
    return results;
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
    this.#assertOpen();
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
    this.#assertOpen();
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

  /**
   * Empties the memtable to use its memory again, under a new generation; see `BatchStore.recycle`.
   *
   * @param options `expectedRows`, as for a new memtable: usually the different keys that it held last
   * @throws ConflictError while readers are attached
   */
  recycle(options: { readonly expectedRows?: number } = {}): void {
    const writer = this.#writable();
    const expectedRows = checkExpected(options.expectedRows ?? 0, this.maxRows);
    this.store.recycleIndexed(() => {
      const { length, rows } = this.store.snapshot();
      writer.clear(length, rows, expectedRows);
    });
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

  #insert(writer: RowIndexWriter, from: number): void {
    const { length } = this.store;
    writer.insert(from, length);
    this.store.advanceIndexed(length);
  }

  #recover(writer: RowIndexWriter): void {
    const { indexed } = this.store;
    writer.recover(indexed, this.#rowsOf(indexed), this.store.snapshot().rows);
    this.#insert(writer, indexed);
  }

  #rowsOf(batches: number): number {
    return batches === 0 ? 0 : this.#slots.rowsBefore(batches - 1) + this.#slots.rows(batches - 1);
  }

  #writable(): RowIndexWriter {
    this.#assertOpen();
    if (this.#writer !== undefined) return this.#writer;
    throw new UsageError("a reader cannot change the memtable; expected the handle of its writer");
  }

  #assertOpen(): void {
    if (this.store.closed) throw new ClosedError("this handle of the memtable is closed");
  }
}

function made(store: BatchStore, make: (store: BatchStore) => Memtable): Memtable {
  try {
    return make(store);
  } catch (error) {
    store.close();
    throw error;
  }
}

function rowsIn(batches: readonly RecordBatchLike[]): number {
  // What is no batch the store refuses, with a better message.
  if (!Array.isArray(batches)) return 0;
  return batches.reduce((rows, batch) => rows + (Number.isInteger(batch?.numRows) ? Math.max(0, batch.numRows) : 0), 0);
}

function checkExpected(expectedRows: number, maxRows: number): number {
  if (!(Number.isFinite(expectedRows) && expectedRows >= 0)) {
    throw new UsageError(`expectedRows is ${String(expectedRows)}; expected a number, 0 or more`);
  }
  return Math.min(expectedRows, maxRows);
}
