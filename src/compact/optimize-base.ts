/**
 * LanceDB's optimize() on a base table: small fragments are joined, indexes brought up to date, old versions removed.
 *
 * LanceDB syncs nothing, and removes what a version replaced. So that a loss of power never takes both:
 *   1. Fragments are joined and indexes updated; nothing is removed.
 *   2. The newest version is made durable, with all it consists of. When it is old itself, one that changes nothing is committed first: the
 *      cleanup could otherwise keep nothing but a version that somebody else commits at that moment and nobody has synced.
 *   3. Versions older than the retention are removed, with the files that only they name.
 *
 * Neither the log nor the SSTables, nor the merge watermark, are touched.
 *
 * @module
 */
import type { Table } from "@lancedb/lancedb";
import type { BaseCommits } from "./base-commits.js";
import type { OptimizeOutcome } from "./optimize-outcome.js";

/** The table, and what is to be kept. */
export interface OptimizeOptions {
  readonly table: Table;
  readonly commits: BaseCommits;
  /** Makes the newest version durable. */
  readonly makeDurable: () => Promise<unknown>;
  readonly retentionMs: number;
}

/** @throws as a commit does, and as `makeDurable` does */
export async function optimizeBase({
  table,
  commits,
  makeDurable,
  retentionMs,
}: OptimizeOptions): Promise<OptimizeOutcome> {
  const begun = performance.now();
  const oldest = Date.now() - retentionMs;
  const { compaction } = await commits.commit("optimize", () => table.optimize({ cleanupOlderThan: new Date(0) }));
  const newest = (await table.listVersions()).at(-1);
  if (newest === undefined || newest.timestamp.getTime() <= oldest) await commits.touch("touch");
  await makeDurable();
  const { prune } = await commits.commit("cleanup", () => table.optimize({ cleanupOlderThan: new Date(oldest) }));
  return {
    fragmentsRemoved: compaction.fragmentsRemoved,
    fragmentsAdded: compaction.fragmentsAdded,
    versionsRemoved: prune.oldVersionsRemoved,
    bytesRemoved: prune.bytesRemoved,
    milliseconds: performance.now() - begun,
  };
}
