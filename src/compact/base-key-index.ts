/**
 * The BTree index of a base table's key.
 *
 * Without one LanceDB's merge reads the key column of the whole table and keeps it in memory: 80 to 110 bytes for each row of the table were
 * measured, 312 MB at 4 million. With one it needs 60 MB there, whatever the table's size, as far as rows are in the index: those that were
 * merged after it was built or last brought up to date by optimize() are looked through. It is no faster. So a large table
 * gets one, built in 0.2 s for a million rows, and keeps it.
 *
 * LanceDB can build one for a key of a single column of int32, int64 or utf8. With any other key memory grows with the table.
 *
 * @module
 */
import type { Table } from "@lancedb/lancedb";
import type { Schema } from "apache-arrow";
import { keyKindOf } from "../lance/key-types.js";
import { storageCall } from "../lance/storage-call.js";
import type { BaseCommits } from "./base-commits.js";

const INDEXABLE: readonly string[] = ["int32", "int64", "utf8"];

/**
 * @param minRows a table of fewer rows gets none
 * @throws as a commit does
 */
export async function ensureKeyIndex(
  table: Table,
  commits: BaseCommits,
  { schema, primaryKey, tableDirectory }: { schema: Schema; primaryKey: readonly string[]; tableDirectory: string },
  minRows: number,
): Promise<void> {
  const [column] = primaryKey;
  const field = schema.fields.find(({ name }) => name === column);
  if (column === undefined || field === undefined || primaryKey.length > 1) return;
  if (!INDEXABLE.includes(keyKindOf(field.type))) return;
  const isNeeded = await storageCall(`cannot read the indexes of ${tableDirectory}`, async () => {
    await table.checkoutLatest();
    if ((await table.countRows()) < minRows) return false;
    const indexes = await table.listIndices();
    return !indexes.some(
      ({ columns, indexType }) => indexType === "BTree" && columns.length === 1 && columns[0] === column,
    );
  });
  if (isNeeded) await commits.commit("index", () => table.createIndex(column));
}
