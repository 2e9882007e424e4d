/**
 * What a compactor is told, and what it tells.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import type { WatermarkOutcome } from "../lance/base-watermark.js";
import type { ManifestStore } from "../lance/manifest-store.js";
import type { OnStep } from "./on-step.js";

/** Bounds of a run. */
export interface CompactionLimits {
  /** A commit of rows has about so many bytes at most. @default 64 MiB */
  readonly commitBytes: number;
  /** … and about so many rows. @default 250,000 */
  readonly commitRows: number;
  /** A commit of deletes has so many keys at most. @default 5,000 */
  readonly commitDeletes: number;
  /** SSTables are merged together while all but the oldest have so many rows: about 60 bytes of memory each. @default 1,000,000 */
  readonly mergedKeys: number;
  /** From so many rows of the base table on its key gets a BTree index, where it can: see `base-key-index.ts`. @default 1,000,000 */
  readonly indexedRows: number;
  /** A merge commit that has taken so long is given up. @default 60,000 */
  readonly mergeTimeoutMs: number;
  /**
   * After a claim of a shard whose former owner may be alive, nothing is merged for so long: longer than his `mergeTimeoutMs` and than the 30 s
   * for which LanceDB begins a delete anew. @default 65,000
   */
  readonly takeoverWaitMs: number;
}

/** What is merged, and where to. */
export interface CompactorOptions {
  /** Directory that holds the table. */
  readonly database: string;
  /** Name of the table. */
  readonly name: string;
  /** `<database>/<name>.lance` */
  readonly tableDirectory: string;
  /** The shard's directory. */
  readonly shardDirectory: string;
  /** Manifests of the shard. */
  readonly manifests: ManifestStore;
  /** Of the claim on the shard: while it holds, and no longer, the table is merged into. */
  readonly epoch: number;
  /** Columns of the table. */
  readonly schema: Schema;
  /** Its key columns, in order. */
  readonly primaryKey: readonly string[];
  /** True when it is certain that no process is left that has ever held the shard before. @default true of the first epoch */
  readonly predecessorGone?: boolean | undefined;
  readonly limits?: Partial<CompactionLimits> | undefined;
  /** For tests that stop at every step. */
  readonly onStep?: OnStep | undefined;
}

/** What a run did. */
export interface CompactionResult {
  /** Generations of the SSTables that were merged, ascending. */
  readonly generations: readonly number[];
  /** Rows that were upserted: one for each key. */
  readonly rowsUpserted: number;
  /** Rows of the base table that were deleted. */
  readonly rowsDeleted: number;
  /** Commits to the base table, those of the watermark left out. */
  readonly commits: number;
  /** How often a commit was begun anew, because others had committed first. */
  readonly retries: number;
  /** Bytes of new files in the base table, by whomever. */
  readonly bytesWritten: number;
  /** Whether the base table says what is merged; undefined when there was nothing to merge. */
  readonly watermark: WatermarkOutcome | undefined;
  /**
   * Generation up to which all SSTables are in the base table, durably. Indexes that are maintained may not know their rows yet: until
   * LanceDB has caught up (`caughtUp` of the base manifest, after `optimize`), its vector search reads them from the SSTables.
   */
  readonly mergedGeneration: number;
  readonly milliseconds: number;
}

export const DEFAULT_LIMITS: CompactionLimits = {
  commitBytes: 2 ** 26,
  commitRows: 250_000,
  commitDeletes: 5_000,
  mergedKeys: 1_000_000,
  indexedRows: 1_000_000,
  mergeTimeoutMs: 60_000,
  takeoverWaitMs: 65_000,
};
