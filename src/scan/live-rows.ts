/**
 * The live rows of a snapshot: of each key the newest, unless it is a deletion (invariant 12).
 *
 * Tier by tier, newest first; of each batch the rows that are the newest of their key within the tier, without those whose key is in a newer
 * tier, without deletions. A filter of rows comes after that: it must not let an old version of a row through because the newest does
 * not match, nor be asked about rows that nobody sees.
 *
 * @module
 */
import { dropShadowed, type Shadow } from "./shadow.js";
import type { Snapshot } from "./snapshot.js";
import type { TierBatch } from "./tier.js";
import { TimeSlice } from "./time-slice.js";
import { dropMarked } from "./tombstones.js";

/** Live rows of a batch. */
export interface LiveRows {
  readonly batch: TierBatch;
  /** How many, one at least. */
  readonly count: number;
  /** Their numbers in the batch, ascending, until the next ones are asked for; undefined when they are all of the batch. */
  readonly rows: Uint32Array | undefined;
}

/** What is read. */
export interface LiveRowsOptions {
  /** Names of columns of the table. */
  readonly columns: readonly string[];
  /** Rows at most. */
  readonly limit: number;
  readonly signals: readonly AbortSignal[];
}

/** Gives way to others every millisecond. Errors as those of the tiers, and the reason of a signal that aborts. */
export async function* liveRows(snapshot: Snapshot, options: LiveRowsOptions): AsyncGenerator<LiveRows, void> {
  const { columns, limit, signals } = options;
  const slice = new TimeSlice();
  let left = limit;
  for (const tier of snapshot.tiers()) {
    if (left === 0) return;
    const shadows = await tier.shadows();
    // Below a tier that hides rows nobody can tell how many have to be read.
    const tierLimit = shadows.length === 0 ? left : Number.POSITIVE_INFINITY;
    for await (const batch of tier.batches({ columns, limit: tierLimit })) {
      await slice.giveWay();
      for (const signal of signals) signal.throwIfAborted();
      const live = liveRowsOf(batch, shadows, left);
      if (live.count === 0) continue;
      left -= live.count;
      yield live;
      if (left === 0) return;
    }
  }
}

function liveRowsOf(batch: TierBatch, shadows: readonly Shadow[], limit: number): LiveRows {
  const rows = new Uint32Array(batch.rows);
  let count = batch.newest(rows);
  if (count > 0 && shadows.length > 0) count = dropShadowed(shadows, batch.keys(), rows, count);
  const tombstones = batch.tombstones();
  if (tombstones !== undefined) count = dropMarked(tombstones, rows, count);
  count = Math.min(count, limit);
  return { batch, count, rows: count === batch.rows ? undefined : rows.subarray(0, count) };
}
