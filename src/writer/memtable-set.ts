/**
 * The memtables of a writer: the active one, which it appends to, and the frozen ones before it.
 *
 * A memtable has a generation, which is that of the SSTable it becomes. When the active one has no room (bytes, batches, rows), or when it is
 * told to, it is frozen: nothing is appended to it any more, and the next append takes another arena of the pool. Frozen ones are
 * released, oldest first, once their rows are in an SSTable. All of them together stay within the memory bound: frozen ones count as what
 * they hold, index included, the next one as the whole of its arena.
 *
 * @module
 */
import type { RecordBatchLike } from "../arrow/shape.js";
import { FullError, TooLargeError } from "../errors.js";
import type { Memtable } from "../memtable/memtable.js";
import type { MemtableHandle } from "../memtable/memtable-handle.js";
import type { BatchStore } from "../store/batch-store.js";
import { publishEvent } from "./events.js";
import type { EntryRange, ReplayedMemtable } from "./shard-log.js";

/** Sizes of memtables. */
export interface MemtableBounds {
  /** Bytes of the arena of each. */
  readonly memtableBytes: number;
  /** Bytes that all may take together. */
  readonly maxMemoryBytes: number;
}

/** Where memtables come from: a pool of arenas. */
export interface MemtableArenas {
  /** Memtables in use, oldest first. */
  readonly live: readonly { readonly generation: number; readonly memtable: Memtable }[];
  /**
   * An empty memtable, which becomes the active one.
   *
   * @throws FullError when readers hold all arenas
   */
  activate(generation: number, options?: { readonly expectedRows?: number }): Memtable;
  /** Nothing will be appended to it any more. */
  freeze(generation: number): void;
  /** New snapshots do not see it; its arena is used again once nobody reads it. */
  release(generation: number): void;
}

/** A memtable of this writer. */
export interface LiveMemtable {
  /** That of the SSTable it becomes. */
  readonly generation: number;
  readonly memtable: Memtable;
  readonly store: BatchStore;
  /** The entries of the log that hold its batches, ascending; the last batches may not be in one yet. */
  readonly entries: EntryRange[];
  /** Bytes of those entries that are in the log. */
  logBytes: number;
  /** When it was begun, on the writer's clock. */
  readonly startedAt: number;
}

/** Where an appended group of batches is. */
export interface Appended {
  readonly memtable: LiveMemtable;
  /** First batch, and the first behind the group. */
  readonly from: number;
  readonly to: number;
  /** Bytes of arena it took. */
  readonly arenaBytes: number;
  /** Bytes of its rows. */
  readonly bytes: number;
}

/** What is told of memtables. */
export interface MemtableEvents {
  /** Before anything is appended to it. */
  readonly onNew: (generation: number, handle: MemtableHandle) => void;
  readonly onFrozen: (memtable: LiveMemtable) => void;
  /** Whether frozen memtables are released some day. */
  readonly drains: boolean;
}

export class MemtableSet {
  readonly #arenas: MemtableArenas;
  readonly #bounds: MemtableBounds;
  readonly #maxGroupBytes: number;
  readonly #events: MemtableEvents;
  readonly #now: () => number;
  readonly #memtables: LiveMemtable[] = [];
  #active: LiveMemtable | undefined;
  #nextGeneration: number;
  /** Rows of the last frozen one: what the next is prepared for. */
  #expectedRows = 0;
  /** Bytes of the index of the last frozen one. */
  #indexBytes = 0;

  /** @param nextGeneration of the first one that is begun here */
  constructor(
    arenas: MemtableArenas,
    bounds: MemtableBounds,
    maxGroupBytes: number,
    nextGeneration: number,
    now: () => number,
    events: MemtableEvents,
  ) {
    this.#arenas = arenas;
    this.#bounds = bounds;
    this.#maxGroupBytes = maxGroupBytes;
    this.#nextGeneration = nextGeneration;
    this.#now = now;
    this.#events = events;
  }

  /**
   * Takes over what replay has filled, oldest first, with the entries of each; the last one is the active one, those before it are frozen.
   */
  adopt(replayed: readonly ReplayedMemtable[]): void {
    for (const [i, { generation, entries, bytes }] of replayed.entries()) {
      const memtable = this.#arenas.live.find((live) => live.generation === generation)?.memtable;
      if (memtable === undefined) throw new Error(`the pool has no memtable of generation ${generation}`);
      const { store } = memtable;
      const live: LiveMemtable = {
        generation,
        memtable,
        store,
        entries: [...entries],
        logBytes: bytes,
        startedAt: this.#now(),
      };
      this.#memtables.push(live);
      this.#nextGeneration = generation + 1;
      if (i === replayed.length - 1) this.#active = live;
      else this.#events.onFrozen(live);
    }
  }

  /** Oldest first. */
  get all(): readonly LiveMemtable[] {
    return this.#memtables;
  }

  get active(): LiveMemtable | undefined {
    return this.#active;
  }

  /** Bytes in use. */
  get usedBytes(): number {
    return this.#memtables.reduce((sum, { memtable }) => sum + memtable.usedBytes, 0);
  }

  /**
   * Appends a group of batches to the active memtable, or to a new one.
   *
   * @returns undefined when the memory bound is reached: nothing was appended, and can be once a frozen memtable is released
   * @throws FullError when the group is too large for a memtable or an entry, or readers hold all arenas; UsageError when a batch is not
   * what it should be. Nothing was appended then.
   */
  append(batches: readonly RecordBatchLike[]): Appended | undefined {
    const active = this.#active ?? this.#start();
    if (active === undefined) return undefined;
    try {
      return this.#appendTo(active, batches);
    } catch (error) {
      if (error instanceof TooLargeError) throw tooLarge(error);
      if (!(error instanceof FullError) || active.store.isEmpty) throw error;
    }
    // What cannot have a successor stays open: the next group may be smaller.
    if (!this.#hasMemoryForNext() && !this.#events.drains) return undefined;
    this.#freeze(active);
    const next = this.#start();
    this.#tellFrozen(active); // last: who is told may put
    if (next === undefined) return undefined;
    try {
      return this.#appendTo(next, batches);
    } catch (error) {
      throw error instanceof TooLargeError ? tooLarge(error) : error;
    }
  }

  /** Freezes the active memtable, unless it is empty or there is none. */
  freeze(): void {
    const active = this.#active;
    if (active === undefined || active.store.isEmpty) return;
    this.#freeze(active);
    this.#tellFrozen(active);
  }

  /** Gives up the oldest memtable, whose rows are in an SSTable. */
  release({ generation }: LiveMemtable): void {
    if (this.#memtables[0]?.generation !== generation || this.#active?.generation === generation) {
      throw new Error(`memtable ${generation} is not the oldest frozen one`);
    }
    this.#memtables.shift();
    this.#arenas.release(generation);
  }

  /** What a put fails with that finds the memory bound reached. */
  noRoom(because: string, cause?: Error): FullError {
    const { maxMemoryBytes, memtableBytes } = this.#bounds;
    return new FullError(
      `the memtables hold ${this.usedBytes} of at most ${maxMemoryBytes} bytes, and another takes up to ${memtableBytes}; ${because}`,
      "bytes",
      cause === undefined ? undefined : { cause },
    );
  }

  #freeze({ generation, memtable, store }: LiveMemtable): void {
    this.#arenas.freeze(generation);
    this.#active = undefined;
    this.#expectedRows = store.totalRows;
    this.#indexBytes = memtable.indexBytes;
  }

  #tellFrozen(memtable: LiveMemtable): void {
    const { rows, bytes } = memtable.store.snapshot();
    publishEvent("rotate", { memtable: memtable.generation, rows, bytes });
    this.#events.onFrozen(memtable);
  }

  /** The index of the next one takes about as much as that of the last. A lone one is let in whatever its index takes. */
  #hasMemoryForNext(): boolean {
    if (this.#memtables.length === 0) return true;
    const { memtableBytes, maxMemoryBytes } = this.#bounds;
    const indexBytes = this.#active?.memtable.indexBytes ?? this.#indexBytes;
    return this.usedBytes + memtableBytes + indexBytes <= maxMemoryBytes;
  }

  #appendTo(live: LiveMemtable, batches: readonly RecordBatchLike[]): Appended {
    const { store, memtable } = live;
    const before = store.snapshot();
    const results = memtable.append(batches, { maxBytes: this.#maxGroupBytes });
    const after = store.snapshot();
    return {
      memtable: live,
      from: before.length,
      to: before.length + results.length,
      arenaBytes: after.arenaBytes - before.arenaBytes,
      bytes: after.bytes - before.bytes,
    };
  }

  #start(): LiveMemtable | undefined {
    if (!this.#hasMemoryForNext()) return undefined;
    const generation = this.#nextGeneration;
    let memtable: Memtable;
    try {
      memtable = this.#arenas.activate(generation, { expectedRows: this.#expectedRows });
    } catch (error) {
      // A frozen one leaves its arena when it is flushed; readers leave theirs whenever they like.
      if (error instanceof FullError && this.#memtables.length > 0) return undefined;
      throw error;
    }
    this.#nextGeneration++;
    const live: LiveMemtable = {
      generation,
      memtable,
      store: memtable.store,
      entries: [],
      logBytes: 0,
      startedAt: this.#now(),
    };
    this.#memtables.push(live);
    this.#active = live;
    this.#events.onNew(generation, memtable.handle());
    return live;
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
