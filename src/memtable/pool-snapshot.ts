/**
 * What a reader of a pool sees at one moment.
 *
 * @module
 */
import type { Memtable } from "./memtable.js";
import type { SlotReader } from "./slot-reader.js";

/** A memtable in a snapshot, and how much of it the snapshot sees. */
export interface SnapshotMemtable {
  /** Generation of the memtable: the number of the SSTable that it becomes. */
  readonly generation: number;
  /** This thread's reader of it, shared by its snapshots: do not close it. */
  readonly memtable: Memtable;
  /** Batches that the snapshot sees, from position 0. */
  readonly batches: number;
  /** Rows in these batches. */
  readonly rows: number;
}

/**
 * The live memtables of a pool as of one moment. Their bytes stay as they are until it is released; release it as soon as its batches,
 * and all views of them, are done with.
 */
export class PoolSnapshot {
  /** Oldest first. */
  readonly memtables: readonly SnapshotMemtable[];
  #holds: readonly SlotReader[];

  /** @param holds what this snapshot holds, to be dropped once each */
  constructor(memtables: readonly SnapshotMemtable[], holds: readonly SlotReader[]) {
    this.memtables = memtables;
    this.#holds = holds;
  }

  /** Gives the memtables up: whoever had this snapshot uses nothing got from them any more. A second call does nothing. */
  release(): void {
    const holds = this.#holds;
    this.#holds = [];
    for (const hold of holds) hold.drop();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
