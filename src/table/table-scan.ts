/**
 * Scans what is in the memtables: of each key the newest row, unless it is a tombstone.
 *
 * A scan is of one moment: it sees all that was committed when it began and nothing that came later. Newest batches come first; rows
 * within a batch in the order they were put.
 *
 * @module
 */
import type { RecordBatch, Schema } from "apache-arrow";
import { UsageError } from "../errors.js";
import { TOMBSTONE } from "../lance/storage-schema.js";
import { BatchGatherer } from "../scan/batch-gatherer.js";
import { TimeSlice } from "../scan/time-slice.js";
import type { IndexedBatch, KeyIndex } from "./key-index.js";

/** Rows of a batch at most. */
const BATCH_ROWS = 65_536;

/** What is scanned for. */
export interface ScanOptions {
  /** Names of the columns wanted, in the order wanted. @default all */
  readonly select?: readonly string[];
  /** Rows at most. @default all */
  readonly limit?: number;
  /** Ends the scan: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * @param schema of the table
 * @param closed aborts when the table is closed
 * @throws UsageError when `select` or `limit` is not what it should be, before anything is read
 */
export function scanTable(
  index: KeyIndex,
  schema: Schema,
  closed: AbortSignal,
  options: ScanOptions,
): AsyncGenerator<RecordBatch, void> {
  const { select, limit = Number.POSITIVE_INFINITY, signal } = options;
  if (limit !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(limit) && limit >= 0)) {
    throw new UsageError(`limit is ${String(limit)}; expected a whole number, 0 or more`);
  }
  return batches(
    index,
    new BatchGatherer(schema, select, { batchRows: BATCH_ROWS, copy: false }),
    limit,
    signal === undefined ? [closed] : [closed, signal],
  );
}

async function* batches(
  index: KeyIndex,
  gatherer: BatchGatherer,
  limit: number,
  signals: readonly AbortSignal[],
): AsyncGenerator<RecordBatch, void> {
  for (const signal of signals) signal.throwIfAborted();
  const rows = index.committed;
  await index.catchUp(rows);
  const slice = new TimeSlice();
  let left = limit;
  for (const batch of index.newestFirst(rows)) {
    if (left === 0) break;
    await slice.giveWay();
    for (const signal of signals) signal.throwIfAborted();
    const selected = liveRows(index, batch, rows, left);
    left -= selected?.length ?? batch.store.column(0).rows(batch.position);
    if (selected?.length === 0) continue;
    const stored = batch.store.get(batch.position);
    if (stored === undefined) continue;
    const { schema, data } = stored.recordBatch;
    const columns = gatherer.schema.fields.flatMap(
      ({ name }) => data.children[schema.fields.findIndex((field) => field.name === name)] ?? [],
    );
    yield* gatherer.add(columns, stored.rows, selected);
  }
  yield* gatherer.flush();
}

/** The rows of a batch that a scan shows, at most `limit`; undefined for all of them. */
function liveRows(
  index: KeyIndex,
  { store, position, firstRow }: IndexedBatch,
  rows: number,
  limit: number,
): Uint32Array | undefined {
  const count = store.column(0).rows(position);
  const tombstones = store.column(TOMBSTONE).values(position);
  const live = new Uint32Array(Math.min(count, limit));
  let found = 0;
  for (let row = 0; row < count && found < live.length; row++) {
    if (!index.isNewest(firstRow + row, rows)) continue;
    if (((Number(tombstones?.[row >>> 3] ?? 0) >>> (row & 7)) & 1) === 0) live[found++] = row;
  }
  return found === count ? undefined : live.subarray(0, found);
}
