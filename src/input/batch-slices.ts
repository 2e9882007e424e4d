/**
 * Cutting record batches to size.
 *
 * @module
 */

import type { RecordBatch } from "apache-arrow";

/** The batch itself when it has at most `rows` rows, else slices of it, in order. Nothing is copied. */
export function* slices(batch: RecordBatch, rows: number): Generator<RecordBatch> {
  if (batch.numRows <= rows) {
    yield batch;
    return;
  }
  for (let start = 0; start < batch.numRows; start += rows) {
    yield batch.slice(start, Math.min(start + rows, batch.numRows));
  }
}
