/**
 * The rows of the upsert stream: puts of 100 rows over the keys of a table that holds them all already, again and again, each time in another
 * order. No key comes twice in one put, which LanceDB's merge would refuse.
 */
// @ts-check
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { connect } from "@lancedb/lancedb";
import { Table } from "apache-arrow";
import { shuffled } from "./memtable-keys.mjs";
import { createLanceTable, openLanceTable } from "./wal-lancedb.mjs";
import { batchOf } from "./wal-rows.mjs";

/** Rows of a put. */
export const PUT_ROWS = 100;
/** The table's name, as `wal-lancedb.mjs` has it. */
const TABLE = "t";

/** @typedef {import("apache-arrow").RecordBatch} Batch */

/**
 * @param {number} rows a multiple of `keys`
 * @param {number} keys a multiple of 100
 * @returns {Batch[]}
 */
export function streamOf(rows, keys) {
  /** @type {Batch[]} */
  const batches = [];
  for (let pass = 1; batches.length * PUT_ROWS < rows; pass++) {
    const order = shuffled(keys, pass);
    for (let at = 0; at < keys; at += PUT_ROWS) batches.push(batchOf(order.slice(at, at + PUT_ROWS)));
  }
  return batches;
}

/**
 * A table of LanceDB's that holds the keys, in an empty directory.
 *
 * @param {string} directory
 * @param {number} keys
 * @returns {Promise<string>} its path
 */
export async function createBase(directory, keys) {
  const connection = await connect(directory);
  const table = await connection.createTable(TABLE, new Table([batchOf(shuffled(keys, 0))]));
  table.close();
  connection.close();
  return join(directory, TABLE);
}

/**
 * The same with LanceDB's own log for upserts.
 *
 * @param {string} directory
 * @param {number} keys
 * @param {Record<string, string>} settings
 */
export async function createLsmBase(directory, keys, settings) {
  const table = await createLanceTable(directory, settings);
  await table.add(new Table([batchOf(shuffled(keys, 0))]));
  return table;
}

/**
 * What lies in a table's directory.
 *
 * @param {string} directory the one it was made in
 */
export async function leftIn(directory) {
  const path = join(directory, `${TABLE}.lance`);
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
  const table = await openLanceTable(directory);
  const versions = (await table.listVersions()).length;
  table.close();
  return { files, versions };
}

/**
 * So many callers, each of which puts the next batch once its last put is done.
 *
 * @param {readonly Batch[]} batches
 * @param {number} callers
 * @param {(batch: Batch) => Promise<unknown>} put
 */
export async function putAll(batches, callers, put) {
  let next = 0;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let batch = batches[next++]; batch !== undefined; batch = batches[next++]) await put(batch);
    }),
  );
}
