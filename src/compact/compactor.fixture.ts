/**
 * A table with SSTables of ours and a base table, and what both must hold together.
 *
 * @module
 */
import { type LanceTable, type LanceTableOptions, lanceRows, makeLanceTable } from "../../test/lancedb.js";
import { claimShard } from "../lance/claim.js";
import { loadLanceDb } from "../lance/lancedb-module.js";
import { ManifestStore } from "../lance/manifest-store.js";
import { shardDirectory } from "../lance/names.js";
import { UNSHARDED_SHARD_ID } from "../lance/shard-id.js";
import { type StorageRow, storageBatch } from "../lance/ss-table.fixture.js";
import { publishSsTable } from "../lance/ss-table-publish.js";
import { writeSsTable } from "../lance/ss-table-writer.js";
import { storageSchema } from "../lance/storage-schema.js";
import { LocalStore } from "../storage/local-store.js";
import { Compactor } from "./compactor.js";
import type { CompactorOptions } from "./compactor-options.js";

/** A row of the tables tested, or undefined where it is deleted. */
export type Row = Readonly<Record<string, unknown>>;

export class MergedTable {
  readonly lance: LanceTable;
  readonly shard: string;
  readonly store: LocalStore;
  readonly manifests: ManifestStore;
  epoch = 0;
  readonly #database: string;
  readonly #options: LanceTableOptions;

  private constructor(database: string, options: LanceTableOptions, lance: LanceTable) {
    this.#database = database;
    this.#options = options;
    this.lance = lance;
    this.shard = shardDirectory(lance.directory, UNSHARDED_SHARD_ID);
    this.store = new LocalStore(this.shard);
    this.manifests = new ManifestStore(this.store, UNSHARDED_SHARD_ID);
  }

  static async make(database: string, options: LanceTableOptions): Promise<MergedTable> {
    const made = new MergedTable(database, options, await makeLanceTable(database, options));
    await made.claim();
    return made;
  }

  /** A new owner takes the shard over. */
  async claim(): Promise<void> {
    this.epoch = (await claimShard(this.manifests, this.store)).epoch;
  }

  /** Publishes an SSTable: rows, and keys that are deleted. */
  async flush(rows: readonly Row[], deleted: readonly Row[] = []): Promise<number> {
    const schema = storageSchema(this.#options.schema, this.#options.primaryKey);
    const { primaryKey } = this.#options;
    const all: StorageRow[] = [
      ...rows.map((values) => ({ values })),
      ...deleted.map((values) => ({ deleted: primaryKey.length === 1 ? values[primaryKey[0] ?? ""] : values })),
    ];
    const generation = (this.manifests.current ?? (await this.manifests.load()))?.currentGeneration ?? 1;
    const table = await writeSsTable({
      lancedb: await loadLanceDb(),
      shardDirectory: this.shard,
      generation,
      schema,
      primaryKey,
      batches: () => [storageBatch(schema, primaryKey, all)],
      rows: all.length,
      vectorIndexes: [],
      inMemoryBytes: 1_000,
    });
    await publishSsTable(this.manifests, this.epoch, { table, replayAfter: 0 });
    return generation;
  }

  compactor(options: Partial<CompactorOptions> = {}): Promise<Compactor> {
    return Compactor.open(this.compactorOptions(options));
  }

  compactorOptions(options: Partial<CompactorOptions> = {}): CompactorOptions {
    return {
      database: this.#database,
      name: this.#options.name ?? "table",
      tableDirectory: this.lance.directory,
      shardDirectory: this.shard,
      manifests: new ManifestStore(this.store, UNSHARDED_SHARD_ID),
      epoch: this.epoch,
      schema: this.#options.schema,
      primaryKey: this.#options.primaryKey,
      predecessorGone: true,
      ...options,
    };
  }

  /** A run of a compactor of its own. */
  async compact(options: Partial<CompactorOptions> = {}) {
    const compactor = await this.compactor(options);
    try {
      return await compactor.run();
    } finally {
      await compactor.close();
    }
  }

  /** What a fresh handle reads through the log, and what lies in the base table. */
  async read(): Promise<{ readonly all: string[]; readonly base: string[] }> {
    const table = await this.lance.open();
    const all = sorted(await lanceRows(table));
    const base = sorted(await table.query().useLsm(false).toArray());
    table.close();
    return { all, base };
  }

  async close(): Promise<void> {
    await this.store.close();
    await this.lance.close();
  }
}

/** Rows as text, in order. */
export function sorted(rows: readonly unknown[]): string[] {
  return rows.map(text).sort();
}

/** A row as text, whichever copy of apache-arrow it is of. */
function text(row: unknown): string {
  return JSON.stringify(row, (_, value: unknown) => {
    if (typeof value === "bigint") return `${value}n`;
    return ArrayBuffer.isView(value)
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")
      : value;
  });
}
