/**
 * Which system calls of the log are made to fail, and what must follow.
 *
 * @module
 */
import type { Call } from "./log-calls.js";
import { putKey } from "./told.js";
import { type TracedRun, type TracedRunOptions, tracedRun } from "./traced-run.js";

/** Durable puts, one by one. By the one that is meant the log thread has made every call more often than any other thread ever does. */
export const PUTS: TracedRunOptions = { puts: 56 };
const TARGET_PUT = 48;
/** A claim on a log that is there. */
export const CLAIM: TracedRunOptions = { puts: 2, before: 5 };
/** Puts that are synced at the end. */
export const UNSYNCED_PUTS: TracedRunOptions = { puts: 12, durability: "os" };

/** A call, and what is done to it. */
export interface Fault {
  readonly call: Call;
  readonly does: string;
}

/** The calls from the write of one entry to the write of the next. */
export function callsOfAPut({ log }: TracedRun): readonly Call[] {
  const writes = log.flatMap(({ what }, index) => (what === "writev wal/temporary" ? [index] : []));
  return log.slice(writes[TARGET_PUT], writes[TARGET_PUT + 1]);
}

/** The calls before the first entry that only the log thread makes. */
export function callsOfAClaim({ log, others }: TracedRun): readonly Call[] {
  const writes = log.flatMap(({ what }, index) => (what === "writev wal/temporary" ? [index] : []));
  // The first one writes the sentinel.
  return log.slice(0, writes[1]).filter(({ name, nth }) => nth > (others.get(name) ?? 0));
}

/** The calls behind the last entry that only the log thread makes. */
export function callsOfAClose({ log, others }: TracedRun): readonly Call[] {
  const last = log.findLastIndex(({ what }) => what === "link wal/object");
  return log.slice(last + 1).filter(({ name, nth }) => nth > (others.get(name) ?? 0));
}

/** One of each kind of call. */
export function distinct(calls: readonly Call[]): readonly Call[] {
  return [...new Map(calls.map((call) => [call.what, call])).values()];
}

/** A thread may open a module more or less than the last time; then another call of the same name is hit. */
const MAX_TRIES = 4;

/** Has exactly this call fail, and looks at what follows: see {@link runWithAnyFault}. */
export async function runWithFault(program: string, options: TracedRunOptions, fault: Fault): Promise<TracedRun> {
  for (let tries = 1; ; tries++) {
    const run = await runWithAnyFault(program, options, fault);
    const hit = run.log.find(({ injected }) => injected)?.what;
    if (hit === fault.call.what) return run;
    if (tries >= MAX_TRIES) throw new Error(`${hit} was hit instead of ${fault.call.what}, ${tries} times`);
  }
}

/**
 * Has this call fail, or one of that name nearby, and looks at what must follow for any call: the log holds what was acknowledged and can
 * be gone on with (tracedRun looks), no fsync is tried again, and a writer that has failed writes no more.
 */
export async function runWithAnyFault(program: string, options: TracedRunOptions, fault: Fault): Promise<TracedRun> {
  const run = await tracedRun(program, { ...options, fault });
  if (fault.does.startsWith("signal=")) return run;
  const hit = run.log.findIndex(({ injected }) => injected);
  const call = run.log[hit];
  if (call === undefined) return run;
  const later = run.log.slice(hit + 1);
  if (call.what.startsWith("fsync") && later.some(({ what, path }) => what === call.what && path === call.path)) {
    throw new Error(`after a failed fsync of ${call.path} it was synced again`);
  }
  const failed = run.told.failed.size > 0 || run.ending !== "closed";
  if (failed && later.some(({ what }) => what === "link wal/object")) {
    throw new Error(`after ${call.what} had failed, and a put with it, an entry was written`);
  }
  return run;
}

/** The put that a fault during {@link callsOfAPut} is meant for, and the one behind it. */
export const TARGET = putKey("1/0", TARGET_PUT);
export const NEXT = putKey("1/0", TARGET_PUT + 1);
