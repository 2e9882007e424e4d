/**
 * A table of LanceDB with all tiers, each of which is moved on by a call: rows are put into a memtable, memtables frozen and flushed into
 * SSTables, SSTables merged into the base table. What it must hold is kept in a map beside it.
 */
import { join } from "node:path";
import {
  Schema as ArrowSchema,
  Binary,
  type Data,
  type DataType,
  Field,
  Int32,
  Int64,
  type Schema,
  Struct,
  Utf8,
} from "apache-arrow";
import { type LanceTable, makeLanceTable } from "../../test/lancedb.js";
import { IpcFile } from "../arrow/ipc-file.js";
import { recordBatch } from "../arrow/record-batch.js";
import { RowBuilder } from "../arrow/rows/row-builder.js";
import { StorageRows } from "../arrow/rows/storage-rows.js";
import { takeData } from "../arrow/take.js";
import { mergeRows } from "../lance/base-merge.js";
import { writeMergeWatermark } from "../lance/base-watermark.js";
import { claimShard } from "../lance/claim.js";
import { keyPredicate } from "../lance/key-predicate.js";
import { loadLanceDb } from "../lance/lancedb-module.js";
import { ManifestStore } from "../lance/manifest-store.js";
import { shardDirectory } from "../lance/names.js";
import { UNSHARDED_SHARD_ID } from "../lance/shard-id.js";
import type { SsTable } from "../lance/shard-manifest.js";
import { publishSsTable, unlistSsTables } from "../lance/ss-table-publish.js";
import { writeSsTable } from "../lance/ss-table-writer.js";
import { storageSchema } from "../lance/storage-schema.js";
import { Memtable } from "../memtable/memtable.js";
import { LocalStore } from "../storage/local-store.js";
import { SnapshotSource } from "./snapshot-source.js";

/** A value of a key's part, of a number. */
const PARTS = {
  int32: { type: new Int32(), value: (n: number) => (n % 2 === 0 ? n : -n) * 100_003 },
  int64: {
    type: new Int64(),
    value: (n: number) => (n === 5 ? -(2n ** 63n) : BigInt(n % 2 === 0 ? n : -n) * 1_000_000_000_039n),
  },
  utf8: { type: new Utf8(), value: (n: number) => ["", "it's", "ä\0b", "a".repeat(300)][n] ?? `key ${n}` },
  binary: {
    type: new Binary(),
    value: (n: number) => Buffer.from(["", "00", "0000ff", "27"][n] ?? n.toString(16).padStart(4, "0"), "hex"),
  },
} as const satisfies Record<string, { type: DataType; value: (n: number) => unknown }>;

export type KeyKind = readonly (keyof typeof PARTS)[];

export const KEY_KINDS: readonly KeyKind[] = [
  ["int64"],
  ["int32"],
  ["utf8"],
  ["binary"],
  ["int64", "utf8"],
  ["binary", "int32"],
];

/** The row that a key has: its value, and a text of it. */
export interface Row {
  readonly value: number;
  readonly text: string | null;
}

interface Live {
  readonly generation: number;
  readonly memtable: Memtable;
}

export class TieredTable {
  readonly lance: LanceTable;
  readonly kind: KeyKind;
  readonly schema: Schema;
  readonly primaryKey: readonly string[];
  readonly source: SnapshotSource;
  /** What the table must hold, by number of the key. */
  readonly model = new Map<number, Row>();
  /** Holds that snapshots have on the memtables. */
  holds = 0;
  readonly #storage: Schema;
  readonly #shard: LocalStore;
  readonly #table: LocalStore;
  readonly #manifests: ManifestStore;
  readonly #epoch: number;
  #memtables: Live[] = [];
  #nextGeneration = 1;
  #unmerged: { readonly ssTable: SsTable; readonly memtable: Memtable }[] = [];

  static async make(
    directory: string,
    kind: KeyKind,
    options: { readonly maxKeyBytes?: number } = {},
  ): Promise<TieredTable> {
    const keys = kind.map((name, i) => new Field(`k${i}`, PARTS[name].type, false));
    // Keys of several columns in another order than the columns.
    const schema = new ArrowSchema(
      [...keys].reverse().concat(new Field("value", new Int64(), false), new Field("text", new Utf8(), true)),
    );
    const primaryKey = keys.map(({ name }) => name);
    const lance = await makeLanceTable(directory, { schema, primaryKey });
    const shard = new LocalStore(shardDirectory(lance.directory, UNSHARDED_SHARD_ID));
    const manifests = new ManifestStore(shard, UNSHARDED_SHARD_ID);
    const { epoch } = await claimShard(manifests, shard);
    return new TieredTable(lance, kind, schema, primaryKey, shard, manifests, epoch, options);
  }

  private constructor(
    lance: LanceTable,
    kind: KeyKind,
    schema: Schema,
    primaryKey: readonly string[],
    shard: LocalStore,
    manifests: ManifestStore,
    epoch: number,
    options: { readonly maxKeyBytes?: number },
  ) {
    this.lance = lance;
    this.kind = kind;
    this.schema = schema;
    this.primaryKey = primaryKey;
    this.#storage = storageSchema(schema, primaryKey);
    this.#shard = shard;
    this.#table = new LocalStore(lance.directory);
    this.#manifests = manifests;
    this.#epoch = epoch;
    this.source = new SnapshotSource({
      schema,
      primaryKey,
      tableDirectory: lance.directory,
      shardDirectory: shardDirectory(lance.directory, UNSHARDED_SHARD_ID),
      shardId: UNSHARDED_SHARD_ID,
      memtables: () => this.#capture(),
      ...options,
    });
    this.rotate();
  }

  get shardDirectory(): string {
    return shardDirectory(this.lance.directory, UNSHARDED_SHARD_ID);
  }

  /** The parts of a key. */
  key(n: number): unknown[] {
    // Of several columns none says which key it is.
    const last = this.kind.length - 1;
    return this.kind.map((name, i) => PARTS[name].value(i === last ? n >>> last : (n >>> i) & 1));
  }

  /** Key columns of keys, in the order of the key. */
  keys(numbers: readonly number[]): Data[] {
    const fields = this.primaryKey.flatMap((name) => this.schema.fields.filter((field) => field.name === name));
    const builder = new RowBuilder(new ArrowSchema(fields));
    for (const n of numbers) builder.append(this.#keyRow(n));
    return builder.finish().data.children;
  }

  /** Puts one batch: rows, then deletions. */
  put(rows: ReadonlyMap<number, Row>, deleted: readonly number[] = []): void {
    const batch = new StorageRows(this.#storage, this.primaryKey);
    for (const [n, row] of rows) {
      batch.appendRow({ ...this.#keyRow(n), value: BigInt(row.value), text: row.text });
      this.model.set(n, row);
    }
    for (const n of deleted) {
      const parts = this.key(n);
      batch.appendKey(parts.length === 1 ? parts[0] : parts);
      this.model.delete(n);
    }
    if (batch.rows > 0) this.#memtables.at(-1)?.memtable.append([batch.finish()]);
  }

  /** Freezes the memtable and begins another. */
  rotate(): void {
    const memtable = Memtable.create({
      schema: this.#storage,
      primaryKey: this.primaryKey,
      bytes: 2 ** 22,
      batches: 1_000,
      maxRows: 100_000,
      prefault: false,
    });
    const last = this.#memtables.at(-1);
    if (last !== undefined && last.memtable.rows === 0) this.#memtables.pop();
    else this.#nextGeneration++;
    this.#memtables.push({ generation: this.#nextGeneration - 1, memtable });
  }

  /** Makes the oldest frozen memtable an SSTable. False when there is none. @param between runs when it is published, before it is released */
  async flush(between: () => Promise<void> = async () => {}): Promise<boolean> {
    const [oldest, another] = this.#memtables;
    if (oldest === undefined || another === undefined) return false;
    const { memtable, generation } = oldest;
    const { batches, rows } = this.#newestOf(memtable);
    const ssTable = await writeSsTable({
      lancedb: await loadLanceDb(),
      shardDirectory: shardDirectory(this.lance.directory, UNSHARDED_SHARD_ID),
      generation,
      schema: this.#storage,
      primaryKey: this.primaryKey,
      batches: () => batches,
      rows,
      vectorIndexes: [],
      inMemoryBytes: 1_000,
    });
    await publishSsTable(this.#manifests, this.#epoch, { table: ssTable, replayAfter: generation });
    this.#unmerged.push({ ssTable, memtable });
    await between();
    this.#memtables.shift();
    return true;
  }

  /** Merges the oldest SSTable into the base table. False when there is none. */
  async merge(record: "watermark" | "unlist" | "part" = "watermark"): Promise<boolean> {
    const [oldest] = this.#unmerged;
    if (oldest === undefined) return false;
    const { memtable, ssTable } = oldest;
    const { table } = this.lance;
    await table.checkoutLatest();
    for (const batch of this.#newestOf(memtable).batches) {
      const names = batch.schema.fields.map(({ name }) => name);
      const live: number[] = [];
      const deleted: number[] = [];
      const marks = batch.getChild("_tombstone");
      for (let row = 0; row < batch.numRows; row++) (marks?.get(row) ? deleted : live).push(row);
      const file = new IpcFile(this.schema, 1_000);
      const columns = this.schema.fields.flatMap(({ name }) => batch.data.children[names.indexOf(name)] ?? []);
      if (live.length > 0) {
        const taken = columns.map((data) => takeData(data, Uint32Array.from(live)));
        file.append(recordBatch(this.schema, new Struct(this.schema.fields), live.length, taken));
        await mergeRows(table, this.primaryKey, file.finish(), 60_000);
      }
      const keys = this.primaryKey.flatMap((name) => batch.data.children[names.indexOf(name)] ?? []);
      if (deleted.length > 0) await table.delete(keyPredicate(this.primaryKey, keys, deleted));
    }
    if (record === "part") return true;
    if (record === "unlist") await unlistSsTables(this.#manifests, this.#epoch, [ssTable.generation]);
    else {
      const { generation } = ssTable;
      await writeMergeWatermark(this.#table, { shardId: UNSHARDED_SHARD_ID, generation, makeDurable: async () => {} });
    }
    this.#unmerged.shift();
    return true;
  }

  async close(): Promise<void> {
    await this.source.close();
    await this.#shard.close();
    await this.#table.close();
    await this.lance.close();
  }

  #keyRow(n: number): Record<string, unknown> {
    const parts = this.key(n);
    return Object.fromEntries(this.primaryKey.map((name, i) => [name, parts[i]]));
  }

  #newestOf(memtable: Memtable) {
    const { batches, rows } = memtable.snapshot();
    const type = new Struct(this.#storage.fields);
    const newest = Array.from({ length: batches }, (_, position) => {
      const batch = memtable.store.recordBatch(position);
      if (batch === undefined) throw new Error("a batch expected");
      const out = new Uint32Array(batch.numRows);
      const count = memtable.newestRows(position, rows, out);
      const taken = batch.data.children.map((data) => takeData(data, out.subarray(0, count)));
      return recordBatch(this.#storage, type, count, taken);
    }).filter(({ numRows }) => numRows > 0);
    return { batches: newest, rows: newest.reduce((sum, { numRows }) => sum + numRows, 0) };
  }

  #capture() {
    this.holds++;
    const memtables = this.#memtables.map(({ generation, memtable }) => ({
      generation,
      memtable,
      ...memtable.snapshot(),
    }));
    return {
      memtables,
      release: () => {
        this.holds--;
      },
    };
  }
}

/** A directory for each case. */
export function caseDirectory(root: string): string {
  return join(root, String(cases++));
}

let cases = 0;
