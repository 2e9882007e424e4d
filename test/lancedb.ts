/**
 * Tables of LanceDB for tests: made, filled and read through its public API.
 *
 * ```
 * const lance = await makeLanceTable(directory, { schema, primaryKey: ["id"], writerConfig: { max_wal_flush_interval_ms: "1" } });
 * await lanceUpsert(lance.table, [{ id: 1n, text: "a" }]);
 * await lanceRows(lance.table);                                  // [{ id: 1n, text: "a" }]
 * await lance.close();
 * ```
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Connection, Data, LsmWriteSpec, Table } from "@lancedb/lancedb";
import { Field, Schema } from "apache-arrow";
import { MEM_WAL_DIRECTORY } from "../src/lance/names.js";
import { schemaForLanceDb } from "../src/table/lancedb-schema.js";

// It writes to standard error what tests provoke on purpose. Read when the package is loaded, so that comes later.
process.env["LANCEDB_LOG"] ??= "off";

/** The metadata by which Lance knows the columns of a primary key, and their order. */
const KEY_POSITION = "lance-schema:unenforced-primary-key:position";

/** How the rows of a table are spread over shards. */
export type Sharding = Pick<LsmWriteSpec, "specType" | "column" | "numBuckets">;

/** What table is made. */
export interface LanceTableOptions {
  /** @default "table" */
  readonly name?: string;
  /** Of the table, as a user sees it: key columns not nullable. */
  readonly schema: Schema;
  /** Names of the key columns. */
  readonly primaryKey: readonly string[];
  /** Rows of the base table. @default none */
  readonly rows?: Data;
  /** @default { specType: "unsharded" } */
  readonly sharding?: Sharding;
  /** What writers are told by the table, such as `max_memtable_rows`; those of Lance hold for the rest. @default a log tick of 1 ms */
  readonly writerConfig?: Readonly<Record<string, string>>;
}

/** A table and where it lies. */
export interface LanceTable {
  readonly database: Connection;
  readonly table: Table;
  /** `<database>/<name>.lance` */
  readonly directory: string;
  /** Another handle, with a writer of its own, which therefore claims the shard anew. */
  readonly open: () => Promise<Table>;
  /** Ends the writers of all handles, fenced ones too, and the connection; then the directory can be removed. */
  readonly close: () => Promise<void>;
}

/** Connects to a database, which is a directory of tables. */
export async function lanceDatabase(directory: string): Promise<Connection> {
  const { connect } = await import("@lancedb/lancedb");
  return connect(directory);
}

/**
 * Makes a table with a primary key and an LSM write spec: what is written by {@link lanceUpsert} goes to the log.
 *
 * @param directory of the database
 */
export async function makeLanceTable(directory: string, options: LanceTableOptions): Promise<LanceTable> {
  const { name = "table", primaryKey, sharding = { specType: "unsharded" } } = options;
  const database = await lanceDatabase(directory);
  // LanceDB sets keys of one column only; in the schema they may be of several.
  const keyed = primaryKey.length > 1 ? withKeyPositions(options.schema, primaryKey) : options.schema;
  // Of other copies of apache-arrow than its own it refuses large types.
  const schema = schemaForLanceDb(keyed);
  const table =
    options.rows === undefined
      ? await database.createEmptyTable(name, schema)
      : await database.createTable(name, options.rows, { schema });
  if (primaryKey.length === 1) await table.setUnenforcedPrimaryKey([...primaryKey]);
  const writerConfigDefaults = { max_wal_flush_interval_ms: "1", ...options.writerConfig };
  await table.setLsmWriteSpec({ ...sharding, writerConfigDefaults });
  const handles = [table];
  return {
    database,
    table,
    directory: join(directory, `${name}.lance`),
    open: async () => {
      const handle = await database.openTable(name);
      handles.push(handle);
      return handle;
    },
    close: async () => {
      // A writer that was fenced fails to close, and is closed.
      for (const handle of handles) await handle.closeLsmWriters().catch(() => {});
      database.close();
    },
  };
}

/** Upserts rows through the log: one entry, or part of one. Resolves when LanceDB says that they are durable. */
export async function lanceUpsert(table: Table, rows: Data): Promise<void> {
  const keys = await primaryKeyOf(table);
  await table.mergeInsert(keys).whenMatchedUpdateAll().whenNotMatchedInsertAll().execute(rows);
}

/**
 * The rows that a query of LanceDB returns, as plain objects, in no order: those of the base table, of SSTables, and of the memtables of
 * this handle's own writer, if it has one.
 *
 * @param filter SQL. @default all
 */
export async function lanceRows(table: Table, filter?: string): Promise<Record<string, unknown>[]> {
  const query = filter === undefined ? table.query() : table.query().where(filter);
  const found = await query.toArray();
  return found.map((row: unknown) => {
    const object = plain(row);
    if (typeof object !== "object" || object === null) throw new TypeError("a row is no object");
    return { ...object };
  });
}

/** Ids of the shards that a table has directories of, in order. */
export function lanceShards(tableDirectory: string): string[] {
  const directory = join(tableDirectory, MEM_WAL_DIRECTORY);
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}

function withKeyPositions(schema: Schema, primaryKey: readonly string[]): Schema {
  const fields = schema.fields.map((field) => {
    const position = primaryKey.indexOf(field.name) + 1;
    if (position === 0) return field;
    const metadata = new Map([...field.metadata, [KEY_POSITION, String(position)]]);
    return new Field(field.name, field.type, field.nullable, metadata);
  });
  return new Schema(fields, schema.metadata);
}

async function primaryKeyOf(table: Table): Promise<string[]> {
  const keys: [number, string][] = [];
  for (const { name, metadata } of (await table.schema()).fields) {
    const position = metadata.get(KEY_POSITION);
    if (position !== undefined) keys.push([Number(position), name]);
  }
  return keys.sort(([a], [b]) => a - b).map(([, name]) => name);
}

/** Rows, vectors and maps of apache-arrow, whichever copy of it made them, as objects and arrays. */
function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Date || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map(plain);
  if ("toJSON" in value && typeof value.toJSON === "function") return plain(value.toJSON());
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
}
