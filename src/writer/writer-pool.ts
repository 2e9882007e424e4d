/**
 * The pool of arenas that a shard's memtables lie in.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import { typeName } from "../arrow/type-name.js";
import { MemtablePool } from "../memtable/pool.js";
import type { PoolHandle } from "../memtable/pool-handle.js";
import type { CheckedSettings } from "./writer-settings.js";

/** The pool of a shard's memtables, without an owner: replay is the first. */
export function createPool(schema: Schema, primaryKey: readonly string[], settings: CheckedSettings): PoolHandle {
  const { memtableBytes, memtableBatches, memtableRows, memtableSlots, keysAscend } = settings;
  const isLong = schema.fields.some(({ name, type }) => name === primaryKey[0] && typeName(type) === "int64");
  const pool = MemtablePool.create({
    schema,
    primaryKey,
    bytes: memtableBytes,
    batches: memtableBatches,
    maxRows: memtableRows,
    slots: memtableSlots,
    ordered: keysAscend && primaryKey.length === 1 && isLong,
  });
  pool.closeOwner();
  return pool.handle();
}
