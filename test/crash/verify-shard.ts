/**
 * Opens a shard in this process, over a store of its own, and holds it against what processes have told.
 *
 * @module
 */
import { UNSHARDED_SHARD_ID } from "../../src/lance/shard-id.js";
import { LocalStore } from "../../src/storage/local-store.js";
import { ShardWriter } from "../../src/writer/shard-writer.js";
import { checkLog, type HeldPuts } from "./log-check.js";
import { callerName, PRIMARY_KEY, planPut, SCHEMA } from "./put-plan.js";
import { putPlanned } from "./put-rows.js";
import type { Told } from "./told.js";

/** Small ones, so that there is more than one. */
export const MEMTABLE_BYTES = 1024 * 1024;
/** Nothing makes SSTables here: all that is put stays in memory. */
export const MEMTABLE_SLOTS = 256;

/** What was found. */
export interface VerifiedShard {
  readonly held: HeldPuts;
  readonly rows: number;
  readonly memtables: number;
}

/** @throws Error when the log is not what it should be */
export async function verifyShard(directory: string, told: Told, seed: number): Promise<VerifiedShard> {
  const writer = await open(directory);
  try {
    const held = checkLog(writer, told, seed);
    return { held, rows: writer.stats().replayed.rows, memtables: writer.memtables.length };
  } finally {
    await writer.close();
  }
}

/** Puts something behind what is there. @param run that no other writer has */
export async function goOn(directory: string, told: Told, seed: number, run: number): Promise<void> {
  const writer = await open(directory);
  try {
    for (let number = 0; number < 3; number++) {
      const plan = planPut(seed, { run, caller: 0, number });
      const position = await putPlanned(writer, plan);
      told.acknowledged.push({ caller: callerName(plan.name), number, durability: plan.durability, position });
    }
  } finally {
    await writer.close();
  }
}

function open(directory: string): Promise<ShardWriter> {
  return ShardWriter.open({
    log: { store: new LocalStore(directory) },
    shardId: UNSHARDED_SHARD_ID,
    schema: SCHEMA,
    primaryKey: PRIMARY_KEY,
    memtableBytes: MEMTABLE_BYTES,
    memtableSlots: MEMTABLE_SLOTS,
  });
}
