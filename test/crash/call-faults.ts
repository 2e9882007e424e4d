/**
 * Which system calls of the log are made to fail, and what must follow.
 *
 * @module
 */
import { type Call, ENTRY_WRITE } from "./log-calls.js";
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
  const writes = log.flatMap(({ what }, index) => (what === ENTRY_WRITE ? [index] : []));
  return log.slice(writes[TARGET_PUT], writes[TARGET_PUT + 1]);
}

/** The calls before the first entry that only the log thread makes. */
export function callsOfAClaim({ log, others }: TracedRun): readonly Call[] {
  const writes = log.flatMap(({ what }, index) => (what === ENTRY_WRITE ? [index] : []));
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

/**
 * A call is chosen by its number among those of its name in its thread, and a run may make one more or less before it, of no interest, than
 * the run in which it was counted. Then another call is hit, and it is counted anew.
 */
const MAX_TRIES = 6;

/** Has exactly this call fail, and looks at what follows: see {@link runWithAnyFault}. */
export async function runWithFault(program: string, options: TracedRunOptions, fault: Fault): Promise<TracedRun> {
  const { what, place } = fault.call;
  let { call } = fault;
  for (let tries = 1; ; tries++) {
    const run = await runWithAnyFault(program, options, { ...fault, call });
    const hit = run.log.find(({ injected }) => injected);
    if (hit?.what === what && hit.place === place) return run;
    if (tries >= MAX_TRIES) {
      throw new Error(`${hit?.what} of entry ${hit?.place} was hit instead of ${what} of ${place}, ${tries} times`);
    }
    const counted = await tracedRun(program, options);
    call = counted.log.find((one) => one.what === what && one.place === place && one.name === call.name) ?? call;
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
