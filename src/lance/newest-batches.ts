/**
 * What of a memtable goes into its SSTable: of each key the newest row, tombstones included, in the order in which they were put.
 *
 * @module
 */
import type { RecordBatch } from "apache-arrow";
import { BatchGatherer } from "../arrow/batch-gatherer.js";
import type { Memtable } from "../memtable/memtable.js";
import type { StoredBatch } from "../store/stored-batch.js";

const BATCH_ROWS = 65_536;

/** How many rows {@link newestBatches} gives. */
export function newestRowCount(memtable: Memtable): number {
  let count = 0;
  for (const { rows } of newestByBatch(memtable)) count += rows.length;
  return count;
}

/**
 * @param memtable frozen
 * @returns batches in storage schema; some are views on the memtable's memory
 */
export function* newestBatches(memtable: Memtable): Generator<RecordBatch> {
  const gatherer = new BatchGatherer(memtable.store.schema, undefined, { batchRows: BATCH_ROWS, copy: false });
  for (const { batch, rows } of newestByBatch(memtable)) {
    const { data, numRows } = batch.recordBatch;
    yield* gatherer.add(data.children, numRows, rows.length === numRows ? undefined : rows);
  }
  yield* gatherer.flush();
}

function* newestByBatch(memtable: Memtable): Generator<{ readonly batch: StoredBatch; readonly rows: Uint32Array }> {
  const { store } = memtable;
  const { rows } = memtable.snapshot();
  for (const batch of store) {
    const newest = new Uint32Array(batch.rows);
    const found = memtable.newestRows(batch.position, rows, newest);
    if (found > 0) yield { batch, rows: newest.subarray(0, found) };
  }
}
