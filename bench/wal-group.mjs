/**
 * Group commit: 64 callers, each of which puts again once its last put is durable. Puts that wait together share an entry.
 *
 * Every side gets fresh files in each round; ours appends into memory that nobody has touched before it (a store that is full is kept),
 * but for what its own thread touches ahead. What a side has left unwritten is written back before the next one's turn. The targets are
 * held where the system has memory at hand for the files and arenas of all sides; without that, a virtual machine's host has to give it
 * page by page, which is slower than all else that is measured here.
 */
// @ts-check
import { collect, inTurn } from "./measure.mjs";
import { atLeastTimesPeer, result } from "./result.mjs";
import { lanceSettings, lanceSink } from "./wal-lancedb.mjs";
import { lmdbSink, sqliteSink } from "./wal-peers.mjs";
import { portions } from "./wal-rows.mjs";
import { putsPerSecond } from "./wal-sink.mjs";
import { writerSink } from "./wal-writer.mjs";

const CALLERS = 64;
/** More than any side's turn takes for files and for memory. */
const READY_BYTES = 2 ** 29;

/** @typedef {import("./wal-disk.mjs").BenchDisk} BenchDisk */

/**
 * Puts of each caller in a round, so many that the round takes a fraction of a second at least.
 *
 * @typedef {object} Puts
 * @property {number} ours
 * @property {number} fast LanceDB at its best
 * @property {number} slow LanceDB at its default
 * @property {number} lmdb
 * @property {number} sqlite
 */

/**
 * @param {BenchDisk} disk
 * @param {{ rows: number, times: number, puts: Puts, unit: string }} kind `times`: what the target asks for
 * @returns {import("./store.mjs").Case}
 */
function groupCase(disk, { rows, times, puts, unit }) {
  const name = `${CALLERS} callers of ${rows === 1 ? "1 row" : `${rows.toLocaleString("en")} rows`}`;
  return {
    name,
    async measure(plan) {
      const data = portions(CALLERS, rows);
      /** @param {number} each */
      const scaled = (each) => (plan.smoke ? Math.max(1, Math.round(each / 8)) : each);
      const ours = await writerSink(disk.fresh("group"));
      /**
       * @param {import("./wal-sink.mjs").Sink} sink
       * @param {number} each
       */
      const measured = async (sink, each) => {
        await putsPerSecond(sink, data, 1);
        return rows * (await putsPerSecond(sink, data, scaled(each)));
      };
      /** What comes before a side's turn. @typedef {() => void} Before */
      /**
       * @param {Before} before
       * @param {() => Promise<import("./wal-sink.mjs").Sink> | import("./wal-sink.mjs").Sink} open
       * @param {number} each
       */
      const reopened = (before, open, each) => async () => {
        before();
        const sink = await open();
        try {
          return await measured(sink, each);
        } finally {
          await sink.close();
        }
      };
      /** @param {Before} before */
      const oursOf = (before) => () => {
        collect();
        before();
        return measured(ours, puts.ours);
      };
      const fast = () => lanceSink(disk.fresh("lancedb"), lanceSettings.fast);
      const settled = () => disk.settle();
      const ready = () => disk.ready(plan.smoke ? READY_BYTES / 16 : READY_BYTES);
      try {
        const few = { ...plan, rounds: Math.min(plan.rounds, 3), warmup: plan.smoke ? 0 : 1 };
        const given = await inTurn(few, { ours: oursOf(settled), fast: reopened(settled, fast, puts.fast) });
        const found = await inTurn(
          { ...few, rounds: Math.min(plan.rounds, 9) },
          { ours: oursOf(ready), fast: reopened(ready, fast, puts.fast) },
        );
        const others = await inTurn(few, {
          slow: reopened(ready, () => lanceSink(disk.fresh("lancedb"), lanceSettings.slow), puts.slow),
          lmdb: reopened(ready, () => lmdbSink(disk.fresh("lmdb")), puts.lmdb),
          sqlite: reopened(ready, () => sqliteSink(disk.fresh("sqlite")), puts.sqlite),
        });
        return [
          result(`${name}, against LanceDB at its best`, unit, found.ours, {
            peer: 'LanceDB, max_wal_flush_interval_ms "1", no fsync',
            peerMedian: found.fast,
            target: atLeastTimesPeer(times),
          }),
          result(`${name}, against LanceDB at its best, memory as the machine gives it`, unit, given.ours, {
            peer: 'LanceDB, max_wal_flush_interval_ms "1", no fsync',
            peerMedian: given.fast,
          }),
          result(`${name}, against LanceDB's default`, unit, found.ours, {
            peer: "LanceDB, default, no fsync",
            peerMedian: others.slow,
          }),
          result(`${name}, against lmdb`, unit, found.ours, {
            peer: rows === 1 ? "lmdb, puts that wait share a synced transaction" : "lmdb, a synced transaction a put",
            peerMedian: others.lmdb,
          }),
          result(`${name}, against SQLite`, unit, found.ours, {
            peer: "SQLite, WAL, synchronous=FULL, a transaction a put",
            peerMedian: others.sqlite,
          }),
        ];
      } finally {
        await ours.close();
      }
    },
  };
}

/** @param {BenchDisk} disk @returns {readonly import("./store.mjs").Case[]} */
export function groupCases(disk) {
  return [
    groupCase(disk, {
      rows: 1_000,
      times: 8,
      unit: "rows/s",
      puts: { ours: 40, fast: 8, slow: 8, lmdb: 4, sqlite: 4 },
    }),
    groupCase(disk, {
      rows: 1,
      times: 10,
      unit: "puts/s",
      puts: { ours: 100, fast: 40, slow: 4, lmdb: 100, sqlite: 20 },
    }),
  ];
}
