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
import type { RecordBatchLike } from "../arrow/shape.js";
import { UsageError } from "../errors.js";
import { Arena } from "../store/arena.js";
import { BatchStore } from "../store/batch-store.js";
import { Control } from "../store/control.js";
import { PAGE_BYTES } from "../store/layout.js";
import type { ReaderOptions } from "../store/store-reader.js";
import type { AppendResult } from "../store/store-writer.js";
import { keyFields, kindsWord } from "./key-columns.js";
import { formatIndex, type IndexSize, indexBytes } from "./key-geometry.js";
import { checkMemtableHandle, type MemtableHandle } from "./memtable-handle.js";
import { checkExpected, checkMaxRows, type MemtableOptions, type MemtableWriterOptions } from "./memtable-options.js";
import { MemtableReader } from "./memtable-reader.js";
import type { RowIndexWriter } from "./row-index.js";

export class Memtable extends MemtableReader {
  /**
   * Creates an empty memtable in new shared memory; this handle is its writer.
   *
   * @throws UsageError when an option is out of its bounds, the key is none, or the memory is not to be had
   */
  static create(options: MemtableOptions): Memtable {
    const { schema, primaryKey, bytes, batches, maxRows, expectedRows = 0, ordered = false, prefault = true } = options;
    checkMaxRows(maxRows);
    const fields = keyFields(normaliseSchema(schema), primaryKey);
    const size: IndexSize = { columns: fields.length, batches, rows: maxRows };
    const store = BatchStore.createIndexed({ schema, bytes, capacity: batches, prefault }, indexBytes(size));
    const arena = new Arena(store.handle().memory);
    const { indexStart } = new Control(arena).identity(arena.bytes / PAGE_BYTES);
    formatIndex(arena.u32, indexStart, size, kindsWord(fields));
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

  #insert(writer: RowIndexWriter, from: number): void {
    const { length } = this.store;
    writer.insert(from, length);
    this.store.advanceIndexed(length);
  }

  #recover(writer: RowIndexWriter): void {
    const { indexed } = this.store;
    writer.recover(indexed, this.rowsOf(indexed), this.store.snapshot().rows);
    this.#insert(writer, indexed);
  }

  #writable(): RowIndexWriter {
    this.assertOpen();
    if (this.writer !== undefined) return this.writer;
    throw new UsageError("a reader cannot change the memtable; expected the handle of its writer");
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
