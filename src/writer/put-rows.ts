/**
 * What is put, in the forms it comes in, made into one of the two that the handler takes.
 *
 * @module
 */
import type { StorageRows } from "../arrow/rows/storage-rows.js";
import { type DataLike, isRecordBatchLike, isSchemaLike, type RecordBatchLike } from "../arrow/shape.js";
import { UsageError } from "../errors.js";
import type { PutRows } from "./put-options.js";
import type { StorageBatches } from "./storage-batch.js";

/** A table of apache-arrow, by shape. */
export interface TableLike {
  readonly batches: readonly RecordBatchLike[];
}

/** Rows, as a caller has them: one object, several, a record batch, several, a table. */
export type RowsInput = object | readonly object[] | RecordBatchLike | readonly RecordBatchLike[] | TableLike;

/** @throws UsageError when `input` is none of them, or a batch has another schema; rows are checked when they are encoded */
export function putRows(input: unknown, storage: StorageBatches): PutRows {
  if (isRecordBatchLike(input)) return ofBatches([input], storage);
  if (isTableLike(input)) return ofBatches(input.batches, storage);
  if (Array.isArray(input)) {
    const items: readonly unknown[] = input;
    if (items.length > 0 && items.every(isRecordBatchLike)) return ofBatches(items, storage);
    return ofRows(items);
  }
  if (typeof input === "object" && input !== null) return ofRows([input]);
  throw new UsageError(
    `cannot put ${input === null ? "null" : typeof input}; expected a row (an object), an array of rows, an Arrow record batch or table`,
  );
}

/** Tombstones for `keys`. */
export function deleteRows(keys: readonly unknown[]): PutRows {
  if (!Array.isArray(keys)) throw new UsageError("keys is not an array; expected an array of keys");
  return {
    kind: "rows",
    rows: keys.length,
    encode: (builder: StorageRows) => {
      for (const key of keys) builder.appendKey(key);
    },
  };
}

/** Batches of the storage schema, tombstones and all, as {@link putRows} has them of a caller's. */
export function storedRows(batches: readonly RecordBatchLike[]): PutRows {
  return {
    kind: "batches",
    batches,
    rows: batches.reduce((sum, batch) => sum + batch.numRows, 0),
    bytes: batches.reduce((sum, batch) => sum + heldBytes(batch.data.children), 0),
  };
}

/** The batches of a put in storage schema. @param builder an empty one @throws UsageError when a row is not what the schema says */
export function storedBatches(rows: PutRows, builder: StorageRows): readonly RecordBatchLike[] {
  if (rows.kind === "batches") return rows.batches;
  rows.encode(builder);
  return builder.rows === 0 ? [] : [builder.finish()];
}

function ofRows(rows: readonly unknown[]): PutRows {
  return {
    kind: "rows",
    rows: rows.length,
    encode: (builder: StorageRows) => {
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i];
        if (typeof row !== "object" || row === null || isRecordBatchLike(row)) {
          throw new UsageError(
            `row ${i} is ${row === null ? "null" : typeof row === "object" ? "a record batch among rows" : typeof row}; expected an object`,
          );
        }
        builder.appendRow(row);
      }
    },
  };
}

function ofBatches(batches: readonly RecordBatchLike[], storage: StorageBatches): PutRows {
  const all = batches.map((batch) => storage.from(batch));
  // LanceDB cannot open a log with an empty batch in it.
  const filled = all.filter((batch) => batch.numRows > 0);
  return {
    kind: "batches",
    batches: filled,
    rows: filled.reduce((sum, batch) => sum + batch.numRows, 0),
    // Without the last column: the bitmap in it is shared by all.
    bytes: filled.reduce((sum, batch) => sum + heldBytes(batch.data.children.slice(0, -1)), 0),
  };
}

/** Bytes of all buffers, of slices the whole ones: only to tell small from large. */
function heldBytes(columns: readonly (DataLike | undefined)[]): number {
  let bytes = 0;
  for (const data of columns) {
    if (data === undefined || data === null) continue;
    bytes += (data.values?.byteLength ?? 0) + (data.valueOffsets?.byteLength ?? 0) + (data.typeIds?.byteLength ?? 0);
    if (data.children !== undefined && data.children.length > 0) bytes += heldBytes(data.children);
  }
  return bytes;
}

function isTableLike(value: unknown): value is TableLike {
  if (typeof value !== "object" || value === null || !("batches" in value) || !("schema" in value)) return false;
  const { batches, schema } = value;
  return isSchemaLike(schema) && Array.isArray(batches) && batches.every(isRecordBatchLike);
}
