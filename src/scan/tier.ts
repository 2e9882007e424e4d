/**
 * A tier of a snapshot, as a stream of batches: a memtable, an SSTable, or the base table.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import type { Shadow } from "./shadow.js";
import type { Bits } from "./tombstones.js";

/** Rows of a tier, as they were appended, or as LanceDB has read them. */
export interface TierBatch {
  readonly rows: number;
  /** The key columns, in the order of the key, row 0 first. */
  keys(): readonly Data[];
  /** The columns that were asked for, in that order. */
  columns(): readonly Data[];
  /**
   * Writes the numbers of the rows that are the newest of their key within the tier, ascending; room for all rows is there.
   *
   * @returns how many
   */
  newest(out: Uint32Array): number;
  /** Which rows are deletions: bit `offset + row`; undefined when none can be. */
  tombstones(): Bits | undefined;
}

/** What is read of a tier. */
export interface TierRead {
  /** Names of columns of the table. */
  readonly columns: readonly string[];
  /** Live rows at most; tiers that cannot tell which are live read on. */
  readonly limit: number;
}

export interface Tier {
  /** Keys of newer tiers. */
  shadows(): Promise<readonly Shadow[]>;
  /** Its batches. Ending the iteration ends the reading. */
  batches(read: TierRead): AsyncIterable<TierBatch> | Iterable<TierBatch>;
}
