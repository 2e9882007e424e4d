/**
 * LanceDB 0.39 as a peer: upserts through its own write-ahead log ("LSM write spec"), which does not fsync.
 *
 * - at its default, where a put waits for the next tick of 100 ms
 * - at its best setting, `max_wal_flush_interval_ms: "1"`
 */
// @ts-check
import { join } from "node:path";
import { connect } from "@lancedb/lancedb";
import { KEY, rowSchema, UNSHARDED } from "./wal-rows.mjs";

const TABLE = "t";

/** @typedef {import("./wal-sink.mjs").Sink} Sink */
/** @typedef {import("@lancedb/lancedb").Table} LanceTable */

/**
 * Memtables large enough that none fills while it is measured: filling one costs LanceDB a flush, and one that fills during replay a table
 * that can no longer be read.
 */
const ROOMY = { max_memtable_rows: "10000000", max_memtable_batches: "100000" };

export const lanceSettings = {
  /** The default tick. */
  slow: ROOMY,
  /** The shortest tick. */
  fast: { ...ROOMY, max_wal_flush_interval_ms: "1" },
};

/**
 * Creates the table in an empty directory.
 *
 * @param {string} directory
 * @param {Record<string, string>} writerConfigDefaults
 * @param {import("apache-arrow").Schema} [schema] its key named as in the fields' metadata
 */
export async function createLanceTable(directory, writerConfigDefaults, schema = rowSchema) {
  const table = await (await connect(directory)).createEmptyTable(TABLE, schema);
  await table.setLsmWriteSpec({ specType: "unsharded", maintainedIndexes: [], writerConfigDefaults });
  return table;
}

/** @param {string} directory where {@link createLanceTable} made it */
export async function openLanceTable(directory) {
  return (await connect(directory)).openTable(TABLE);
}

/** The directory of its one shard. @param {string} directory */
export function shardDirectory(directory) {
  return join(directory, `${TABLE}.lance`, "_mem_wal", UNSHARDED);
}

/**
 * One durable upsert.
 *
 * @param {LanceTable} table
 * @param {import("apache-arrow").Table | Record<string, unknown>[]} rows
 */
export function upsert(table, rows) {
  return table.mergeInsert(KEY).whenMatchedUpdateAll().whenNotMatchedInsertAll().execute(rows);
}

/**
 * @param {string} directory empty
 * @param {Record<string, string>} settings
 * @returns {Promise<Sink>}
 */
export async function lanceSink(directory, settings) {
  const table = await createLanceTable(directory, settings);
  return {
    put: (portion) => upsert(table, portion.table),
    close: () => table.closeLsmWriters(),
  };
}
