/**
 * Who makes SSTables of frozen memtables: injected into a writer, as it is layers above that know threads and LanceDB.
 *
 * @module
 */
import type { MemtableHandle } from "../memtable/memtable-handle.js";

/** A memtable whose rows are all in the log, and to which nothing will be appended. */
export interface FlushPlan {
  /** That of its SSTable. */
  readonly generation: number;
  readonly handle: MemtableHandle;
  /** Last entry of the log that its SSTable covers. */
  readonly replayAfter: number;
  readonly rows: number;
  readonly bytes: number;
}

/** What became of a memtable. */
export interface Flushed {
  /** Rows in the SSTable: one for each key. */
  readonly rows: number;
  /** Bytes of its files. */
  readonly bytes: number;
}

export interface Flusher {
  /**
   * Writes the SSTable of a memtable and publishes it in the shard's manifest; when it resolves, that survives a loss of power. Called for
   * one memtable after the other, in ascending order of generations; after a failure, for the same one again.
   *
   * @throws FencedError when a newer writer has claimed the shard: then never again
   */
  flush(plan: FlushPlan): Promise<Flushed>;
}
