/**
 * Batches of storage rows for tests of SSTables.
 *
 * @module
 */
import { type Data, makeData, RecordBatch, type Schema, Struct, vectorFromArray } from "apache-arrow";
import { TOMBSTONE } from "./storage-schema.js";

/** A row: its values, or a key that it deletes. */
export interface StorageRow {
  readonly values: Readonly<Record<string, unknown>>;
  readonly deleted?: boolean;
}

/** One batch of a storage schema. */
export function storageBatch(schema: Schema, rows: readonly StorageRow[]): RecordBatch {
  const children = schema.fields.map((field): Data => {
    const values = rows.map(({ values, deleted = false }) => {
      return field.name === TOMBSTONE ? deleted : (values[field.name] ?? null);
    });
    const [data] = vectorFromArray(values, field.type).data;
    if (data === undefined) throw new TypeError("a vector without data");
    return data;
  });
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length: rows.length, nullCount: 0, children }),
  );
}
