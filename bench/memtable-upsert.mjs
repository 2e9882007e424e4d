/**
 * The upsert stream: 1 M rows over the 200,000 keys of a table, in durable puts of 100 rows by 64 callers, until all is in the base table.
 *
 * - against `mergeInsert` of the same puts on a plain table, which holds the keys too. It takes minutes, so some are measured and the rest
 *   reckoned from them, as if they did not grow slower with the versions they leave.
 * - against LanceDB's own log for upserts, at its best setting and by as many callers, for the puts alone: nothing in it takes rows to the
 *   base table. Some are measured here too.
 *
 * What is left behind is counted when all is in the base table, before anything is collected; of the plain table for as many merges as were
 * measured, and reckoned from that. How late timers fire is that of `monitorEventLoopDelay` with a timer of 1 ms: the p99 of the time while
 * puts are made, and the longest ever, of all rounds.
 */
// @ts-check
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { Table } from "apache-arrow";
import { collect, inTurn, median, NS_PER_MS } from "./measure.mjs";
import { createBase, createLsmBase, leftIn, PUT_ROWS, putAll, streamOf } from "./memtable-stream.mjs";
import { atMostTimesPeer, below, result, timesFasterThanPeer } from "./result.mjs";
import { lanceSettings, openLanceTable, upsert } from "./wal-lancedb.mjs";

/** @type {typeof import("../src/index.js")} */
const { openTable } = await import(new URL("../dist/index.js", import.meta.url).href);

const ROWS = 1_000_000;
const KEYS = 200_000;
const CALLERS = 64;
/** Puts that are measured of the peers. */
const MERGES = 200;
const LSM_PUTS = 2_000;
const SMOKE = 20;

/** @typedef {import("./wal-disk.mjs").BenchDisk} BenchDisk */
/** @typedef {{ files: number, versions: number }} Left */
/** @typedef {{ puts: number, p99: number, longest: number }} Round */

/** @param {BenchDisk} disk @returns {import("./store.mjs").Case} */
export function upsertCase(disk) {
  const name = "1 M upserts over 200,000 keys in puts of 100";
  return {
    name,
    async measure(plan) {
      const part = plan.smoke ? SMOKE : 1;
      const keys = KEYS / part;
      const stream = streamOf(ROWS / part, keys);
      const merges = MERGES / part;
      const lsmPuts = LSM_PUTS / part;
      /** @type {Round[]} */
      const rounds = [];
      /** @type {{ ours: Left, plain: Left }} */
      const left = { ours: { files: 0, versions: 0 }, plain: { files: 0, versions: 0 } };
      const ready = () => {
        disk.settle();
        collect();
      };

      const ours = async () => {
        const directory = disk.fresh("upserts");
        const table = await openTable(await createBase(directory, keys));
        ready();
        const putting = monitorEventLoopDelay({ resolution: 1 });
        const all = monitorEventLoopDelay({ resolution: 1 });
        for (const histogram of [putting, all]) histogram.enable();
        await sleep(20); // the first firings, which may be late for what came before
        for (const histogram of [putting, all]) histogram.reset();
        const start = performance.now();
        await putAll(stream, CALLERS, (batch) => table.put(batch));
        const puts = performance.now() - start;
        putting.disable();
        await table.compact();
        const total = performance.now() - start;
        await sleep(2); // what was late at the very end is counted when it fires
        all.disable();
        rounds.push({ puts, p99: putting.percentile(99) / NS_PER_MS, longest: all.max / NS_PER_MS });
        left.ours = await leftIn(directory);
        await table.close();
        return total;
      };
      const plain = async () => {
        const directory = disk.fresh("plain");
        await createBase(directory, keys);
        const before = await leftIn(directory);
        const table = await openLanceTable(directory);
        ready();
        const start = performance.now();
        for (const batch of stream.slice(0, merges)) await upsert(table, new Table([batch]));
        const elapsed = performance.now() - start;
        table.close();
        const after = await leftIn(directory);
        const factor = stream.length / merges;
        left.plain = {
          files: before.files + (after.files - before.files) * factor,
          versions: before.versions + (after.versions - before.versions) * factor,
        };
        return elapsed * factor;
      };
      const lsm = async () => {
        const table = await createLsmBase(disk.fresh("lsm"), keys, lanceSettings.fast);
        ready();
        const start = performance.now();
        await putAll(stream.slice(0, lsmPuts), CALLERS, (batch) => upsert(table, new Table([batch])));
        const elapsed = performance.now() - start;
        await table.closeLsmWriters();
        table.close();
        return (elapsed * stream.length) / lsmPuts;
      };

      const few = { ...plan, rounds: Math.min(plan.rounds, 3), warmup: plan.smoke ? 0 : 1 };
      const found = await inTurn(few, { ours, plain, lsm });
      const counted = rounds.slice(few.warmup);
      const puts = median(counted.map((round) => round.puts));
      const lsmPeer = `LanceDB's LSM path at its best, no fsync, puts alone; reckoned from ${lsmPuts} of ${stream.length}`;
      const plainPeer = `mergeInsert, no fsync; reckoned from ${merges} of ${stream.length}`;
      const oursName = `${name}, until all is in the base table`;
      return [
        result(`${oursName}, against mergeInsert (reckoned from ${merges})`, "ms", found.ours, {
          peer: plainPeer,
          peerMedian: found.plain,
          target: timesFasterThanPeer(10),
        }),
        result(`${oursName}, against LanceDB's LSM puts alone`, "ms", found.ours, {
          peer: lsmPeer,
          peerMedian: found.lsm,
          target: timesFasterThanPeer(3),
        }),
        result(`${name}, puts alone, both`, "ms", puts, {
          peer: lsmPeer,
          peerMedian: found.lsm,
          target: timesFasterThanPeer(3),
        }),
        result(`${name}, files left behind`, "files", left.ours.files, {
          peer: plainPeer,
          peerMedian: left.plain.files,
          target: atMostTimesPeer(0.1),
        }),
        result(`${name}, versions left behind`, "versions", left.ours.versions, {
          peer: plainPeer,
          peerMedian: left.plain.versions,
          target: atMostTimesPeer(0.1),
        }),
        result(`${name}, event-loop delay while putting, p99`, "ms", median(counted.map(({ p99 }) => p99)), {
          target: below(10, "ms"),
        }),
        result(`${name}, event-loop delay, longest`, "ms", Math.max(...counted.map(({ longest }) => longest)), {
          target: below(50, "ms"),
        }),
        result(`${name}, puts alone, rate`, "rows/s", (stream.length * PUT_ROWS * 1000) / puts),
      ];
    },
  };
}
