/**
 * Rounds in which a process that writes is killed at a random instant, and the log it leaves is looked at.
 *
 * @module
 */
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UNSHARDED_SHARD_ID } from "../../src/lance/shard-id.js";
import { Random } from "../arrow-random-data.js";
import { mix } from "../stress/run.js";
import { Told } from "./told.js";
import { MEMTABLE_BYTES, verifyShard } from "./verify-shard.js";
import type { WriterProcessOptions } from "./writer-process.fixture.js";
import { bundlePrograms, type Programs, WriterProcess } from "./writer-process.js";

/** Rounds on one log; then another is begun, as all of it is replayed each time. */
const ROUNDS_OF_A_LOG = 20;
/** Puts of each caller in one run. */
const PUTS = 400;
const CALLERS = [
  { caller: 0, outstanding: 1 },
  { caller: 1, outstanding: 1 },
  { caller: 2, outstanding: 1 },
  { caller: 3, outstanding: 24 },
];
const PRODUCER_CALLERS = [
  { caller: 4, outstanding: 1 },
  { caller: 5, outstanding: 12 },
];

/** When a process is killed: within this time behind a moment. */
type Moment = "opening" | "working" | "closing";

/** What has happened, for a test to be sure that something has. */
export interface KillSummary {
  rounds: number;
  acknowledged: number;
  rows: number;
  memtables: number;
  killed: Record<Moment, number>;
  /** Rounds in which the process had ended before. */
  missed: number;
}

/** @throws Error when a log is not what it should be, with the round */
export async function killRounds(seed: number, rounds: number): Promise<KillSummary> {
  const programs = await bundlePrograms();
  const killed = { opening: 0, working: 0, closing: 0 };
  const summary: KillSummary = { rounds, acknowledged: 0, rows: 0, memtables: 0, killed, missed: 0 };
  for (let first = 0; first < rounds; first += ROUNDS_OF_A_LOG) {
    await killOnOneLog(programs, seed, first, Math.min(rounds, first + ROUNDS_OF_A_LOG), summary);
  }
  return summary;
}

async function killOnOneLog(
  programs: Programs,
  seed: number,
  from: number,
  to: number,
  summary: KillSummary,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "pennon-kill-"));
  const told = new Told();
  let openMs = 300;
  try {
    for (let round = from; round < to; round++) {
      const random = new Random(mix(seed, round));
      const moment = momentOf(random);
      const process = new WriterProcess(
        programs.writer,
        optionsOf(programs, directory, seed, round, moment, random),
        told,
      );
      try {
        const start = performance.now();
        const hit = await killAt(process, moment, random, openMs);
        if (moment === "working") openMs = performance.now() - start;
        if (hit) summary.killed[moment]++;
        else summary.missed++;
        if (process.stderr !== "") throw new Error(`the process said: ${process.stderr}`);
        const { rows, memtables } = await verifyShard(directory, told, seed);
        summary.rows = Math.max(summary.rows, rows);
        summary.memtables = Math.max(summary.memtables, memtables);
      } catch (cause) {
        throw new Error(`round ${round}, killed while ${moment}: ${cause instanceof Error ? cause.message : cause}`, {
          cause,
        });
      } finally {
        await process.destroy();
      }
    }
    summary.acknowledged += told.acknowledged.length;
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

function momentOf(random: Random): Moment {
  const percent = random.below(100);
  return percent < 25 ? "opening" : percent < 80 ? "working" : "closing";
}

function optionsOf(
  { producer }: Programs,
  directory: string,
  seed: number,
  run: number,
  moment: Moment,
  random: Random,
): WriterProcessOptions {
  return {
    directory,
    shardId: UNSHARDED_SHARD_ID,
    seed,
    run,
    memtableBytes: MEMTABLE_BYTES,
    callers: CALLERS,
    producer: { path: producer, callers: PRODUCER_CALLERS },
    puts: PUTS,
    ...(moment === "closing" && { closeAfter: 1 + random.below(60) }),
  };
}

/** Kills the process. Returns whether it was still there. */
async function killAt(process: WriterProcess, moment: Moment, random: Random, openMs: number): Promise<boolean> {
  if (moment === "working") await process.linesOf(1 + random.below(120), ["ack", "idle"]);
  else await process.line(moment);
  await sleep(moment === "opening" ? random.below(openMs) : random.below(moment === "closing" ? 12 : 5));
  process.signal("SIGKILL");
  const { signal } = await process.ended();
  return signal === "SIGKILL";
}
