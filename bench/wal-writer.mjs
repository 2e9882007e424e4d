/**
 * Ours: a `ShardWriter` of the built package, with a log thread of its own, on a directory of the disk that is measured.
 */
// @ts-check
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { KEY, rowSchema, UNSHARDED } from "./wal-rows.mjs";

/** @type {typeof import("../src/writer/shard-writer.js")} */
const { ShardWriter } = await import(new URL("../dist/writer/shard-writer.js", import.meta.url).href);

/** @typedef {import("../src/writer/shard-writer.js").ShardWriter} Writer */
/** @typedef {Partial<import("../src/writer/writer-settings.js").ShardWriterOptions>} WriterOptions */

/** Room for all that one case writes: there is nothing yet that would take rows out of memory. @type {WriterOptions} */
const ROOMY = { maxMemoryBytes: 6 * 2 ** 30 };

/**
 * @param {string} directory of the shard
 * @param {WriterOptions} [options]
 * @returns {Promise<Writer>}
 */
export function openWriter(directory, options = {}) {
  return ShardWriter.open({
    log: { directory },
    shardId: UNSHARDED,
    schema: rowSchema,
    primaryKey: [KEY],
    ...ROOMY,
    ...options,
  });
}

/**
 * @param {string} directory
 * @param {WriterOptions} [options]
 * @returns {Promise<import("./wal-sink.mjs").Sink>}
 */
export async function writerSink(directory, options) {
  const writer = await openWriter(directory, options);
  return { put: ({ batch }) => writer.put(batch), close: () => writer.close() };
}

/**
 * The files of a shard's log entries, in no order.
 *
 * @param {string} directory of the shard
 * @returns {{ path: string, bytes: number }[]}
 */
export function logEntries(directory) {
  const log = join(directory, "wal");
  return readdirSync(log)
    .filter((name) => /^[01]{64}\.arrow$/.test(name))
    .map((name) => {
      const path = join(log, name);
      return { path, bytes: statSync(path).size };
    });
}
