/**
 * A lone put: one caller, 100 rows, the next put when the last is durable. Ours syncs the file and its directory; LanceDB syncs nothing.
 *
 * Back to back, LanceDB's default waits for the next tick with about 6 of 10 puts (97 ms) and just catches one with the others (2 ms), so its
 * median needs many puts to be steady; besides, all is measured with puts that come at random times.
 *
 * Files are new, so their pages are not in the page cache; ours appends into memory that is touched ahead.
 */
// @ts-check
import { setTimeout as sleep } from "node:timers/promises";
import { spreadsInTurn } from "./measure.mjs";
import { atMostTimesPeer, result } from "./result.mjs";
import { lanceSettings, lanceSink } from "./wal-lancedb.mjs";
import { BareFiles, lmdbSink, sqliteSink } from "./wal-peers.mjs";
import { portions } from "./wal-rows.mjs";
import { latencies } from "./wal-sink.mjs";
import { logEntries, openWriter } from "./wal-writer.mjs";

const ROWS = 100;
const QUIET_MS = 5;
/** LanceDB's default tick. */
const TICK_MS = 100;
/** More than all sides take for files and for memory. */
const READY_BYTES = 2 ** 29;
const FAST = 'LanceDB, max_wal_flush_interval_ms "1", no fsync';
const SLOW = "LanceDB, default, no fsync";
const BARE = "create, write, fsync, link, fsync of the directory: synchronous calls, the same bytes";

/** @typedef {import("./wal-disk.mjs").BenchDisk} BenchDisk */
/** @typedef {import("./wal-sink.mjs").Sink} Sink */

/**
 * A sink that is opened for each round, in a directory of its own, so that it is not at work in the rounds of others.
 *
 * @param {() => Promise<Sink> | Sink} open
 * @param {number} puts
 * @param {number} warmup puts before those that count
 */
function reopened(open, puts, warmup) {
  const data = portions(16, ROWS);
  return async () => {
    const sink = await open();
    try {
      await latencies(sink, data, warmup);
      return await latencies(sink, data, puts);
    } finally {
      await sink.close();
    }
  };
}

/**
 * @param {number} times
 * @param {() => number} pauseMs before each put
 * @param {() => Promise<readonly number[]>} put one
 */
async function apart(times, pauseMs, put) {
  const found = [];
  for (let i = 0; i < times; i++) {
    await sleep(pauseMs());
    found.push(...(await put()));
  }
  return found;
}

/** @param {BenchDisk} disk @returns {import("./store.mjs").Case} */
export function loneCase(disk) {
  const name = "lone put of 100 rows";
  return {
    name,
    async measure(plan) {
      const puts = plan.smoke ? 10 : 50;
      const slowPuts = plan.smoke ? 2 : 30;
      const randomPuts = plan.smoke ? 2 : 10;
      const data = portions(16, ROWS);
      const shard = disk.fresh("lone");
      const writer = await openWriter(shard);
      const unsynced = await openWriter(disk.fresh("unsynced"));
      const slow = await lanceSink(disk.fresh("lancedb"), lanceSettings.slow);
      try {
        /** @type {Sink} */
        const durable = { put: ({ batch }) => writer.put(batch), close() {} };
        /** @type {Sink} */
        const written = { put: ({ batch }) => unsynced.put(batch, { durability: "os" }), close() {} };
        disk.ready(plan.smoke ? READY_BYTES / 16 : READY_BYTES);
        await latencies(durable, data, puts);
        await latencies(written, data, puts);
        await latencies(slow, data, 1);
        const bytes = Math.max(...logEntries(shard).map((entry) => entry.bytes));
        const bare = new BareFiles(disk.fresh("bare"), bytes);
        const whole = new BareFiles(disk.fresh("bare"), bytes);
        const found = await spreadsInTurn(plan, {
          ours: () => latencies(durable, data, puts),
          bare: async () => Array.from({ length: puts }, () => bare.put().durable),
          whole: async () => Array.from({ length: puts }, () => whole.put().all),
          fast: reopened(() => lanceSink(disk.fresh("lancedb"), lanceSettings.fast), puts, 10),
          lmdb: reopened(() => lmdbSink(disk.fresh("lmdb")), puts, 10),
          sqlite: reopened(() => sqliteSink(disk.fresh("sqlite")), puts, 10),
          written: () => latencies(written, data, puts),
        });
        const quiet = () => QUIET_MS;
        const random = () => Math.random() * TICK_MS;
        const spaced = await spreadsInTurn(
          { ...plan, rounds: Math.min(plan.rounds, 5), warmup: 1 },
          {
            ours: () => apart(puts, quiet, () => latencies(durable, data, 1)),
            bare: () => apart(puts, quiet, async () => [bare.put().durable]),
            serial: () => latencies(durable, data, puts),
            slow: () => latencies(slow, data, slowPuts),
            oursRandom: () => apart(randomPuts, random, () => latencies(durable, data, 1)),
            slowRandom: () => apart(randomPuts, random, () => latencies(slow, data, 1)),
          },
        );
        bare.close();
        whole.close();
        const { p50, p99 } = found.ours;
        return [
          result(`${name}, p50, against LanceDB at its best`, "ms", p50, {
            peer: FAST,
            peerMedian: found.fast.p50,
            target: atMostTimesPeer(0.8),
          }),
          result(`${name}, p50, against LanceDB's default`, "ms", spaced.serial.p50, {
            peer: SLOW,
            peerMedian: spaced.slow.p50,
            target: atMostTimesPeer(1 / 80),
          }),
          result(`${name}, p50, against the bare calls`, "ms", p50, {
            peer: BARE,
            peerMedian: found.bare.p50,
            target: atMostTimesPeer(1.5),
          }),
          result(`${name}, p50, against the bare calls and removing the temporary name`, "ms", p50, {
            peer: `${BARE}, unlink, close`,
            peerMedian: found.whole.p50,
          }),
          result(`${name}, p50, ${QUIET_MS} ms after the last, against the bare calls`, "ms", spaced.ours.p50, {
            peer: BARE,
            peerMedian: spaced.bare.p50,
          }),
          result(`${name}, p50, at a random time`, "ms", spaced.oursRandom.p50, {
            peer: SLOW,
            peerMedian: spaced.slowRandom.p50,
          }),
          result(`${name}, p50, against lmdb`, "ms", p50, {
            peer: "lmdb, a synced transaction of 100 rows",
            peerMedian: found.lmdb.p50,
          }),
          result(`${name}, p50, against SQLite`, "ms", p50, {
            peer: "SQLite, WAL, synchronous=FULL, a transaction of 100 rows",
            peerMedian: found.sqlite.p50,
          }),
          result(`${name}, p50, durability "os"`, "ms", found.written.p50, { peer: FAST, peerMedian: found.fast.p50 }),
          result(`${name}, p99`, "ms", p99, { peer: FAST, peerMedian: found.fast.p99 }),
          result(`${name}, p99, against the bare calls`, "ms", p99, { peer: BARE, peerMedian: found.bare.p99 }),
        ];
      } finally {
        await writer.close();
        await unsynced.close();
        await slow.close();
      }
    },
  };
}
