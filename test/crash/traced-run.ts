/**
 * One run of the process that writes, under a tracer, and the log it leaves.
 *
 * @module
 */
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UNSHARDED_SHARD_ID } from "../../src/lance/shard-id.js";
import type { Durability } from "../../src/writer/waiting-put.js";
import { type Call, FILE_CALLS, readCalls, type TracedCalls } from "./log-calls.js";
import type { HeldPuts } from "./log-check.js";
import { straced } from "./strace.js";
import { Told } from "./told.js";
import { goOn, MEMTABLE_BYTES, verifyShard } from "./verify-shard.js";
import type { WriterProcessOptions } from "./writer-process.fixture.js";
import { WriterProcess } from "./writer-process.js";

/** Any: what is put is always the same, so that every run makes the same calls. */
const SEED = 20_240_229;
const LAST_RUN = 1_000;

/** How the process is run. */
export interface TracedRunOptions {
  readonly puts: number;
  /** @default "disk" */
  readonly durability?: Durability;
  /** What the tracer does to one call: `error=EIO`, `signal=SIGKILL`. @default nothing */
  readonly fault?: { readonly call: Call; readonly does: string } | undefined;
  /** Puts of an earlier run on the same log, in which nothing fails. @default none */
  readonly before?: number;
}

/** What a run has left. */
export interface TracedRun extends TracedCalls {
  readonly told: Told;
  /** What the process has ended with: `closed`, the code of an error, or the name of a signal. */
  readonly ending: string;
  /** Puts that were in the log when it was opened next. */
  readonly held: HeldPuts;
}

/** @throws Error when the log is not what it should be, or cannot be gone on with */
export async function tracedRun(program: string, options: TracedRunOptions): Promise<TracedRun> {
  const { puts, durability = "disk", fault, before = 0 } = options;
  const root = mkdtempSync(join(tmpdir(), "pennon-traced-"));
  const directory = join(root, "shard");
  const trace = join(root, "trace");
  const told = new Told();
  const started: WriterProcess[] = [];
  const run = async (number: number, count: number, wrapper: readonly string[]): Promise<string> => {
    const process = new WriterProcess(program, optionsOf(directory, number, count, durability), told, wrapper);
    started.push(process);
    const { code, signal } = await process.ended();
    if (process.stderr !== "") throw new Error(`the process said: ${process.stderr}`);
    if (code !== 0) return signal ?? `exit ${code}`;
    return process.lines.at(-1)?.replace("ended ", "") ?? "";
  };
  try {
    if (before > 0) await run(0, before, []);
    const injections = fault === undefined ? [] : [`${fault.call.name}:${fault.does}:when=${fault.call.nth}`];
    const ending = await run(1, puts, straced({ calls: FILE_CALLS, log: trace, injections }));
    const calls = readCalls(trace, directory);
    const { held } = await verifyShard(directory, told, SEED);
    await goOn(directory, told, SEED, LAST_RUN);
    await verifyShard(directory, told, SEED);
    return { ...calls, told, ending, held };
  } finally {
    for (const process of started) await process.destroy();
    await rm(root, { recursive: true, force: true, maxRetries: 3 });
  }
}

function optionsOf(directory: string, run: number, puts: number, durability: Durability): WriterProcessOptions {
  return {
    directory,
    shardId: UNSHARDED_SHARD_ID,
    seed: SEED,
    run,
    memtableBytes: MEMTABLE_BYTES,
    callers: [{ caller: 0, outstanding: 1 }],
    puts,
    closeAfter: puts,
    durability,
  };
}
