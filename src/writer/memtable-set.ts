/**
 * The memtables of a writer: the active one, which it appends to, and the frozen ones before it.
 *
 * A memtable is a batch store; its number counts up from 0 within one writer. When the active one has no room it is frozen (finished:
 * readers that follow it come to its end) and another takes its place, as long as all of them together stay within the memory bound:
 * frozen ones count as what they hold, the active one as the whole of its arena.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import type { RecordBatchLike } from "../arrow/shape.js";
import { FullError, TooLargeError } from "../errors.js";
import { BatchStore } from "../store/batch-store.js";
import type { StoreHandle } from "../store/handle.js";
import { publishEvent } from "./events.js";
import type { EntryRange, ReplayedMemtable } from "./shard-log.js";

/** Sizes of memtables. */
export interface MemtableBounds {
  /** Bytes of the arena of each. */
  readonly memtableBytes: number;
  /** Batches of each. */
  readonly memtableBatches: number;
  /** Bytes that all may take together. */
  readonly maxMemoryBytes: number;
}

/** A memtable of this writer. */
export interface Memtable {
  readonly number: number;
  readonly store: BatchStore;
  /** The entries of the log that hold its batches, ascending; the last batches may not be in one yet. */
  readonly entries: EntryRange[];
}

/** Where an appended group of batches is. */
export interface Appended {
  readonly memtable: Memtable;
  /** First batch, and the first behind the group. */
  readonly from: number;
  readonly to: number;
  /** Bytes of arena it took. */
  readonly arenaBytes: number;
  /** Bytes of its rows. */
  readonly bytes: number;
}

export class MemtableSet {
  readonly #schema: Schema;
  readonly #bounds: MemtableBounds;
  readonly #maxGroupBytes: number;
  readonly #onNew: (number: number, handle: StoreHandle) => void;
  readonly #memtables: Memtable[] = [];
  #active: Memtable | undefined;
  #frozenBytes = 0;

  /** @param onNew is told of each memtable before anything is appended to it */
  constructor(
    schema: Schema,
    bounds: MemtableBounds,
    maxGroupBytes: number,
    onNew: (number: number, handle: StoreHandle) => void,
  ) {
    this.#schema = schema;
    this.#bounds = bounds;
    this.#maxGroupBytes = maxGroupBytes;
    this.#onNew = onNew;
  }

  /** Takes over what replay has filled; the last one becomes the active one. */
  adopt(replayed: readonly ReplayedMemtable[]): void {
    replayed.forEach(({ handle, entries }, number) => {
      const last = number === replayed.length - 1;
      const store = last ? BatchStore.attachWriter(handle) : BatchStore.attach(handle);
      const memtable = { number, store, entries: [...entries] };
      this.#memtables.push(memtable);
      if (last) this.#active = memtable;
      else this.#frozenBytes += store.snapshot().arenaBytes;
    });
  }

  /** Oldest first. */
  get all(): readonly Memtable[] {
    return this.#memtables;
  }

  /** Bytes in use. */
  get usedBytes(): number {
    return this.#frozenBytes + (this.#active?.store.snapshot().arenaBytes ?? 0);
  }

  /**
   * Appends a group of batches to the active memtable, or to a new one.
   *
   * @throws FullError when the group is too large for a memtable or an entry, or the memory bound is reached; UsageError when a batch is
   * not what it should be. Nothing was appended then.
   */
  append(batches: readonly RecordBatchLike[]): Appended {
    const active = this.#active ?? this.#start();
    try {
      return this.#appendTo(active, batches);
    } catch (error) {
      if (error instanceof TooLargeError) throw tooLarge(error);
      if (!(error instanceof FullError) || active.store.isEmpty) throw error;
    }
    const next = this.#rotate(active);
    try {
      return this.#appendTo(next, batches);
    } catch (error) {
      throw error instanceof TooLargeError ? tooLarge(error) : error;
    }
  }

  /** Nothing will be appended any more: readers in other threads come to their end. */
  close(): void {
    if (this.#active?.store.writable) this.#active.store.finish();
    for (const { store } of this.#memtables) store.close();
  }

  #appendTo(memtable: Memtable, batches: readonly RecordBatchLike[]): Appended {
    const { store } = memtable;
    const before = store.snapshot();
    const results = store.appendAll(batches, { maxBytes: this.#maxGroupBytes });
    const after = store.snapshot();
    return {
      memtable,
      from: before.length,
      to: before.length + results.length,
      arenaBytes: after.arenaBytes - before.arenaBytes,
      bytes: after.bytes - before.bytes,
    };
  }

  #rotate(active: Memtable): Memtable {
    const used = active.store.snapshot().arenaBytes;
    const { memtableBytes, maxMemoryBytes } = this.#bounds;
    if (this.#frozenBytes + used + memtableBytes > maxMemoryBytes) {
      throw new FullError(
        `the memtables hold ${this.#frozenBytes + used} of at most ${maxMemoryBytes} bytes, and another takes up to ${memtableBytes}; nothing drains them: open with a larger maxMemoryBytes`,
        "bytes",
      );
    }
    active.store.finish();
    this.#frozenBytes += used;
    const next = this.#start();
    const { rows, bytes } = active.store.snapshot();
    publishEvent("rotate", { memtable: active.number, rows, bytes });
    return next;
  }

  #start(): Memtable {
    const { memtableBytes, memtableBatches } = this.#bounds;
    const store = BatchStore.create({ schema: this.#schema, bytes: memtableBytes, capacity: memtableBatches });
    const memtable: Memtable = { number: this.#memtables.length, store, entries: [] };
    this.#memtables.push(memtable);
    this.#active = memtable;
    this.#onNew(memtable.number, store.handle());
    return memtable;
  }
}

/** What never fits is still `Full` to who puts: the bounds are the table's, not the call's. */
function tooLarge(error: TooLargeError): FullError {
  return new FullError(
    `one put is atomic and must fit into one memtable and one entry of the log: ${error.message}; put fewer rows at once`,
    "bytes",
    { cause: error },
  );
}
