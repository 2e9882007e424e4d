/**
 * Creates and opens Lance tables with LanceDB: everything of a table that is not its log.
 *
 * A table of ours has an unenforced primary key and an unsharded LSM write spec, whose configuration lets LanceDB replay our log (see
 * `replay-limits.ts`). The key comes with the schema or is set before the spec, because a table with a spec and without a key can be read
 * by nobody; tables of others are adopted (adopt-table.ts). Several processes may create one table at once: LanceDB lets one of them win each step, and the others find it done.
 *
 * @module
 */
import { realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Table } from "@lancedb/lancedb";
import type { Schema } from "apache-arrow";
import { isSchemaLike, type SchemaLike } from "../arrow/shape.js";
import { ConflictError, UsageError } from "../errors.js";
import { type LanceDb, loadLanceDb } from "../lance/lancedb-module.js";
import { shardDirectory } from "../lance/names.js";
import { UNSHARDED_SHARD_ID } from "../lance/shard-id.js";
import { kindOf, namesIn, storageCall } from "../lance/storage-call.js";
import { assertLanceSchema, assertPrimaryKey } from "../lance/storage-schema.js";
import { Adoption } from "./adopt-table.js";
import { schemaForLanceDb } from "./lancedb-schema.js";
import { type ReplayLimits, replayLimits } from "./replay-limits.js";
import { deepestExisting, syncTable } from "./sync-table.js";
import { parseTablePath, type TablePath } from "./table-path.js";
import {
  disagreement,
  type KeyedSchema,
  lanceSchema,
  ROW_ID,
  readLanceSchema,
  schemaToCreate,
  withItemsOf,
} from "./table-schema.js";
import { ensureWriteSpec } from "./write-spec.js";

/** Which table, and what it is expected to be. */
export interface CatalogOptions {
  /** `<database>/<table>`, a path of the local file system. */
  readonly path: string;
  /** Schema to create the table with; that of an existing one must be the same. Without one the table must exist. */
  readonly schema?: SchemaLike | undefined;
  /** Key columns, in order. Without them a table made with `schema` has the key `_row_id`; an existing one keeps its own. */
  readonly primaryKey?: readonly string[] | undefined;
  /** Ends the check of the keys of a table that is adopted. */
  readonly signal?: AbortSignal | undefined;
  /** Told how many rows of a table that is adopted have been checked, of how many. */
  readonly onRows?: ((read: number, total: number) => void) | undefined;
}

/** A Lance table that is there, durably, and ready for a log. */
export interface LanceTable {
  readonly database: string;
  readonly name: string;
  /** Real path of `<database>/<name>.lance`. */
  readonly tableDirectory: string;
  /** UUID of its one shard. */
  readonly shardId: string;
  /** Where the shard's log and manifests go; may not exist yet. */
  readonly shardDirectory: string;
  /** Columns as users see them. */
  readonly schema: Schema;
  /** The same with null items of fixed-size lists where the schema that was asked for allows them: what rows are taken by. */
  readonly rowSchema: Schema;
  readonly primaryKey: readonly string[];
  /** Whether the key is a `_row_id` that Pennon gives. */
  readonly appendOnly: boolean;
  /** What the log may hold for LanceDB to be able to replay it. */
  readonly limits: ReplayLimits;
}

/**
 * Opens the table, or creates it when a schema is given and there is none.
 *
 * @throws UsageError for a URL, a bad name, a directory that is not a table, a missing table without a schema, a schema or key that Lance
 * cannot hold, rows of a table that is adopted which cannot have the key, a sharded table, or when LanceDB is missing
 * @throws ConflictError when the table has another schema, another key, or remains of an earlier write spec
 * @throws StorageError when LanceDB or the file system fails
 */
export async function openLanceTable(options: CatalogOptions): Promise<LanceTable> {
  const path = parseTablePath(options.path);
  const wanted = options.schema === undefined ? undefined : schemaToCreate(checked(options.schema), options.primaryKey);
  const existed = await isTable(path);
  if (!existed && wanted === undefined) {
    throw new UsageError(`there is no table ${path.directory}; give a schema to create it`);
  }
  const lancedb = await loadLanceDb();
  const before = existed ? dirname(path.database) : await deepestExisting(path.database);
  const table = await openOrCreate(lancedb, path, existed ? undefined : wanted);
  try {
    const adoption = new Adoption(table, path, options);
    const found = await agree(table, path, wanted, options.primaryKey, adoption);
    const config = await ensureWriteSpec(table, path, found.schema, () => adoption.assertRows(found));
    const tableDirectory = await realpath(path.directory);
    await syncTable(path.directory, before);
    return {
      database: path.database,
      name: path.name,
      tableDirectory,
      shardId: UNSHARDED_SHARD_ID,
      shardDirectory: shardDirectory(tableDirectory, UNSHARDED_SHARD_ID),
      ...found,
      rowSchema: wanted === undefined ? found.schema : withItemsOf(found.schema, wanted.schema),
      appendOnly: found.primaryKey.length === 1 && found.primaryKey[0] === ROW_ID,
      limits: replayLimits(config),
    };
  } finally {
    table.close();
  }
}

/**
 * The greatest value of an int64 column in SSTables and base table, undefined when there is no row. LanceDB reads all of the column.
 *
 * @throws StorageError when LanceDB fails
 */
export async function greatestStored(
  { database, name, tableDirectory }: LanceTable,
  column: string,
): Promise<bigint | undefined> {
  const lancedb = await loadLanceDb();
  return storageCall(`cannot read the column ${JSON.stringify(column)} of ${tableDirectory}`, async () => {
    const connection = await lancedb.connect(database);
    const table = await connection.openTable(name);
    let greatest: bigint | undefined;
    try {
      for await (const batch of table.query().select([column])) {
        for (const value of batch.getChildAt(0) ?? []) {
          if (greatest === undefined || value > greatest) greatest = BigInt(value);
        }
      }
    } finally {
      table.close();
      connection.close();
    }
    return greatest;
  });
}

function checked(schema: SchemaLike): SchemaLike {
  if (isSchemaLike(schema)) return schema;
  throw new UsageError(`schema is a ${typeof schema}; expected an Arrow schema or one made by schema({ … })`);
}

/** Whether the directory is a table already; false when there is none, or one whose creation was cut short. */
async function isTable({ directory, database, name }: TablePath): Promise<boolean> {
  const kind = await kindOf(directory);
  if (kind === "absent") {
    const beside = join(database, name);
    if ((await kindOf(beside)) === "absent") return false;
    throw new UsageError(
      `${beside} exists and is not a table; expected "<database>/<table>", where the table is the directory ${directory}`,
    );
  }
  if (kind === "file") throw new UsageError(`${directory} is a file; expected the directory of a Lance table`);
  const names = await namesIn(directory);
  const versions = names.includes("_versions") ? await namesIn(join(directory, "_versions")) : [];
  if (versions.some((version) => version.endsWith(".manifest"))) return true;
  const stranger = names.find((entry) => !["_versions", "_transactions", "data"].includes(entry));
  if (stranger === undefined) return false;
  throw new UsageError(
    `${directory} is not a Lance table: it has ${JSON.stringify(stranger)} and no manifest in _versions`,
  );
}

async function openOrCreate(lancedb: LanceDb, path: TablePath, create: KeyedSchema | undefined): Promise<Table> {
  const connection = await storageCall(`cannot open the database ${path.database}`, () =>
    // Without a consistency interval: what is set upon a version that is not the newest any more is refused.
    lancedb.connect(path.database),
  );
  try {
    if (create === undefined) {
      return await storageCall(`cannot open the table ${path.directory}`, () => connection.openTable(path.name));
    }
    return await storageCall(`cannot create the table ${path.directory}`, async () => {
      try {
        return await connection.createEmptyTable(path.name, schemaForLanceDb(lanceSchema(create)));
      } catch (error) {
        // Another process was quicker, at its own leisure: the names it gives its errors are not ours to read.
        return await connection.openTable(path.name).catch(() => Promise.reject(error));
      }
    });
  } finally {
    connection.close();
  }
}

/** The table's schema and key, when they are what was asked for; sets the key of a table that has none. */
async function agree(
  table: Table,
  path: TablePath,
  wanted: KeyedSchema | undefined,
  askedKey: readonly string[] | undefined,
  adoption: Adoption,
): Promise<KeyedSchema> {
  const read = async () =>
    readLanceSchema(await storageCall(`cannot read the schema of ${path.directory}`, () => table.schema()));
  let found = await read();
  const key = wanted?.primaryKey ?? askedKey;
  if (found.primaryKey.length === 0) {
    if (askedKey === undefined) {
      throw new UsageError(`the table ${path.directory} has no primary key; name its key column as primaryKey`);
    }
    const difference = wanted === undefined ? undefined : disagreement(wanted.schema, keyed(found.schema, askedKey));
    if (difference !== undefined) throw schemaConflict(path, difference);
    await adoption.setKey(found.schema, askedKey);
    found = await read();
  }
  if (key !== undefined && !sameNames(key, found.primaryKey)) {
    throw new ConflictError(
      `the table ${path.directory} has the primary key ${names(found.primaryKey)}; asked for was ${names(key)}. ` +
        `Open it with primaryKey: ${JSON.stringify(found.primaryKey.length === 1 ? found.primaryKey[0] : found.primaryKey)}`,
    );
  }
  const difference = wanted === undefined ? undefined : disagreement(wanted.schema, found.schema);
  if (difference !== undefined) throw schemaConflict(path, difference);
  assertLanceSchema(found.schema);
  assertPrimaryKey(found.schema, found.primaryKey);
  return found;
}

/** The schema as it will be with this key. */
function keyed(schema: Schema, primaryKey: readonly string[]): Schema {
  return readLanceSchema(lanceSchema({ schema, primaryKey })).schema;
}

function schemaConflict(path: TablePath, difference: string): ConflictError {
  return new ConflictError(
    `the table ${path.directory} has another schema than the one asked for: ${difference}. Open it without a schema, or with its own`,
  );
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}

function names(key: readonly string[]): string {
  return key.length === 1 && key[0] === ROW_ID
    ? "_row_id (none given)"
    : key.map((name) => JSON.stringify(name)).join(", ");
}
