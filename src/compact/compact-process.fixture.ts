/**
 * A process that works on the base table at the path given, one of LanceDB's tables named `table`. Arguments: what it does, the database,
 * and for a compactor the epoch of its claim.
 *
 * - `compact EPOCH [STOP]`: merges, printing each step. At the step STOP it stops itself, until it is continued.
 * - `hammer`: adds, updates, deletes, optimizes and indexes, printing a line for each, until its standard input ends.
 * - `memory EPOCH`: merges, and prints by how many bytes its memory grew meanwhile.
 */
import { readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Field, Int64, Schema, Utf8 } from "apache-arrow";
import { loadLanceDb } from "../lance/lancedb-module.js";
import { ManifestStore } from "../lance/manifest-store.js";
import { shardDirectory } from "../lance/names.js";
import { UNSHARDED_SHARD_ID } from "../lance/shard-id.js";
import { LocalStore } from "../storage/local-store.js";
import { Compactor } from "./compactor.js";

const [, , mode, database = "", epoch, stop] = process.argv;
const schema = new Schema([new Field("id", new Int64(), false), new Field("text", new Utf8(), true)]);
const tableDirectory = join(database, "table.lance");
const say = (line: string) => writeSync(1, `${line}\n`);

async function open(): Promise<Compactor> {
  const shard = shardDirectory(tableDirectory, UNSHARDED_SHARD_ID);
  return Compactor.open({
    database,
    name: "table",
    tableDirectory,
    shardDirectory: shard,
    manifests: new ManifestStore(new LocalStore(shard), UNSHARDED_SHARD_ID),
    epoch: Number(epoch),
    schema,
    primaryKey: ["id"],
    predecessorGone: true,
    limits: { mergeTimeoutMs: 2_000, indexedRows: mode === "memory" ? 1 : 1e9 },
    onStep: (step) => {
      say(step);
      if (step === stop) process.kill(process.pid, "SIGSTOP");
    },
  });
}

/** The most memory that the process ever had, in bytes. */
function peakBytes(): number {
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
}

async function hammer(): Promise<void> {
  const lancedb = await loadLanceDb();
  let going = true;
  process.stdin
    .on("data", () => {})
    .on("end", () => {
      going = false;
    });
  for (let i = 0; going; i++) {
    const table = await (await lancedb.connect(database)).openTable("table");
    const id = 1_000_000 + i;
    const work = [
      () => table.add([{ id: BigInt(id), text: "theirs" }]),
      () => table.update({ where: "id = 900001", values: { text: `update ${i}` } }),
      () => table.delete(`id = ${id - 2} OR id = 900002`),
      () => (i % 8 === 3 ? table.optimize() : table.countRows()),
      () => (i % 40 === 4 ? table.createIndex("id", { replace: true }) : table.countRows()),
    ];
    const which = i % work.length;
    try {
      await work[which]?.();
      say(`${which} ${id}`);
    } catch (error) {
      say(`failed ${which} ${String(error).slice(0, 200)}`);
    }
    table.close();
  }
}

try {
  if (mode === "hammer") await hammer();
  else {
    const compactor = await open();
    const before = peakBytes();
    const { generations } = await compactor.run();
    await compactor.close();
    say(mode === "memory" ? String(peakBytes() - before) : `merged ${generations.join(" ")}`);
  }
} catch (error) {
  say(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}
