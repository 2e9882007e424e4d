/**
 * The system calls of the thread that writes a log, as a tracer has seen them.
 *
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** The calls that can fail on the way of an entry, in all their forms. */
export const FILE_CALLS: readonly string[] = [
  ...["open", "openat", "close", "mkdir", "mkdirat", "link", "linkat", "unlink", "unlinkat"],
  ...[
    "rename",
    "renameat",
    "renameat2",
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "fsync",
    "fdatasync",
    "statx",
    "stat",
  ],
];

/** The write of an entry's bytes. */
export const ENTRY_WRITE = "writev wal/temporary";

/** One call. */
export interface Call {
  readonly name: string;
  /** Its number among those of its name in its thread, from 1. */
  readonly nth: number;
  /** Path that it is about. */
  readonly path: string;
  /** What it does, without names that differ from run to run: `fsync wal/temporary`. */
  readonly what: string;
  /** How many writes of an entry were made before it, in its thread. */
  readonly place: number;
  readonly failed: boolean;
  /** Whether the tracer has tampered with it. */
  readonly injected: boolean;
}

/** What the threads of a process have called. */
export interface TracedCalls {
  /** By the thread that writes the log, in order, in the shard's directory and those above it. */
  readonly log: readonly Call[];
  /** How often any other thread has made each call. */
  readonly others: ReadonlyMap<string, number>;
}

/**
 * @param trace the tracer's log
 * @param directory of the shard
 */
export function readCalls(trace: string, directory: string): TracedCalls {
  const threads = readdirSync(dirname(trace))
    .filter((name) => name.startsWith(`${basename(trace)}.`))
    .map((name) => parseCalls(readFileSync(join(dirname(trace), name), "utf8"), directory));
  const about = (calls: readonly Call[]) => calls.filter(({ path }) => path.startsWith(`${directory}/`)).length;
  const log = threads.toSorted((a, b) => about(b) - about(a))[0] ?? [];
  const others = new Map<string, number>();
  for (const calls of threads) {
    if (calls === log) continue;
    for (const { name, nth } of calls) others.set(name, Math.max(others.get(name) ?? 0, nth));
  }
  return {
    log: log.filter(({ path }) => path.startsWith(directory) || (path !== "" && directory.startsWith(path))),
    others,
  };
}

function parseCalls(text: string, directory: string): Call[] {
  const counts = new Map<string, number>();
  const calls: Call[] = [];
  let place = 0;
  for (const line of text.split("\n")) {
    const [, name, rest] = /^(\w+)\((.*)$/.exec(line) ?? [];
    if (name === undefined || rest === undefined) continue;
    const nth = (counts.get(name) ?? 0) + 1;
    counts.set(name, nth);
    // The last path in quotes is what is linked to; calls without one name a descriptor, and its file.
    const path = [...rest.matchAll(/"(\/[^"]*)"/g)].at(-1)?.[1] ?? /^\d+<([^>]*)>/.exec(rest)?.[1] ?? "";
    const what = `${name.replace(/^(open|link|unlink|rename|mkdir)at2?$/, "$1")} ${kindOf(path, directory)}`;
    const injected = rest.includes("(INJECTED)");
    calls.push({ name, nth, path, what, place, failed: / = -1 /.test(rest), injected });
    if (what === ENTRY_WRITE) place++;
  }
  return calls;
}

function kindOf(path: string, directory: string): string {
  if (path === directory) return "shard";
  if (!path.startsWith(`${directory}/`)) return "above";
  return path
    .slice(directory.length + 1)
    .replace(/\.tmp-.*$/, "temporary")
    .replace(/[01]{64}\.\w+$/, "object");
}
