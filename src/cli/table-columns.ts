/**
 * The columns that a table's log must have, from LanceDB, which alone can read them.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import { loadLanceDb } from "../lance/lancedb-module.js";
import { storageSchema } from "../lance/storage-schema.js";
import { parseTablePath } from "../table/table-path.js";
import { readLanceSchema } from "../table/table-schema.js";

/** The storage schema of a table, or why it is not known: without LanceDB, or a table that it can open, entries are held only against themselves. */
export async function columnsOf(
  tableDirectory: string | undefined,
): Promise<{ readonly schema: Schema | undefined; readonly unknown: string | undefined }> {
  if (tableDirectory === undefined) return { schema: undefined, unknown: "the shard belongs to no table" };
  try {
    const { database, name } = parseTablePath(tableDirectory);
    const lancedb = await loadLanceDb();
    const connection = await lancedb.connect(database);
    const table = await connection.openTable(name);
    const { schema, primaryKey } = readLanceSchema(await table.schema());
    return { schema: storageSchema(schema, primaryKey), unknown: undefined };
  } catch (error) {
    const [reason = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    return { schema: undefined, unknown: reason };
  }
}
