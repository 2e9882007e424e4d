/**
 * The application's thread stays free: how late its timers fire while a million rows are put.
 *
 * `monitorEventLoopDelay` with a timer of 1 ms gives the time between two of its firings, so 1 ms is what an idle thread shows.
 */
// @ts-check
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { collect, NS_PER_MS } from "./measure.mjs";
import { below, result } from "./result.mjs";
import { lanceSettings, lanceSink } from "./wal-lancedb.mjs";
import { portions } from "./wal-rows.mjs";
import { openWriter, writerSink } from "./wal-writer.mjs";

/** How often the rows are put as batches: once is over in so short a time that a hundredth of it is one firing. */
const TIMES = 5;

/** @typedef {import("./wal-disk.mjs").BenchDisk} BenchDisk */

/**
 * @typedef {object} Delay
 * @property {number} p99 in milliseconds
 * @property {number} max in milliseconds
 * @property {number} seconds that all of it took
 */

/**
 * @param {number} puts
 * @param {number} callers that put at once, each the next time when its last put is durable
 * @param {(index: number) => unknown} put
 * @returns {Promise<Delay>}
 */
async function delayDuring(puts, callers, put) {
  const warmup = Math.ceil(puts / 20);
  let next = 0;
  /** @param {number} end */
  const callersUntil = (end) =>
    Promise.all(
      Array.from({ length: callers }, async () => {
        while (next < end) await put(next++);
      }),
    );
  await callersUntil(warmup);
  collect();
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await sleep(20); // its first firings, which may be late for what came before
  histogram.reset();
  const start = performance.now();
  await callersUntil(warmup + puts);
  const seconds = (performance.now() - start) / 1000;
  await sleep(2); // what was late at the very end is counted when it fires
  histogram.disable();
  return { p99: histogram.percentile(99) / NS_PER_MS, max: histogram.max / NS_PER_MS, seconds };
}

/** @param {BenchDisk} disk @returns {import("./store.mjs").Case} */
export function loopCase(disk) {
  const name = "event-loop delay while 1 M rows are put";
  return {
    name,
    async measure(plan) {
      const rows = plan.smoke ? 50_000 : 1_000_000;
      const batches = portions(64, 1_000);
      const objects = portions(4, 1_000).flatMap((portion) => portion.rows);
      /** @param {import("./wal-sink.mjs").Sink} sink */
      const inBatches = async (sink) => {
        try {
          return await delayDuring((TIMES * rows) / 1_000, 64, (i) => {
            const portion = batches[i % batches.length];
            return portion === undefined ? undefined : sink.put(portion);
          });
        } finally {
          await sink.close();
        }
      };
      const ours = await inBatches(await writerSink(disk.fresh("loop")));
      const lance = await inBatches(await lanceSink(disk.fresh("lancedb"), lanceSettings.fast));
      const writer = await openWriter(disk.fresh("loop"));
      try {
        const arrays = await delayDuring(rows / 1_000, 64, (i) => writer.put(batches[i % batches.length]?.rows ?? []));
        const single = await delayDuring(rows, 1_000, (i) => writer.put(objects[i % objects.length] ?? {}));
        return [
          result(`${name} as batches of 1,000, 64 in flight, p99`, "ms", ours.p99, {
            peer: 'LanceDB, max_wal_flush_interval_ms "1"',
            peerMedian: lance.p99,
            target: below(10, "ms"),
          }),
          result(`${name} as single objects, 1,000 in flight, p99`, "ms", single.p99, { target: below(10, "ms") }),
          result(`${name} as arrays of 1,000 objects, 64 in flight, p99`, "ms", arrays.p99),
          result(`${name} as batches of 1,000, longest`, "ms", ours.max, {
            peer: 'LanceDB, max_wal_flush_interval_ms "1"',
            peerMedian: lance.max,
          }),
          result(`${name} as single objects, longest`, "ms", single.max),
          result(`${name} as single objects, rate`, "rows/s", rows / single.seconds),
          result(`${name} as arrays of 1,000 objects, rate`, "rows/s", rows / arrays.seconds),
        ];
      } finally {
        await writer.close();
      }
    },
  };
}
