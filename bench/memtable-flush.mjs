/**
 * The flush of a memtable: 100,000 rows of an int64 key, a float64 and a vector of 128 float32 become an SSTable, against LanceDB's own
 * `createTable` of the same rows out of ordinary memory. Ours has the key index and both filters besides, and is synced; LanceDB syncs nothing.
 *
 * The rows of ours lie in a batch store, in batches of 1,000, keys in no order. Each round writes into a directory of its own; what a side has
 * left unwritten is written back before the next one's turn.
 */
// @ts-check
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
} from "apache-arrow";
import { collect, inTurn } from "./measure.mjs";
import { atMostTimesPeer, result } from "./result.mjs";

/** @template T @param {string} module @returns {Promise<T>} */
const built = (module) => import(new URL(`../dist/${module}.js`, import.meta.url).href);
/** @type {typeof import("../src/lance/ss-table-writer.js")} */
const { writeSsTable } = await built("lance/ss-table-writer");
/** @type {typeof import("../src/lance/lancedb-module.js")} */
const { loadLanceDb } = await built("lance/lancedb-module");
/** @type {typeof import("../src/lance/storage-schema.js")} */
const { storageSchema } = await built("lance/storage-schema");
/** @type {typeof import("../src/storage/sync-tree.js")} */
const { syncTree } = await built("storage/sync-tree");
/** @type {typeof import("../src/writer/storage-batch.js")} */
const { StorageBatches } = await built("writer/storage-batch");
/** @type {typeof import("../src/store/batch-store.js")} */
const { BatchStore } = await built("store/batch-store");

/** @typedef {import("./wal-disk.mjs").BenchDisk} BenchDisk */

const ROWS = 100_000;
const BATCH_ROWS = 1_000;
const DIMENSIONS = 128;
const ROW_BYTES = 8 + 8 + 4 * DIMENSIONS;
const TIMES = 1.5;
/** Shares no factor with the number of rows, so that multiples of it pass through all of them. */
const STRIDE = 7_919;

const vector = new FixedSizeList(DIMENSIONS, new Field("item", new Float32(), true));
const schema = new Schema([
  new Field("id", new Int64(), false),
  new Field("value", new Float64(), true),
  new Field("embedding", vector, true),
]);

/** @param {number} rows */
function batches(rows) {
  return Array.from({ length: Math.ceil(rows / BATCH_ROWS) }, (_, i) => batchOf(i * BATCH_ROWS, rows));
}

/** @param {number} first @param {number} rows */
function batchOf(first, rows) {
  const length = Math.min(BATCH_ROWS, rows - first);
  const ids = BigInt64Array.from({ length }, (_, row) => BigInt(((first + row) * STRIDE) % rows));
  const values = Float64Array.from({ length }, Math.random);
  const items = Float32Array.from({ length: length * DIMENSIONS }, Math.random);
  const child = makeData({ type: new Float32(), length: items.length, nullCount: 0, data: items });
  const children = [
    makeData({ type: new Int64(), length, nullCount: 0, data: ids }),
    makeData({ type: new Float64(), length, nullCount: 0, data: values }),
    makeData({ type: vector, length, nullCount: 0, child }),
  ];
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length, nullCount: 0, children }));
}

/** @param {BenchDisk} disk @returns {import("./store.mjs").Case} */
export function flushCase(disk) {
  const name = "flush of 100,000 rows";
  return {
    name,
    async measure(plan) {
      const rows = plan.smoke ? ROWS / 100 : ROWS;
      const lancedb = await loadLanceDb();
      const stored = storageSchema(schema, ["id"]);
      const plain = batches(rows);
      const table = new Table(schema, plain);
      const store = BatchStore.create({ schema: stored, bytes: 2 * rows * ROW_BYTES + 2 ** 20 });
      const toStorage = new StorageBatches(schema, stored);
      for (const batch of plain) store.append(toStorage.from(batch));
      let generation = 0;
      const flush = async () => {
        const shardDirectory = disk.fresh("flush");
        disk.settle();
        collect();
        const start = performance.now();
        await writeSsTable({
          lancedb,
          shardDirectory,
          generation: ++generation,
          schema: stored,
          primaryKey: ["id"],
          batches: () => store.batches(),
          rows,
          vectorIndexes: [],
          inMemoryBytes: rows * ROW_BYTES,
        });
        return performance.now() - start;
      };
      /** @param {boolean} synced */
      const create = async (synced) => {
        const directory = join(disk.fresh("create"), "database");
        mkdirSync(directory);
        disk.settle();
        collect();
        const start = performance.now();
        const connection = await lancedb.connect(directory);
        await connection.createTable("table", table);
        connection.close();
        if (synced) await syncTree(directory);
        return performance.now() - start;
      };
      try {
        const found = await inTurn(
          { ...plan, rounds: Math.min(plan.rounds, 7), warmup: 1 },
          { ours: flush, theirs: () => create(false), synced: () => create(true) },
        );
        return [
          result(`${name}, fsync included`, "ms", found.ours, {
            peer: "LanceDB createTable, no fsync",
            peerMedian: found.theirs,
            target: atMostTimesPeer(TIMES),
          }),
          result(`${name}, both synced`, "ms", found.ours, {
            peer: "LanceDB createTable, then fsync of its files",
            peerMedian: found.synced,
          }),
        ];
      } finally {
        store.close();
      }
    },
  };
}
