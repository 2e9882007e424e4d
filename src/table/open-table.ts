/**
 * `openTable`: the way in.
 *
 * @module
 */
import type { SchemaLike } from "../arrow/shape.js";
import { type MaintenanceOptions, maintenanceSettings } from "../compact/maintenance-options.js";
import { UsageError } from "../errors.js";
import { checkWriterSettings } from "../writer/writer-settings.js";
import { assertKnownOptions } from "./known-options.js";
import { openLanceTable } from "./lance-catalog.js";
import type { WriterSettings } from "./open-shard.js";
import type { Row, RowInput, TableSchema } from "./schema.js";
import { SharedShard } from "./shared-shard.js";
import { Table } from "./table.js";

/** How a table is opened. All have a default. */
export interface OpenTableOptions<S = SchemaOption | undefined, P = PrimaryKey | undefined> extends WriterSettings {
  /**
   * Its columns: made by `schema({ … })`, or any Arrow schema. The table is created with it when there is none; one that is there must have
   * the same. Without it the table must be there.
   */
  readonly schema?: S;
  /**
   * The key column, or several in order: int32, int64, utf8 or binary. A table created without one is append-only: each row gets the next
   * number as `_row_id`.
   */
  readonly primaryKey?: P;
  /** Fence the process that has the table open for writing, instead of failing with `Conflict`. @default false */
  readonly takeover?: boolean;
  /**
   * When rows flow on by themselves: see {@link MaintenanceOptions}. `false`: nothing leaves memory and log, until the table is opened with
   * maintenance.
   */
  readonly maintenance?: MaintenanceOptions | false;
  /** Ends the opening: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export type SchemaOption = TableSchema | SchemaLike;
export type PrimaryKey = string | readonly string[];

/** A row that is read from a table with this schema and key. */
export type TableRow<S, P> = S extends TableSchema ? (P extends PrimaryKey ? Row<S> : WithRowId<Row<S>>) : Row<S>;

/** A row of an append-only table. */
type WithRowId<R> = { [K in keyof R | "_row_id"]: K extends keyof R ? R[K] : bigint };

/** A key of a table with this schema and primary key. */
export type TableKey<S, P> = S extends TableSchema
  ? P extends keyof RowInput<S>
    ? NonNullable<RowInput<S>[P]>
    : P extends readonly (infer C)[]
      ? KeyParts<RowInput<S>, C>
      : P extends undefined
        ? bigint | number
        : unknown
  : unknown;

/** Values of several key columns: by name, or in the order of the key. */
type KeyParts<I, C> =
  | { readonly [N in Extract<C, keyof I>]: NonNullable<I[N]> }
  | readonly NonNullable<I[Extract<C, keyof I>]>[];

const OPTIONS: readonly string[] = [
  "schema",
  "primaryKey",
  "takeover",
  "signal",
  "memtableBytes",
  "memtableBatches",
  "memtableRows",
  "memtableEntries",
  "memtableAgeMs",
  "maintenance",
  "maxMemoryBytes",
  "maxUnflushedBytes",
  "maxPendingPuts",
];

/**
 * Opens a table for reading and writing, and creates it when it is not there and a schema is given. LanceDB opens the same table as
 * `connect("<database>").openTable("<table>")`.
 *
 * Opening a path again in the same thread shares what is open, with the settings of the first. Another thread, or another process, gets
 * `Conflict` while it is open here.
 *
 * @param path `<database>/<table>`, of the local file system
 * @throws UsageError when an option is wrong, there is no table and no schema, it is not a table, or LanceDB is not installed
 * @throws ConflictError when the table has another schema or another key, or is open elsewhere: the message names the process
 * @throws CorruptError when an entry of the log is missing, torn or altered: `pennon repair` sets it aside
 * @throws FullError when the rows of the log need more memory than `maxMemoryBytes` allows
 * @throws StorageError, RetryableError when the storage fails
 */
export async function openTable<
  const S extends SchemaOption | undefined = undefined,
  const P extends PrimaryKey | undefined = undefined,
>(path: string, options: OpenTableOptions<S, P> = {}): Promise<Table<TableRow<S, P>, RowInput<S>, TableKey<S, P>>> {
  assertKnownOptions("openTable", options, OPTIONS);
  const { schema, primaryKey, takeover = false, signal, maintenance: maintained, ...settings } = options;
  signal?.throwIfAborted();
  checkWriterSettings(settings); // before a table is made with them
  const maintenance = maintained === false ? undefined : maintenanceSettings(maintained);
  const table = await openLanceTable({ path, schema: arrowOf(schema), primaryKey: namesOf(primaryKey), signal });
  signal?.throwIfAborted();
  const lease = await SharedShard.acquire(table, { writer: settings, maintenance }, { takeover, signal });
  if (signal?.aborted) {
    await lease.release();
    signal.throwIfAborted();
  }
  return new Table(lease);
}

function arrowOf(schema: SchemaOption | undefined): SchemaLike | undefined {
  return schema !== undefined && "arrow" in schema ? schema.arrow : schema;
}

function namesOf(primaryKey: PrimaryKey | undefined): readonly string[] | undefined {
  if (primaryKey === undefined) return undefined;
  const names: readonly unknown[] = typeof primaryKey === "string" ? [primaryKey] : primaryKey;
  if (!Array.isArray(names) || names.length === 0 || names.some((name) => typeof name !== "string")) {
    throw new UsageError("primaryKey is not a column's name or a list of names; leave it out for an append-only table");
  }
  return names.map(String);
}
