/**
 * `pennon repair` as a command: shows what is wrong with a log, and with `--yes` sets it right.
 *
 * @module
 */
import { ConflictError } from "../../errors.js";
import { ManifestStore } from "../../lance/manifest-store.js";
import { isSound, planRepair, type Repaired, type RepairPlan, repairLog } from "../../lance/repair.js";
import { LocalStore } from "../../storage/local-store.js";
import { claimOwnership, ownerOf } from "../../table/owner-socket.js";
import { EXIT } from "../failure.js";
import { oneLine } from "../one-line.js";
import { print } from "../print.js";
import { findShard, type ShardPlace } from "../shard-path.js";
import { columnsOf } from "../table-columns.js";
import { doneText, planText, todoText } from "./repair-text.js";

/** The options of the command. */
export interface RepairFlags {
  readonly yes?: boolean;
  readonly dropSound?: boolean;
  readonly json?: boolean;
}

/**
 * Runs the command and prints what comes of it.
 *
 * @returns the exit code
 * @throws ConflictError while the table is open for writing; what is wrong with the path or the storage, see `failureOf`
 */
export async function runRepair(
  path: string,
  { yes = false, dropSound = false, json = false }: RepairFlags,
): Promise<number> {
  const place = findShard(path);
  const columns = await columnsOf(place.tableDirectory);
  if (columns.unknown !== undefined) {
    const note = `${path}: entries are not compared with the table's columns: ${columns.unknown}`;
    process.stderr.write(`pennon: ${oneLine(note)}\n`);
  }
  const store = new LocalStore(place.shardDirectory);
  try {
    const manifests = new ManifestStore(store, place.shardId);
    if (yes) {
      const repaired = await whileOwner(place, () =>
        repairLog(manifests, store, { ...columns, dropSound, now: new Date() }),
      );
      const text = planText(place, repaired.plan) + (repaired.epoch === undefined ? "" : doneText(place, repaired));
      await print(json ? repairJson(place, repaired.plan, repaired) : text);
      return EXIT.OK;
    }
    const plan = await planRepair(store, await manifests.load(), columns);
    const sound = isSound(plan);
    await print(json ? repairJson(place, plan) : planText(place, plan) + (sound ? "" : todoText(plan)));
    return sound ? EXIT.OK : EXIT.FAILED;
  } finally {
    await store.close();
  }
}

/** Runs while this process owns the shard: nobody here opens it meanwhile. */
async function whileOwner<T>(place: ShardPlace, work: () => Promise<T>): Promise<T> {
  const owner = await ownerOf(place.shardDirectory);
  if (owner !== undefined) {
    const process = owner.pid === undefined ? "another process" : `process ${owner.pid}`;
    throw new ConflictError(
      `${place.name} is open for writing in ${process}${owner.since === undefined ? "" : ` since ${owner.since}`}; close it there, then repair`,
    );
  }
  const ownership = await claimOwnership(place.shardDirectory);
  try {
    return await work();
  } finally {
    await ownership.close();
  }
}

function repairJson(place: ShardPlace, plan: RepairPlan, repaired?: Repaired): string {
  const { damaged, missing, epochAhead, kept, keptBehind } = plan;
  const report = {
    shard: place.shardId,
    directory: place.shardDirectory,
    sound: isSound(plan),
    damaged: damaged.map(({ key, ...entry }) => ({ ...entry, file: key })),
    missing: missing.map(({ from, to }) => ({ first: from, last: to - 1, count: to - from })),
    ...(epochAhead === undefined ? {} : { epochAhead }),
    kept,
    keptBehind,
    repaired: repaired?.epoch !== undefined,
    ...(repaired?.epoch === undefined ? {} : { epoch: repaired.epoch, quarantine: repaired.quarantine }),
  };
  return `${JSON.stringify(report)}\n`;
}
