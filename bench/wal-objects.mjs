/**
 * Plain objects, put one at a time: what a put costs the thread that calls it. This holds all that happens in that thread: the call, the
 * row's way into a batch, the append, the messages to the log's thread and back, and the promise.
 *
 * The system's own count of the thread's processor time is read (Linux: /proc/self/schedstat, which is of the main thread), so waiting for
 * the disk does not count; elsewhere the elapsed time stands in for it, which is more.
 */
// @ts-check
import { existsSync, readFileSync } from "node:fs";
import { Field, Float64, Int32, Int64, Schema, TimestampMillisecond, Utf8 } from "apache-arrow";
import { inTurn, NS_PER_MS } from "./measure.mjs";
import { below, result } from "./result.mjs";
import { createLanceTable, lanceSettings, upsert } from "./wal-lancedb.mjs";
import { KEY, KEY_METADATA } from "./wal-rows.mjs";
import { openWriter } from "./wal-writer.mjs";

const POOL = 4096;

/** @typedef {import("./wal-disk.mjs").BenchDisk} BenchDisk */

const objectSchema = new Schema([
  new Field(KEY, new Int64(), false, KEY_METADATA),
  new Field("at", new TimestampMillisecond(), true),
  new Field("value", new Float64(), true),
  new Field("count", new Int32(), true),
  new Field("text", new Utf8(), true),
]);

/** @type {readonly Record<string, unknown>[]} */
const objects = Array.from({ length: POOL }, (_, i) => ({
  id: BigInt(i),
  at: new Date(1_700_000_000_000 + i),
  value: i / 8,
  count: i,
  text: i.toString(36).padStart(16, "abcdefghijklmnop"),
}));

const CLOCK = "/proc/self/schedstat";
const ofThread = existsSync(CLOCK);

/** Milliseconds of processor time that this thread has had. */
function threadMs() {
  return ofThread ? Number(readFileSync(CLOCK, "utf8").split(" ")[0]) / NS_PER_MS : performance.now();
}

/**
 * @param {number} count puts
 * @param {number} callers that put at once, each the next object when its last is durable
 * @param {(object: Record<string, unknown>) => unknown} put
 * @returns {Promise<number>} processor time of this thread for each put, in microseconds
 */
async function costOfPuts(count, callers, put) {
  let next = 0;
  const caller = async () => {
    while (next < count) {
      const object = objects[next++ % POOL];
      if (object !== undefined) await put(object);
    }
  };
  const start = threadMs();
  await Promise.all(Array.from({ length: callers }, caller));
  return ((threadMs() - start) * 1000) / count;
}

/** @param {BenchDisk} disk @returns {import("./store.mjs").Case} */
export function objectCase(disk) {
  const name = "put of one plain object of 5 fields";
  return {
    name,
    async measure(plan) {
      const count = plan.smoke ? 4_000 : 100_000;
      const fewCallers = plan.smoke ? 1_000 : 10_000;
      const lanceCount = plan.smoke ? 200 : 1_000;
      const writer = await openWriter(disk.fresh("objects"), { schema: objectSchema });
      const table = await createLanceTable(disk.fresh("lancedb"), lanceSettings.fast, objectSchema);
      try {
        let called = 0;
        /** @param {Record<string, unknown>} object */
        const put = (object) => writer.put(object);
        /** @param {Record<string, unknown>} object */
        const timedPut = (object) => {
          const start = performance.now();
          const done = writer.put(object);
          called += performance.now() - start;
          return done;
        };
        const rounds = { ...plan, rounds: Math.min(plan.rounds, 5), warmup: 1 };
        const found = await inTurn(rounds, {
          saturated: () => costOfPuts(count, 1_000, put),
          few: () => costOfPuts(fewCallers, 64, put),
          call: async () => {
            called = 0;
            await costOfPuts(count / 4, 1_000, timedPut);
            return (called * 1000) / (count / 4);
          },
          lance: () => costOfPuts(lanceCount, 64, (object) => upsert(table, [object])),
        });
        const clock = ofThread ? "processor time of the caller's thread" : "elapsed time";
        return [
          result(`${name}, 1,000 in flight, ${clock}`, "µs", found.saturated, { target: below(10, "µs") }),
          result(`${name}, 64 in flight, ${clock}`, "µs", found.few, {
            peer: 'LanceDB, max_wal_flush_interval_ms "1", the same',
            peerMedian: found.lance,
          }),
          result(`${name}, the call alone, elapsed time`, "µs", found.call),
        ];
      } finally {
        await table.closeLsmWriters();
        await writer.close();
      }
    },
  };
}
