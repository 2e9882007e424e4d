/**
 * A cold process that writes a log, opens one, or measures what bounds that: `wal-replay.child.mjs TASK ARGUMENTS`, prints one JSON object
 * of numbers.
 *
 * - `write SHARD COUNT`, `write-lancedb DIRECTORY COUNT`: as many entries of one row, with our writer, with LanceDB's
 * - `write-vectors SHARD BYTES`: entries of about as many bytes in all, with our writer
 * - `open SHARD`, `open-lancedb DIRECTORY`: opens it, up to the first durable put of one row (LanceDB opens a writer at the first upsert)
 * - `open-vectors SHARD`: opens it
 * - `read FILE…`: reads the files into one buffer whose pages are there
 * - `append BYTES`: appends batches to stores in new memory until their rows take BYTES
 *
 * None of them closes what it has opened, because LanceDB's close would write an SSTable and so leave another log to the next.
 */
// @ts-check
import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { KEY, portions, vectorBatches, vectorSchema } from "./wal-rows.mjs";
import { latencies } from "./wal-sink.mjs";

const STORE_BYTES = 2 ** 28;
const MIB = 2 ** 20;
const NEW_KEY = 1e9;
/** Batches of 8 MB that are put at once: an entry holds at most 64 MiB. */
const AT_ONCE = 7;

/** Ours and LanceDB are loaded only where they are wanted: each in a process without the other. */
const ours = () => import("./wal-writer.mjs");
const lancedb = () => import("./wal-lancedb.mjs");

/** One row that no log of the benchmark holds. */
function newRow() {
  const [row] = portions(1, 1, NEW_KEY);
  if (row === undefined) throw new Error("there is no row");
  return row;
}

const tasks = {
  /** @param {string[]} args */
  async write([shard = "", count = ""]) {
    const { writerSink } = await ours();
    await latencies(await writerSink(shard), portions(Number(count), 1), Number(count));
    return {};
  },
  /** @param {string[]} args */
  async "write-lancedb"([directory = "", count = ""]) {
    const { lanceSettings, lanceSink } = await lancedb();
    await latencies(await lanceSink(directory, lanceSettings.fast), portions(Number(count), 1), Number(count));
    return {};
  },
  /** @param {string[]} args */
  async "write-vectors"([shard = "", bytes = ""]) {
    const { openWriter, logEntries } = await ours();
    const writer = await openWriter(shard, { schema: vectorSchema });
    const batches = vectorBatches(AT_ONCE);
    let written = 0;
    while (written < Number(bytes)) {
      await Promise.all(batches.map((batch) => writer.put(batch)));
      written = logEntries(shard).reduce((sum, entry) => sum + entry.bytes, 0);
    }
    return { bytes: written };
  },
  /** @param {string[]} args */
  async open([shard = ""]) {
    const { openWriter } = await ours();
    const row = newRow();
    const start = performance.now();
    const writer = await openWriter(shard);
    const openMs = performance.now() - start;
    await writer.put(row.batch);
    return { openMs, usableMs: performance.now() - start, rows: writer.stats().replayed.rows };
  },
  /** @param {string[]} args */
  async "open-vectors"([shard = ""]) {
    const { openWriter } = await ours();
    const start = performance.now();
    await openWriter(shard, { schema: vectorSchema });
    return { openMs: performance.now() - start };
  },
  /** @param {string[]} args */
  async "open-lancedb"([directory = ""]) {
    const { openLanceTable, upsert } = await lancedb();
    const table = await openLanceTable(directory);
    const row = newRow();
    const start = performance.now();
    await upsert(table, row.table);
    const usableMs = performance.now() - start;
    const rows = (await table.query().select([KEY]).toArray()).length - 1;
    return { usableMs, rows };
  },
  /** @param {string[]} paths */
  read(paths) {
    const buffer = new Uint8Array(64 * MIB).fill(1);
    let bytes = 0;
    const start = performance.now();
    for (const path of paths) {
      const file = openSync(path, "r");
      const end = bytes + fstatSync(file).size;
      while (bytes < end) {
        const read = readSync(file, buffer, 0, buffer.byteLength, null);
        if (read === 0) throw new Error(`${path} has become shorter`);
        bytes += read;
      }
      closeSync(file);
    }
    return { ms: performance.now() - start, bytes };
  },
  /** @param {string[]} args */
  async append([bytes = ""]) {
    const { BatchStore } = await import("./pennon.mjs");
    const batches = vectorBatches(8);
    const [first] = batches;
    if (first === undefined) throw new Error("there are no batches");
    const stores = [];
    let appended = 0;
    let elapsed = 0;
    while (appended < Number(bytes)) {
      const store = BatchStore.create({ schema: first.schema, bytes: STORE_BYTES, prefault: false });
      stores.push(store);
      const start = performance.now();
      const fits = Math.floor((STORE_BYTES * 0.95) / store.append(first).bytes);
      for (let i = 1; i < fits; i++) store.append(batches[i % batches.length] ?? first);
      elapsed += performance.now() - start;
      appended += store.snapshot().bytes;
    }
    return { ms: elapsed, bytes: appended };
  },
};

const [task = "", ...args] = process.argv.slice(2);
const run = tasks[/** @type {keyof typeof tasks} */ (task)];
writeSync(1, `${JSON.stringify(await run(args))}\n`);
process.kill(process.pid, "SIGKILL");
