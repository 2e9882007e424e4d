/**
 * BatchStore: a lock-free, append-only store of Arrow record batches in shared memory, with one writer and any number of
 * reading threads.
 *
 * The writer lays each batch out once, as an Arrow IPC message; readers in every thread see it by loading one word, and read it in place.
 * See `layout.ts` for the bytes and the order of events, `docs/batch-store.md` for use.
 *
 * @module
 */
import type { RecordBatchLike } from "../arrow/shape.js";
import { UsageError } from "../errors.js";
import { Arena, type ArenaMemory } from "./arena.js";
import { Control, claimId } from "./control.js";
import { type ArenaOptions, formatArena, recommendedCapacity } from "./format-arena.js";
import { checkHandle, type StoreHandle } from "./handle.js";
import { PAGE_BYTES } from "./layout.js";
import { Prefault } from "./prefault.js";
import { type ReaderOptions, StoreReader } from "./store-reader.js";
import { type AppendResult, StoreWriter } from "./store-writer.js";

/** How a store is made. */
export interface StoreOptions extends ArenaOptions, WriterOptions {}

/** How a thread writes, besides how it reads. */
export interface WriterOptions extends ReaderOptions {
  /**
   * Have a thread of ours touch the arena's pages ahead of the tail (4 to 32 MiB, once the store holds 256 KiB), so that appends run
   * into memory that the system has committed.
   * @default true
   */
  readonly prefault?: boolean;
}

export class BatchStore extends StoreReader {
  /** The writing side, on the handle that holds the claim. */
  readonly #writer: StoreWriter | undefined;
  readonly #prefault: Prefault | undefined;
  /** Id of the claims of a reader. */
  readonly #readerId = claimId();
  /** True for a reader that the word `readers` counts. */
  readonly #counted: boolean;
  #generation: number;

  private constructor(arena: Arena, options: WriterOptions, role: "reader" | "pinned" | "writer" | "takeover") {
    const control = new Control(arena);
    super(arena, control, control.identity(arena.bytes / PAGE_BYTES), options);
    this.#generation = control.generation;
    this.#counted = role === "reader";
    if (role === "reader" || role === "pinned") return;
    this.#writer = new StoreWriter(arena, control, this.identity, this.slots, this.plan, role === "takeover");
    if (options.prefault ?? true) this.#prefault = new Prefault(arena, control.dirtyEnd);
  }

  /**
   * Creates an empty store in new shared memory; this handle is its writer.
   *
   * @throws UsageError when an option is out of its bounds, the schema holds a type that apache-arrow 18.1 cannot hold, or the memory
   * is not to be had
   */
  static create(options: StoreOptions): BatchStore {
    return new BatchStore(formatArena(options), options, "writer");
  }

  /**
   * A store that leaves room in its arena, on top of `bytes`, for the index of a memtable.
   *
   * @param indexBytes a multiple of 64
   * @internal
   */
  static createIndexed(options: StoreOptions, indexBytes: number): BatchStore {
    return new BatchStore(formatArena(options, indexBytes), options, "writer");
  }

  /**
   * A reader of the store that `handle` stands for, usually in another thread. It sees every later append without a message. While it is
   * attached, the store's memory is not recycled; close it when done.
   *
   * @throws UsageError when the value is not a handle
   * @throws GoneError when the store's memory has been recycled since the handle was made
   */
  static attach(handle: StoreHandle, options: ReaderOptions = {}): BatchStore {
    const { memory, generation } = checkHandle(handle);
    const arena = new Arena(memory);
    const control = new Control(arena);
    control.identity(arena.bytes / PAGE_BYTES);
    control.attachReader(generation);
    try {
      return new BatchStore(arena, options, "reader");
    } catch (error) {
      control.detachReader();
      throw error;
    }
  }

  /**
   * The writer of an existing store, behind the batches that are in it: for a store whose writer has closed its handle, or ended.
   *
   * @param options `takeover: true` breaks the claim of a writer that did not release it. It asserts that the thread which holds it
   * has ended: one that is still alive gets `Conflict` from then on, but must not be in the midst of an append.
   * @throws ConflictError when the store has a writer and `takeover` is not set
   */
  static attachWriter(handle: StoreHandle, options: WriterOptions & { readonly takeover?: boolean } = {}): BatchStore {
    const { memory, generation } = checkHandle(handle);
    const arena = new Arena(memory);
    const control = new Control(arena);
    control.identity(arena.bytes / PAGE_BYTES);
    control.attachReader(generation); // so that nobody recycles the memory before the claim holds
    try {
      return new BatchStore(arena, options, options.takeover ? "takeover" : "writer");
    } finally {
      control.detachReader();
    }
  }

  /**
   * A reader of the store that lies in `memory` now, for one who keeps the memory from being recycled by other means: the pins of a
   * memtable pool. It is not counted among the attached readers, so it does not make `recycle` throw.
   *
   * @internal
   */
  static attachPinned(memory: ArenaMemory, options: ReaderOptions = {}): BatchStore {
    return new BatchStore(new Arena(memory), options, "pinned");
  }

  /**
   * The writer of the store that lies in `memory` now, for the owner of a memtable pool, who alone recycles its arenas: with `takeover`,
   * also of one whose former writer was terminated while it recycled.
   *
   * @internal
   */
  static attachPinnedWriter(
    memory: ArenaMemory,
    options: WriterOptions & { readonly takeover?: boolean } = {},
  ): BatchStore {
    const arena = new Arena(memory);
    if (options.takeover) new Control(arena).endRecycling();
    return new BatchStore(arena, options, options.takeover ? "takeover" : "writer");
  }

  /** Batches to provide for in a memtable of `memtableBytes`: one for each 64 KiB and a fifth more, at least 16. */
  static recommendedCapacity(memtableBytes: number): number {
    return recommendedCapacity(memtableBytes);
  }

  /** True for the handle that may append. */
  get writable(): boolean {
    return this.#writer !== undefined && !this.closed && this.control.isWriter(this.#writer.id);
  }

  /** How many readers are attached. */
  get readers(): number {
    return this.control.readers;
  }

  /**
   * Appends a batch and publishes it: when this returns, every thread sees it.
   *
   * The batch is copied; of a slice, only the rows of the slice. A batch without rows takes a slot. After an error nothing has changed.
   * A dictionary is known again by its `Data` objects, so its values must not be changed in place between appends.
   *
   * @throws FullError when a bound is reached: `bound` says whether batches or bytes
   * @throws TooLargeError, a `UsageError`, when the batch is larger than an empty store
   * @throws UsageError when the batch has another schema, malformed data, or a null in a column that is not nullable; or when this handle
   * is a reader
   * @throws ConflictError when another writer has taken over
   * @throws ClosedError when the store is finished or this handle is closed
   */
  append(batch: RecordBatchLike): AppendResult {
    const writer = this.#writable("append");
    const result = writer.append(batch);
    this.#prefault?.advance(writer.tail);
    return result;
  }

  /**
   * Appends several batches atomically: readers see none of them or all. Throws as {@link append} does; after an error none has been
   * appended.
   *
   * @param options with `maxBytes`, a group that takes more bytes of arena, dictionaries included, is `TooLargeError`
   * @returns one result for each batch, in order
   */
  appendAll(batches: readonly RecordBatchLike[], options: { readonly maxBytes?: number } = {}): AppendResult[] {
    const writer = this.#writable("append");
    const results = writer.appendAll(batches, options.maxBytes);
    this.#prefault?.advance(writer.tail);
    return results;
  }

  /**
   * Says that the first `count` batches are durable. The cursor only moves forward and has one owner: the first handle, in any thread,
   * that moves it, until that closes.
   *
   * @param options `takeover: true` takes the cursor from an owner whose thread is known to have ended
   * @throws UsageError when `count` is behind the cursor or past the committed length
   * @throws ConflictError when another handle owns the cursor
   */
  advanceDurable(count: number, options: { readonly takeover?: boolean } = {}): void {
    this.assertOpen();
    this.control.advanceDurable(this.#writer?.id ?? this.#readerId, count, options.takeover ?? false);
  }

  /**
   * Says that the first `count` batches are in the index of the memtable that this store belongs to.
   *
   * @throws UsageError when `count` is behind the cursor or past the committed length
   * @internal
   */
  advanceIndexed(count: number): void {
    this.#writable("move the cursor of the index").advanceIndexed(count);
  }

  /**
   * Says that no batch will follow: readers that wait or follow come to their end. Final, until the memory is recycled.
   *
   * @throws UsageError when this handle is a reader
   */
  finish(): void {
    this.#writable("finish the store").finish();
  }

  /**
   * Empties the store to use its memory again, with the same schema, under a new generation. All batches and views of this handle
   * become invalid, and so do handles given out before.
   *
   * @throws ConflictError while readers are attached; a reader whose thread was terminated stays attached, then drop this store and
   * create another
   * @throws UsageError when this is the store of a memtable, which is recycled as a whole
   */
  recycle(): void {
    if (this.identity.indexBytes > 0) {
      throw new UsageError(
        "the store belongs to a memtable, whose index must be cleared with it; recycle the memtable",
      );
    }
    this.recycleIndexed(() => {});
  }

  /**
   * As {@link recycle}, for a memtable.
   *
   * @param clearIndex makes the bytes of the index zero; called when nobody reads them any more
   * @internal
   */
  recycleIndexed(clearIndex: () => void): void {
    this.#writable("recycle the store").recycle(clearIndex);
    this.forget();
    this.#generation = this.control.generation;
  }

  /** This store as plain data, to be posted to other threads. */
  handle(): StoreHandle {
    this.assertOpen();
    return { kind: "pennon.BatchStore", memory: this.arena.memory, generation: this.#generation };
  }

  /**
   * Closes this handle and gives up its claims; the store itself lives on while other handles do. For the writer: if nothing more
   * will be appended, `finish` first. Closing twice does nothing. No batch or view got from this handle may be used afterwards.
   */
  close(): void {
    if (this.closed) return;
    this.closeReader();
    if (this.#writer !== undefined) {
      this.#writer.release();
    } else {
      this.control.releaseDurable(this.#readerId);
      if (this.#counted) this.control.detachReader();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #writable(action: string): StoreWriter {
    this.assertOpen();
    if (this.#writer === undefined) {
      throw new UsageError(`a reader cannot ${action}; expected the handle of the store's writer`);
    }
    return this.#writer;
  }
}
