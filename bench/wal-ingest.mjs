/**
 * Streaming ingest of real rows: 3 M flights, decoded from Parquet by the package's own reader and put as they come, each put durable.
 * The bound is the lower of two rates that are measured in the same run: the disk's, for the same bytes written one after the other into
 * one file and synced once, and that of decoding alone. All rates are of the bytes of the log. The source is in the page cache; memory for
 * the rows is untouched in every round, and the system has as much at hand as files and rows take.
 */
// @ts-check
import { closeSync, fsyncSync, openSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Field, Int64, makeData, RecordBatch, Schema, Struct } from "apache-arrow";
import { collect, inTurn, keep } from "./measure.mjs";
import { atLeastTimesPeer, result } from "./result.mjs";
import { KEY_METADATA } from "./wal-rows.mjs";
import { logEntries, openWriter } from "./wal-writer.mjs";

/** @type {typeof import("../src/input/open-input.js")} */
const { openInput } = await import(new URL("../dist/input/open-input.js", import.meta.url).href);

const ROW_ID = "_row_id";
/** Puts that are not yet durable at any one time; a batch of 8,192 rows takes 380 KB. */
const IN_FLIGHT = 64;
const MIB = 2 ** 20;
const WRITE_BYTES = 8 * MIB;
const SHARE = 0.6;
/** More than the log and the rows in memory take. */
const READY_BYTES = 2 ** 29;

/** @typedef {import("./wal-disk.mjs").BenchDisk} BenchDisk */

const source = fileURLToPath(new URL("../node_modules/vega-datasets/data/flights-3m.parquet", import.meta.url));

/** @param {Schema} schema */
function keyed(schema) {
  return new Schema([...schema.fields, new Field(ROW_ID, new Int64(), false, KEY_METADATA)]);
}

/**
 * The batch with a key: the row's number in the file.
 *
 * @param {Schema} schema
 * @param {RecordBatch} batch
 * @param {number} firstRow
 */
function withRowIds(schema, batch, firstRow) {
  const length = batch.numRows;
  const ids = new BigInt64Array(length);
  for (let row = 0; row < length; row++) ids[row] = BigInt(firstRow + row);
  const column = makeData({ type: new Int64(), length, nullCount: 0, data: ids });
  const type = new Struct(schema.fields);
  return new RecordBatch(schema, makeData({ type, length, nullCount: 0, children: [...batch.data.children, column] }));
}

/**
 * Decodes the file.
 *
 * @param {number} mostRows
 * @param {(batch: RecordBatch, firstRow: number) => unknown} take
 */
async function decode(mostRows, take) {
  const input = await openInput({ path: source });
  let rows = 0;
  try {
    for await (const batch of input.batches()) {
      await take(batch, rows);
      rows += batch.numRows;
      if (rows >= mostRows) break;
    }
  } finally {
    await input.close();
  }
  return rows;
}

async function sourceSchema() {
  const input = await openInput({ path: source });
  await input.close();
  return input.schema;
}

/**
 * Puts the file's rows; returns when all are durable.
 *
 * @param {import("./wal-writer.mjs").Writer} writer
 * @param {Schema} schema
 * @param {number} mostRows
 */
async function ingest(writer, schema, mostRows) {
  /** @type {Promise<unknown>[]} */
  const waiting = [];
  await decode(mostRows, async (batch, firstRow) => {
    const durable = writer.put(withRowIds(schema, batch, firstRow));
    durable.catch(() => {}); // thrown below, when it is waited for
    waiting.push(durable);
    if (waiting.length >= IN_FLIGHT) await waiting.shift();
  });
  await Promise.all(waiting);
}

/** @param {string} path @param {number} bytes */
function writeSequentially(path, bytes) {
  const data = new Uint8Array(WRITE_BYTES).fill(97);
  const start = performance.now();
  const file = openSync(path, "wx");
  for (let at = 0; at < bytes; ) at += writeSync(file, data, 0, Math.min(WRITE_BYTES, bytes - at));
  fsyncSync(file);
  closeSync(file);
  return performance.now() - start;
}

/** @param {BenchDisk} disk @returns {import("./store.mjs").Case} */
export function ingestCase(disk) {
  const name = "streaming ingest of flights-3m";
  return {
    name,
    async measure(plan) {
      const mostRows = plan.smoke ? 100_000 : Number.MAX_SAFE_INTEGER;
      const schema = keyed(await sourceSchema());
      let bytes = 0;
      const rounds = { ...plan, rounds: Math.min(plan.rounds, 3), warmup: 1 };
      const ms = await inTurn(rounds, {
        ours: async () => {
          collect();
          disk.ready(plan.smoke ? MIB : READY_BYTES);
          const shard = disk.fresh("ingest");
          const writer = await openWriter(shard, { schema, primaryKey: [ROW_ID] });
          try {
            const start = performance.now();
            await ingest(writer, schema, mostRows);
            const elapsed = performance.now() - start;
            bytes = logEntries(shard).reduce((sum, entry) => sum + entry.bytes, 0);
            return elapsed;
          } finally {
            await writer.close();
          }
        },
        decode: async () => {
          const start = performance.now();
          await decode(mostRows, (batch, firstRow) => keep(withRowIds(schema, batch, firstRow).numRows));
          return performance.now() - start;
        },
        disk: () => {
          disk.ready(plan.smoke ? MIB : READY_BYTES);
          return writeSequentially(join(disk.fresh("sequential"), "file"), bytes);
        },
      });
      /** @param {number} elapsed */
      const rate = (elapsed) => bytes / MIB / (elapsed / 1000);
      const decoding = ms.decode > ms.disk;
      const peerMedian = rate(decoding ? ms.decode : ms.disk);
      return [
        result(`${name}, against the lower bound`, "MiB/s", rate(ms.ours), {
          peer: decoding ? "decoding alone, which is the lower" : "sequential write and fsync, which is the lower",
          peerMedian,
          target: atLeastTimesPeer(SHARE),
        }),
        result(`${name}, against the disk`, "MiB/s", rate(ms.ours), {
          peer: "the same bytes: sequential write and fsync",
          peerMedian: rate(ms.disk),
        }),
        result(`${name}, against decoding`, "MiB/s", rate(ms.ours), {
          peer: "decoding alone",
          peerMedian: rate(ms.decode),
        }),
        result(`${name}, source`, "MiB/s of Parquet", statSync(source).size / MIB / (ms.ours / 1000)),
      ];
    },
  };
}
