/**
 * Adds columns to a table that is open. See `shared-shard.ts` for what happens to puts and reads meanwhile.
 *
 * LanceDB computes the values and writes the version. Columns of ours may be null, whatever the expression: rows that are put without them
 * have no value there. SSTables that are merged stay listed, for readers of older versions: who reads the new version passes over them, as
 * the merge watermark says. Only where the base table cannot say so they are unlisted: LanceDB would look for the new columns in them.
 *
 * @module
 */
import type { Table } from "@lancedb/lancedb";
import { normaliseSchema } from "../arrow/schema.js";
import { ConflictError, UsageError } from "../errors.js";
import { readNewestManifest } from "../lance/base-manifest-file.js";
import { BaseSync } from "../lance/base-sync.js";
import { quotedName } from "../lance/key-predicate.js";
import { loadLanceDb } from "../lance/lancedb-module.js";
import { ManifestStore } from "../lance/manifest-store.js";
import { memWalIndexOf } from "../lance/mem-wal-index.js";
import { unlistSsTables } from "../lance/ss-table-publish.js";
import { messageOf, storageCall } from "../lance/storage-call.js";
import { assertLanceSchema } from "../lance/storage-schema.js";
import { LocalStore } from "../storage/local-store.js";
import type { LanceTable } from "./lance-catalog.js";
import type { OpenShard } from "./open-shard.js";
import type { SharedShard } from "./shared-shard.js";
import { assertNotReserved } from "./table-schema.js";

/** A column to be added. */
export interface NewColumn {
  readonly name: string;
  /** Its value in the rows that are there, in LanceDB's SQL over the other columns: `"0"`, `"price * 2"`, `"CAST(NULL AS STRING)"`. */
  readonly valueSql: string;
}

/** Rows that an expression is tried on. */
const TRIED_ROWS = 1;

/**
 * Resolves when the columns are there, durably, and puts go on.
 *
 * @throws UsageError when a name is taken or reserved, an expression is not understood or gives what a table cannot hold: nothing was changed
 */
export async function addColumns(shared: SharedShard, columns: readonly NewColumn[]): Promise<void> {
  await shared.use(async ({ table, writer, maintained }) => {
    checkColumns(columns, table);
    await withLanceTable(table, (base) => tryColumns(base, columns, table));
    // What is merged now does not keep puts waiting.
    await writer.flush();
    await maintained.compact();
  });
  await shared.changeColumns((shard) => changeTable(shard, columns));
}

function checkColumns(columns: readonly NewColumn[], { schema }: LanceTable): void {
  if (!Array.isArray(columns) || columns.length === 0) {
    throw new UsageError("there are no columns to add; expected an array of { name, valueSql }");
  }
  const names = new Set(schema.fields.map(({ name }) => name));
  for (const { name, valueSql } of columns) {
    if (typeof name !== "string" || name === "" || typeof valueSql !== "string") {
      throw new UsageError("a column to add has no name, or no valueSql; expected { name, valueSql }, both strings");
    }
    if (names.has(name)) throw new UsageError(`the table has a column ${JSON.stringify(name)} already`);
    names.add(name);
  }
  assertNotReserved({ fields: columns });
}

/** Has LanceDB read the expressions, and looks at their types. */
async function tryColumns(base: Table, columns: readonly NewColumn[], { primaryKey }: LanceTable): Promise<void> {
  // LanceDB reads no constants alone.
  const expressions = new Map(primaryKey.map((name) => [name, quotedName(name)]));
  for (const { name, valueSql } of columns) expressions.set(name, valueSql);
  let found: Awaited<ReturnType<ReturnType<Table["query"]>["toArrow"]>>;
  try {
    found = await base.query().useLsm(false).select(expressions).limit(TRIED_ROWS).toArrow();
  } catch (error) {
    throw new UsageError(`LanceDB cannot compute the columns to add: ${messageOf(error)}`, { cause: error });
  }
  assertLanceSchema(normaliseSchema(found.schema));
}

async function changeTable({ table, writer }: OpenShard, columns: readonly NewColumn[]): Promise<void> {
  const store = new LocalStore(table.tableDirectory);
  try {
    await assertMerged(table, writer.epoch, store);
    await withLanceTable(table, async (base) => {
      await storageCall(`cannot add columns to ${table.tableDirectory}`, async () => {
        await base.addColumns(columns.map(({ name, valueSql }) => ({ name, valueSql })));
        const strict = (await base.schema()).fields.filter(
          (field) => !field.nullable && columns.some(({ name }) => name === field.name),
        );
        if (strict.length > 0) await base.alterColumns(strict.map(({ name }) => ({ path: name, nullable: true })));
      });
    });
    await new BaseSync(store).sync(await readNewestManifest(store));
  } finally {
    await store.close();
  }
}

/** Whatever is read of the new version is in the base table. */
async function assertMerged({ shardDirectory, shardId, tableDirectory }: LanceTable, epoch: number, base: LocalStore) {
  const shard = new LocalStore(shardDirectory);
  try {
    const manifests = new ManifestStore(shard, shardId);
    const { ssTables = [], writerEpoch = 0 } = (await manifests.load()) ?? {};
    if (writerEpoch !== epoch) {
      throw new ConflictError(
        `${tableDirectory}: another writer has claimed the shard; no column was added. Open it again`,
      );
    }
    const said = (await memWalIndexOf(base))?.compacted.find((entry) => entry.shardId === shardId)?.generation ?? 0;
    const unknown = ssTables.map(({ generation }) => generation).filter((generation) => generation > said);
    if (unknown.length > 0) await unlistSsTables(manifests, epoch, unknown);
  } finally {
    await shard.close();
  }
}

async function withLanceTable<T>({ database, name, tableDirectory }: LanceTable, action: (table: Table) => Promise<T>) {
  const lancedb = await loadLanceDb();
  const what = `cannot open ${tableDirectory}`;
  const connection = await storageCall(what, () => lancedb.connect(database));
  try {
    const table = await storageCall(what, () => connection.openTable(name));
    try {
      return await action(table);
    } finally {
      table.close();
    }
  } finally {
    connection.close();
  }
}
