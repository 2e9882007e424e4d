/**
 * Opening a log that another process has left: 2,000 entries of one row, against LanceDB on the same log, and 1 GiB of entries, against
 * what bounds it. Each figure is of a cold process, so nothing is warmed up and memory is untouched, but the system has enough of it at hand. The page cache is warm
 * (the log was just written) or cold (the files' pages were dropped before; names and sizes of files stay in memory).
 */
// @ts-check
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { inTurn } from "./measure.mjs";
import { atLeastTimesPeer, result, timesFasterThanPeer } from "./result.mjs";
import { createLanceTable, lanceSettings, shardDirectory } from "./wal-lancedb.mjs";
import { logEntries } from "./wal-writer.mjs";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** @typedef {import("./wal-disk.mjs").BenchDisk} BenchDisk */

/**
 * @param {"write" | "write-lancedb" | "write-vectors" | "open" | "open-lancedb" | "open-vectors" | "read" | "append"} task
 * @param {readonly string[]} args
 * @returns {Promise<Record<string, number>>}
 */
async function inChild(task, ...args) {
  const file = fileURLToPath(new URL("./wal-replay.child.mjs", import.meta.url));
  const child = spawn(process.execPath, [file, task, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const [out, [code, signal]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  // It kills itself when it is done, so that nothing is closed.
  if (signal !== "SIGKILL" || out === "") throw new Error(`${task} has failed (exit ${code}, signal ${signal})`);
  return JSON.parse(out);
}

/** A shard as it is now, to be restored after each open: that leaves entries and manifests of its own. */
class KeptShard {
  #directory;
  /** @type {Map<string, Set<string>>} */
  #names;
  #hint;

  /** @param {string} directory */
  constructor(directory) {
    this.#directory = directory;
    this.#names = new Map(["wal", "manifest"].map((part) => [part, new Set(readdirSync(join(directory, part)))]));
    this.#hint = readFileSync(this.#hintPath);
  }

  get #hintPath() {
    return join(this.#directory, "manifest", "version_hint.json");
  }

  restore() {
    for (const [part, names] of this.#names) {
      const directory = join(this.#directory, part);
      for (const name of readdirSync(directory)) if (!names.has(name)) unlinkSync(join(directory, name));
    }
    writeFileSync(this.#hintPath, this.#hint);
  }
}

/** @param {BenchDisk} disk @param {string} shard @returns {boolean} whether the log is out of the page cache now */
function evicts(disk, shard) {
  return disk.evict(logEntries(shard).map((entry) => entry.path));
}

/**
 * @param {BenchDisk} disk
 * @param {"Pennon" | "LanceDB"} author whose log it is
 * @returns {import("./store.mjs").Case}
 */
function entriesCase(disk, author) {
  const name = `replay of 2,000 one-row entries, as ${author} wrote them`;
  return {
    name,
    async measure(plan) {
      const count = plan.smoke ? 100 : 2_000;
      const directory = disk.fresh("replay");
      const shard = shardDirectory(directory);
      if (author === "Pennon") {
        await createLanceTable(directory, lanceSettings.fast);
        await inChild("write", shard, `${count}`);
      } else {
        await inChild("write-lancedb", directory, `${count}`);
      }
      disk.settle();
      const kept = new KeptShard(shard);
      /**
       * @param {"open" | "open-lancedb"} task
       * @param {string} path
       * @param {{ cold: boolean }} cache
       */
      const opened = async (task, path, { cold }) => {
        if (cold) evicts(disk, shard);
        const { usableMs = Number.NaN, rows: found } = await inChild(task, path);
        if (found !== count) throw new Error(`${task} has replayed ${found} rows, expected ${count}`);
        kept.restore();
        return usableMs;
      };
      const rounds = { ...plan, rounds: Math.min(plan.rounds, 9), warmup: 0 };
      const warm = await inTurn(rounds, {
        ours: () => opened("open", shard, { cold: false }),
        lance: () => opened("open-lancedb", directory, { cold: false }),
      });
      const results = [
        result(`${name}, to the first durable put, warm page cache`, "ms", warm.ours, {
          peer: "LanceDB, the same",
          peerMedian: warm.lance,
          target: timesFasterThanPeer(3),
        }),
      ];
      if (author === "LanceDB" || !evicts(disk, shard)) return results;
      const cold = await inTurn(
        { ...rounds, rounds: Math.min(rounds.rounds, 3) },
        {
          ours: () => opened("open", shard, { cold: true }),
          lance: () => opened("open-lancedb", directory, { cold: true }),
        },
      );
      return [
        ...results,
        result(`${name}, to the first durable put, cold page cache`, "ms", cold.ours, {
          peer: "LanceDB, the same",
          peerMedian: cold.lance,
        }),
      ];
    },
  };
}

/** @param {BenchDisk} disk @returns {import("./store.mjs").Case} */
function largeCase(disk) {
  const name = "replay of 1 GiB of entries";
  return {
    name,
    async measure(plan) {
      const shard = disk.fresh("large");
      await inChild("write-vectors", shard, `${plan.smoke ? 32 * MIB : GIB}`);
      disk.settle();
      const kept = new KeptShard(shard);
      const entries = logEntries(shard);
      const paths = entries.map((entry) => entry.path);
      const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
      const evictable = evicts(disk, shard);
      /** @param {number} read @param {number} ms */
      const rate = (read, ms) => read / MIB / (ms / 1000);
      /** @param {boolean} cold */
      const prepare = (cold) => {
        disk.ready(2 * bytes);
        if (cold) evicts(disk, shard);
      };
      /** @param {boolean} cold */
      const opened = async (cold) => {
        prepare(cold);
        const { openMs = Number.NaN } = await inChild("open-vectors", shard);
        kept.restore();
        return rate(bytes, openMs);
      };
      /** @param {boolean} cold */
      const read = async (cold) => {
        prepare(cold);
        const { ms = Number.NaN, bytes: found = 0 } = await inChild("read", ...paths);
        return rate(found, ms);
      };
      const append = async () => {
        prepare(evictable);
        const { ms = Number.NaN, bytes: found = 0 } = await inChild("append", `${bytes}`);
        return rate(found, ms);
      };
      const rounds = { ...plan, rounds: Math.min(plan.rounds, 5), warmup: 0 };
      const cold = await inTurn(rounds, { ours: () => opened(evictable), read: () => read(evictable), append });
      const warm = await inTurn(
        { ...rounds, rounds: Math.min(rounds.rounds, 3) },
        { ours: () => opened(false), read: () => read(false) },
      );
      const cache = evictable ? "cold page cache" : "warm page cache (no way to empty it here)";
      const reading = cold.read < cold.append;
      return [
        result(`${name}, ${cache}, against the lower bound`, "MiB/s", cold.ours, {
          peer: reading ? "reading the files, which is the lower" : "appending to untouched memory, which is the lower",
          peerMedian: reading ? cold.read : cold.append,
          target: atLeastTimesPeer(0.5),
        }),
        result(`${name}, ${cache}, against reading the files`, "MiB/s", cold.ours, {
          peer: "reading the files into touched memory",
          peerMedian: cold.read,
        }),
        result(`${name}, against appending to untouched memory`, "MiB/s", cold.ours, {
          peer: "BatchStore.append, untouched memory",
          peerMedian: cold.append,
        }),
        result(`${name}, warm page cache`, "MiB/s", warm.ours, {
          peer: "reading the files into touched memory",
          peerMedian: warm.read,
        }),
      ];
    },
  };
}

/** @param {BenchDisk} disk @returns {readonly import("./store.mjs").Case[]} */
export function replayCases(disk) {
  return [entriesCase(disk, "Pennon"), entriesCase(disk, "LanceDB"), largeCase(disk)];
}
