/**
 * What the index costs a put: puts of 100 rows into a memtable with the index, keys in no order, against puts of the same rows with ascending
 * keys into one that needs none. The puts go all of the writer's way but for the log, which would hide the index: here it says at once that an
 * entry is written. Memory has been used before, as in a writer that goes on.
 */
// @ts-check
import { collect, inTurn } from "./measure.mjs";
import { shuffled } from "./memtable-keys.mjs";
import { PUT_ROWS, putAll } from "./memtable-stream.mjs";
import { atLeastTimesPeer, result } from "./result.mjs";
import { batchOf, KEY, rowSchema } from "./wal-rows.mjs";

/** @template T @param {string} module @returns {Promise<T>} */
const built = (module) => import(new URL(`../dist/${module}.js`, import.meta.url).href);
/** @type {typeof import("../src/lance/storage-schema.js")} */
const { storageSchema } = await built("lance/storage-schema");
/** @type {typeof import("../src/memtable/pool.js")} */
const { MemtablePool } = await built("memtable/pool");
/** @type {typeof import("../src/writer/memtable-set.js")} */
const { MemtableSet } = await built("writer/memtable-set");
/** @type {typeof import("../src/writer/put-rows.js")} */
const { putRows } = await built("writer/put-rows");
/** @type {typeof import("../src/writer/storage-batch.js")} */
const { StorageBatches } = await built("writer/storage-batch");
/** @type {typeof import("../src/arrow/rows/storage-rows.js")} */
const { StorageRows } = await built("arrow/rows/storage-rows");
/** @type {typeof import("../src/writer/write-batch-handler.js")} */
const { WriteBatchHandler } = await built("writer/write-batch-handler");
/** @type {typeof import("../src/writer/timers.js")} */
const { systemTimers } = await built("writer/timers");

const ROWS = 400_000;
const CALLERS = 64;
const SHARE = 0.7;
const ENTRY_BYTES = 2 ** 26;

const storage = storageSchema(rowSchema, [KEY]);
const START = { nextEntry: 1, counters: new Map(), rows: 0, batches: 0, bytes: 0 };

/** A log whose entries are written as soon as they are handed over. @type {import("../src/writer/shard-log.js").ShardLog} */
const noLog = {
  open: () => Promise.reject(new Error("there is no log to open")),
  addMemtable: () => {},
  dropMemtable: () => {},
  append: () => Promise.resolve(1),
  onFailure: () => {},
  close: () => Promise.resolve(),
};

/** @param {number} rows @param {boolean} ordered */
function batches(rows, ordered) {
  const keys = shuffled(rows, 1);
  if (ordered) keys.sort();
  return Array.from({ length: rows / PUT_ROWS }, (_, i) => batchOf(keys.slice(i * PUT_ROWS, (i + 1) * PUT_ROWS)));
}

/** @param {number} rows @param {boolean} ordered whether keys ascend, and there is no index */
function writerOf(rows, ordered) {
  const puts = batches(rows, ordered);
  const bytes = 2 ** 27;
  const pool = MemtablePool.create({
    schema: storage,
    primaryKey: [KEY],
    bytes,
    batches: 2 * puts.length,
    maxRows: 2 * rows,
    slots: 2,
    ordered,
  });
  const toStorage = new StorageBatches(rowSchema, storage);
  const events = { onNew: () => {}, onFrozen: () => {}, drains: false };
  const bounds = { memtableBytes: bytes, maxMemoryBytes: 4 * bytes };
  const options = {
    maxUnflushedBytes: ENTRY_BYTES,
    maxPendingPuts: 2 ** 20,
    maxLogRows: Number.MAX_SAFE_INTEGER,
    maxLogBatches: Number.MAX_SAFE_INTEGER,
    maxLogBytes: Number.MAX_SAFE_INTEGER,
    flushIntervalMs: 0,
    flushBytes: 2 ** 23,
    drains: () => false,
    makeLogRoom: () => false,
    onStopped: () => {},
    onWritten: () => {},
  };
  const memtables = new MemtableSet(pool, bounds, ENTRY_BYTES, 1, () => performance.now(), events);
  /** Million rows a second. */
  const round = async () => {
    const builder = new StorageRows(storage, [KEY], { table: rowSchema });
    const handler = new WriteBatchHandler(noLog, memtables, storage, builder, START, options, systemTimers);
    collect();
    const start = performance.now();
    await putAll(puts, CALLERS, (batch) => handler.put(putRows(batch, toStorage), { durability: "memory" }));
    await handler.close();
    const elapsed = performance.now() - start;
    memtables.freeze();
    for (const memtable of [...memtables.all]) memtables.release(memtable);
    pool.reclaim();
    return rows / 1000 / elapsed;
  };
  return { round, close: () => pool.close() };
}

/** @type {import("./store.mjs").Case} */
export const putCase = {
  name: "puts of 100 rows with the index",
  async measure(plan) {
    const rows = plan.smoke ? ROWS / 20 : ROWS;
    const indexed = writerOf(rows, false);
    const ordered = writerOf(rows, true);
    const rounds = { ...plan, rounds: Math.min(plan.rounds, 9) };
    const found = await inTurn(rounds, { indexed: indexed.round, ordered: ordered.round });
    for (const writer of [indexed, ordered]) writer.close();
    return [
      result(`${putCase.name}, durability "memory"`, "M rows/s", found.indexed, {
        peer: "the same with ascending keys and no index",
        peerMedian: found.ordered,
        target: atLeastTimesPeer(SHARE),
      }),
    ];
  },
};
