/** LanceDB 0.39 reads SSTables of ours over a base table: its scans, filters, limits, lookups and vector search return what a model says. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Field, FixedSizeList, Float32, Int64, type RecordBatch, Schema, Utf8 } from "apache-arrow";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { StorageRows } from "../../src/arrow/rows/storage-rows.js";
import type { RecordBatchLike } from "../../src/arrow/shape.js";
import { claimShard } from "../../src/lance/claim.js";
import { keyPredicate } from "../../src/lance/key-predicate.js";
import { loadLanceDb } from "../../src/lance/lancedb-module.js";
import { ManifestStore } from "../../src/lance/manifest-store.js";
import { shardDirectory } from "../../src/lance/names.js";
import { UNSHARDED_SHARD_ID } from "../../src/lance/shard-id.js";
import { publishSsTable } from "../../src/lance/ss-table-publish.js";
import type { VectorIndex } from "../../src/lance/ss-table-vectors.js";
import { writeSsTable } from "../../src/lance/ss-table-writer.js";
import { assertLanceSchema, storageSchema } from "../../src/lance/storage-schema.js";
import { LocalStore } from "../../src/storage/local-store.js";
import { BatchStore } from "../../src/store/batch-store.js";
import { StorageBatches } from "../../src/writer/storage-batch.js";
import { arbitrarySchema, batchOf } from "../arrow-arbitrary.js";
import { DataBuilder, Random } from "../arrow-random-data.js";
import { type LanceTable, type LanceTableOptions, lanceRows, makeLanceTable } from "../lancedb.js";
import { rowsOf } from "../plain-model.js";
import { KEY_KINDS, KEYS, LanceKey } from "./lance-keys.js";

const root = mkdtempSync(join(tmpdir(), "pennon-ss-tables-"));
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));

let cases = 0;

/** A table of LanceDB whose shard we have claimed. */
class Shard {
  readonly lance: LanceTable;
  readonly schema: Schema;
  readonly #primaryKey: readonly string[];
  readonly #store: LocalStore;
  readonly #manifests: ManifestStore;
  readonly #epoch: number;
  #generation = 0;

  private constructor(
    lance: LanceTable,
    options: LanceTableOptions,
    store: LocalStore,
    manifests: ManifestStore,
    epoch: number,
  ) {
    this.lance = lance;
    this.#primaryKey = options.primaryKey;
    this.schema = storageSchema(options.schema, options.primaryKey);
    this.#store = store;
    this.#manifests = manifests;
    this.#epoch = epoch;
  }

  static async make(
    options: LanceTableOptions,
    prepare?: (table: LanceTable["table"]) => Promise<void>,
  ): Promise<Shard> {
    const lance = await makeLanceTable(join(root, String(cases++)), options);
    await prepare?.(lance.table);
    const store = new LocalStore(shardDirectory(lance.directory, UNSHARDED_SHARD_ID));
    const manifests = new ManifestStore(store, UNSHARDED_SHARD_ID);
    const { epoch } = await claimShard(manifests, store);
    return new Shard(lance, options, store, manifests, epoch);
  }

  /** Publishes an SSTable of these rows, which lie in the memory of a store. */
  async flush(batches: readonly RecordBatchLike[], vectorIndexes: readonly VectorIndex[] = []): Promise<void> {
    const arena = BatchStore.create({ schema: this.schema, bytes: 4_194_304 });
    arena.appendAll(batches);
    const table = await writeSsTable({
      lancedb: await loadLanceDb(),
      shardDirectory: shardDirectory(this.lance.directory, UNSHARDED_SHARD_ID),
      generation: ++this.#generation,
      schema: this.schema,
      primaryKey: this.#primaryKey,
      batches: () => arena.batches(),
      rows: batches.reduce((sum, { numRows }) => sum + numRows, 0),
      vectorIndexes,
      inMemoryBytes: 1,
    });
    await publishSsTable(this.#manifests, this.#epoch, { table, replayAfter: this.#generation });
  }

  /** Tombstones of these keys. */
  deletions(keys: readonly unknown[]): RecordBatch {
    const rows = new StorageRows(this.schema, this.#primaryKey);
    for (const key of keys) rows.appendKey(key);
    return rows.finish();
  }

  async close(): Promise<void> {
    await this.#store.close();
    await this.lance.close();
  }
}

/** What LanceDB's Node package creates out of our copy of apache-arrow. */
const WITHOUT = ["largeUtf8", "largeBinary"] as const;
const columns = arbitrarySchema({ maxColumns: 6, maxDepth: 2, without: WITHOUT }).filter((schema) => {
  try {
    assertLanceSchema(schema);
    return true;
  } catch {
    return false;
  }
});

/** Keys that one SSTable holds, and those of them that it deletes. */
const generation = fc
  .record({
    keys: fc.uniqueArray(fc.nat(KEYS - 1), { minLength: 1, maxLength: KEYS }),
    deletes: fc.nat(3),
    seed: fc.noShrink(fc.integer()),
  })
  .map(({ keys, deletes, seed }) => {
    // Of four one deletes all that it holds.
    const live = deletes === 0 ? 0 : Math.ceil(keys.length / deletes);
    return { live: keys.slice(0, live), deleted: keys.slice(live), seed };
  });

const plainKey = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);
const nameOf = (key: LanceKey, row: readonly unknown[]): string =>
  JSON.stringify(row.slice(0, key.names.length), plainKey);

describe.each(KEY_KINDS.map((kind) => [kind.join(", "), kind] as const))("with the key %s", (_, kind) => {
  it("LanceDB reads the newest rows", { timeout: 60_000 }, async () => {
    const key = new LanceKey(kind);
    await fc.assert(
      fc.asyncProperty(columns, fc.array(generation, { minLength: 1, maxLength: 3 }), async (values, generations) => {
        const schema = new Schema([...key.fields, ...values.fields]);
        const live = new StorageBatches(schema, storageSchema(schema, key.names));
        const build = (keys: readonly number[], seed: number): RecordBatch => {
          const builder = new DataBuilder(new Random(seed));
          const data = values.fields.map(({ type, nullable }) => builder.build(type, keys.length, nullable));
          return batchOf(schema, keys.length, [...key.columns(keys), ...data]);
        };
        const shard = await Shard.make({ schema, primaryKey: key.names });
        const expected = new Map<string, unknown[]>();
        for (const { live: kept, deleted, seed } of generations) {
          const batches: RecordBatchLike[] = [];
          if (kept.length > 0) {
            const batch = build(kept, seed);
            for (const row of rowsOf(batch)) expected.set(nameOf(key, row), row);
            batches.push(live.from(batch));
          }
          if (deleted.length > 0) {
            for (const row of rowsOf(batchOf(new Schema([...key.fields]), deleted.length, key.columns(deleted)))) {
              expected.delete(nameOf(key, row));
            }
            batches.push(shard.deletions(key.values(deleted)));
          }
          await shard.flush(batches);
        }
        const table = await shard.lance.open();
        const found = (await table.query().toArrow()).batches.flatMap(rowsOf);
        expect(found).toHaveLength(expected.size);
        expect(new Map(found.map((row) => [nameOf(key, row), row]))).toEqual(expected);
        const limited = await table.query().limit(2).toArrow();
        expect(limited.numRows).toBe(Math.min(2, expected.size));
        // Lookups, of keys that are there, that were deleted, and that never were.
        const every = Array.from({ length: KEYS }, (_, i) => i);
        const lookUp = async (keys: readonly number[], rows: number[]): Promise<Map<string, unknown[]>> => {
          const where = keyPredicate(key.names, key.columns(keys), rows);
          const rowsFound = (await table.query().where(where).toArrow()).batches.flatMap(rowsOf);
          return new Map(rowsFound.map((row) => [nameOf(key, row), row]));
        };
        expect(await lookUp(every, every)).toEqual(expected);
        for (const one of every) {
          const [row = []] = rowsOf(batchOf(new Schema([...key.fields]), 1, key.columns([one])));
          const there = expected.get(nameOf(key, row));
          expect([...(await lookUp([one], [0])).values()]).toEqual(there === undefined ? [] : [there]);
        }
        await shard.close();
      }),
      { numRuns: 3 },
    );
  });
});

const VECTOR = new FixedSizeList(4, new Field("item", new Float32(), true));
const schema = new Schema([
  new Field("id", new Int64(), false),
  new Field("text", new Utf8(), true),
  new Field("embedding", VECTOR, true),
]);

describe("over a base table", () => {
  const plain = (id: number, text: string, at: number | null): Record<string, unknown> => {
    return { id: BigInt(id), text, embedding: at === null ? null : [at, 0, 0, 0] };
  };
  const batchOfRows = (shard: Shard, rows: readonly Record<string, unknown>[]): RecordBatch => {
    const builder = new StorageRows(shard.schema, ["id"]);
    for (const row of rows) builder.appendRow(row);
    return builder.finish();
  };

  it("newer SSTables hide older ones and base rows, tombstones all of them", async () => {
    const base = Array.from({ length: 10 }, (_, i) => plain(i, "base", i));
    const shard = await Shard.make({ schema, primaryKey: ["id"], rows: base });
    await shard.flush([
      batchOfRows(shard, [plain(1, "first", 100), plain(2, "first", 200), plain(20, "first", 2000)]),
      shard.deletions([3n]),
    ]);
    await shard.flush([shard.deletions([2n, 4n])]);
    await shard.flush([batchOfRows(shard, [plain(3, "third", null), plain(4, "third", 400)])]);
    const table = await shard.lance.open();
    const expected = new Map<number, string>(base.map(({ id }) => [Number(id), "base"]));
    for (const [id, text] of [
      [1, "first"],
      [20, "first"],
      [3, "third"],
      [4, "third"],
    ] as const)
      expected.set(id, text);
    expected.delete(2);
    const found = async (filter?: string) =>
      new Map((await lanceRows(table, filter)).map(({ id, text }) => [Number(id), text]));
    expect(await found()).toEqual(expected);
    expect(await found("text = 'base'")).toEqual(new Map([...expected].filter(([, text]) => text === "base")));
    expect(await found("id IN (1, 2, 3, 9, 20)")).toEqual(
      new Map([...expected].filter(([id]) => [1, 2, 3, 9, 20].includes(id))),
    );
    expect(await found("id = 2")).toEqual(new Map());
    expect(await table.query().limit(7).toArray()).toHaveLength(7);
    await shard.close();
  });

  it("an exact index lets LanceDB's vector search see the rows of SSTables", async () => {
    const base = Array.from({ length: 10 }, (_, i) => plain(i, "base", i));
    const { Index } = await loadLanceDb();
    const shard = await Shard.make({ schema, primaryKey: ["id"], rows: base }, async (table) => {
      await table.unsetLsmWriteSpec();
      await table.createIndex("embedding", { config: Index.ivfFlat({ numPartitions: 1, distanceType: "l2" }) });
      await table.setLsmWriteSpec({ specType: "unsharded" }); // maintains the indexes that are there
    });
    const indexes = [{ column: "embedding", distanceType: "l2" }] as const;
    await shard.flush(
      [
        batchOfRows(shard, [plain(1, "new", 50), plain(30, "new", 5.25), plain(31, "new", null)]),
        shard.deletions([5n]),
      ],
      indexes,
    );
    await shard.flush([shard.deletions([6n])], indexes);
    const table = await shard.lance.open();
    const hits = await table.query().nearestTo([5.1, 0, 0, 0]).limit(4).toArray();
    expect(hits.map(({ id }: { id: bigint }) => Number(id))).toEqual([30, 4, 7, 3]);
    await shard.close();
  });
});
