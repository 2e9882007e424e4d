/**
 * The reading side of a pool, in any thread: snapshots of all live memtables, without a lock and without a message. See `pool-layout.ts`
 * for the protocol and why it holds.
 *
 * Snapshots of one reader share its pins: a slot is pinned from the first snapshot that holds its memtable to the release of the last.
 *
 * @module
 */
import { ClosedError, RetryableError } from "../errors.js";
import type { ReaderOptions } from "../store/store-reader.js";
import { nowMs } from "./clock.js";
import type { MemtableHandle } from "./memtable-handle.js";
import { ReaderPins } from "./pins.js";
import { PoolControl } from "./pool-control.js";
import { checkPoolHandle, type PoolHandle } from "./pool-handle.js";
import { PoolSnapshot, type SnapshotMemtable } from "./pool-snapshot.js";
import { SlotReader } from "./slot-reader.js";
import { closeAtExit, closedBefore } from "./thread-exit.js";

/** Times that a snapshot is begun at most: each further one means that the owner released a memtable during the former. */
const MOST_ATTEMPTS = 1_000;

/** What a snapshot is to show. */
export interface SnapshotOptions {
  /**
   * Leave out rows that are not durable yet: so do all readers but the writer itself (invariant 9).
   * @default true
   */
  readonly durableOnly?: boolean;
}

export class PoolReader {
  readonly #control: PoolControl;
  readonly #pins: ReaderPins;
  readonly #slots: readonly SlotReader[];
  /** Oldest live generation, when last looked at. */
  #first = 0;
  #closed = false;

  private constructor(control: PoolControl, arenas: readonly MemtableHandle[], options: ReaderOptions) {
    this.#control = control;
    this.#pins = new ReaderPins(control.words, control.slots);
    this.#slots = arenas.map((arena, slot) => new SlotReader(control, this.#pins, slot, arena, options));
    closeAtExit(this);
  }

  /**
   * A reader of the pool that `handle` stands for, in this thread. It takes one of the pool's places for readers until it is closed, or
   * until the thread exits, or until the owner is told that the thread was terminated.
   *
   * @param options for each memtable that is read
   * @throws FullError when 64 readers are attached
   * @throws UsageError when the value is not a handle
   */
  static attach(handle: PoolHandle, options: ReaderOptions = {}): PoolReader {
    const { control, arenas } = checkPoolHandle(handle);
    return new PoolReader(new PoolControl(control), arenas, options);
  }

  /**
   * All live memtables as of now. Release it when done: until then their arenas are not used again.
   *
   * @throws RetryableError when the owner released memtables faster than they could be pinned, a thousand times in a row
   * @throws ClosedError when this reader is closed
   */
  snapshot(options: SnapshotOptions = {}): PoolSnapshot {
    if (this.#closed) throw new ClosedError("this reader of the memtable pool is closed");
    const durableOnly = options.durableOnly ?? true;
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const snapshot = this.#tryAll(durableOnly);
      if (snapshot !== undefined) return snapshot;
    }
    throw new RetryableError(
      `the live memtables changed ${MOST_ATTEMPTS} times while a snapshot of them was made; try again`,
    );
  }

  /** Gives up all pins, of snapshots that were not released too: nothing got from them may be used any more. Closing twice does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closedBefore(this);
    for (const slot of this.#slots) slot.close();
    this.#pins.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Undefined when a memtable went while it was looked at. */
  #tryAll(durableOnly: boolean): PoolSnapshot | undefined {
    const control = this.#control;
    const { first } = control; // before `end`: see `pool-layout.ts`, 2
    const { end } = control;
    if (first !== this.#first) this.#forgetBefore(first);
    const timeMs = nowMs();
    const memtables: SnapshotMemtable[] = [];
    const holds: SlotReader[] = [];
    const snapshot = new PoolSnapshot(memtables, holds);
    try {
      // The newest first: the durable count of an older one must be loaded after that of a newer.
      for (let generation = end - 1; generation >= first; generation--) {
        const slot = this.#slots[control.slotOf(generation)];
        if (slot === undefined || !slot.hold(generation, timeMs)) {
          snapshot.release();
          return undefined;
        }
        holds.push(slot);
        memtables.push(slot.view(generation < end - 1, durableOnly));
      }
    } catch (error) {
      snapshot.release();
      throw error;
    }
    memtables.reverse();
    return snapshot;
  }

  #forgetBefore(first: number): void {
    for (const slot of this.#slots) slot.forgetBefore(first);
    this.#first = first;
  }
}
