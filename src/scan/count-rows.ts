/**
 * Counts the live rows of a snapshot.
 *
 * @module
 */
import { liveRows } from "./live-rows.js";
import type { Snapshot } from "./snapshot.js";

/**
 * Exactly: of the tiers below the newest one the keys are read. What Lance knows by itself is taken from it, when nothing newer is there.
 * Errors as `scanSnapshot`.
 *
 * @param signals end it
 */
export async function countRows(snapshot: Snapshot, signals: readonly AbortSignal[] = []): Promise<number> {
  const done = snapshot.use();
  try {
    if (snapshot.memtables.length === 0 && snapshot.ssTables.length === 0) return snapshot.base.rows;
    const limit = Number.POSITIVE_INFINITY;
    let rows = 0;
    for await (const live of liveRows(snapshot, { columns: [], limit, signals })) rows += live.count;
    return rows;
  } finally {
    done();
  }
}
