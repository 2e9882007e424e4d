/**
 * Batches of storage rows for tests of SSTables.
 *
 * @module
 */
import type { RecordBatch, Schema } from "apache-arrow";
import { StorageRows } from "../arrow/rows/storage-rows.js";

/** A row: its values, or a key that it deletes. */
export type StorageRow = { readonly values: object } | { readonly deleted: unknown };

/** One batch of a storage schema, of which `primaryKey` names the key columns. */
export function storageBatch(schema: Schema, primaryKey: readonly string[], rows: readonly StorageRow[]): RecordBatch {
  const builder = new StorageRows(schema, primaryKey);
  for (const row of rows) {
    if ("values" in row) builder.appendRow(row.values);
    else builder.appendKey(row.deleted);
  }
  return builder.finish();
}
