/**
 * Touches an arena's pages ahead of its writer, in a thread of ours, so that appends run into memory that the operating system has
 * already committed. A first touch costs 3 to 6 µs for every 4 KiB, several times what it costs to fill them.
 *
 * Each writing thread has one, for all its arenas. It starts with the first request and ends when it has had none for a second,
 * because a thread that idles holds on to the memory it was last given. That it ends it says in shared memory, as a writer
 * that never returns to its event loop would not hear of it otherwise. It touches a word with an atomic `or 0`, which changes
 * nothing whatever the writer does meanwhile. Where there are no worker threads, nothing happens: appends are right all the same.
 *
 * @module
 */
import type { Arena } from "./arena.js";

/** A store smaller than this gets no pages touched ahead. */
const SMALLEST_TAIL = 1 << 18;
/** Least and most bytes to be ahead of the tail; between them, as much as the store has in use. */
const LEAST_AHEAD = 1 << 22;
const MOST_AHEAD = 1 << 25;

const THREAD_SOURCE = `
const { parentPort, workerData } = require("node:worker_threads");
let idle = setTimeout(end, 1000);
function end() {
  Atomics.store(workerData, 0, 1);
  parentPort.close();
}
parentPort.on("message", ({ buffer, from, to }) => {
  clearTimeout(idle);
  const words = new Int32Array(buffer);
  for (let at = from; at < to; at += 4096) Atomics.or(words, at >>> 2, 0);
  idle = setTimeout(end, 1000);
});
`;

interface Request {
  readonly buffer: SharedArrayBuffer;
  readonly from: number;
  readonly to: number;
}

interface Thread {
  postMessage(request: Request): void;
  on(event: "exit" | "error", listener: () => void): void;
  unref(): void;
}

let thread: Thread | undefined;
/** 1 once the thread takes no more requests. */
let ended: Int32Array = new Int32Array(0);
/** True once a thread could not be made: then none is tried again. */
let unavailable = false;

/** Keeps the pages of one arena touched ahead of its tail. */
export class Prefault {
  readonly #arena: Arena;
  #touchedEnd: number;

  /** @param touchedEnd address below which all pages are known to be touched */
  constructor(arena: Arena, touchedEnd: number) {
    this.#arena = arena;
    this.#touchedEnd = touchedEnd;
  }

  /** To be called after an append: asks for more when less than half of the distance is left. */
  advance(tail: number): void {
    if (tail < SMALLEST_TAIL) return;
    const ahead = Math.min(Math.max(tail, LEAST_AHEAD), MOST_AHEAD);
    if (tail + ahead / 2 <= this.#touchedEnd || this.#touchedEnd >= this.#arena.bytes) return;
    const from = Math.max(this.#touchedEnd, tail);
    const to = Math.min(tail + ahead, this.#arena.bytes);
    this.#touchedEnd = to;
    request({ buffer: this.#arena.buffer, from: from - (from % 4096), to });
  }
}

function request(message: Request): void {
  if (thread !== undefined && Atomics.load(ended, 0) !== 0) thread = undefined;
  thread ??= unavailable ? undefined : start();
  thread?.postMessage(message);
}

function start(): Thread | undefined {
  const builtin: unknown = globalThis.process?.getBuiltinModule?.("node:worker_threads");
  if (!hasWorker(builtin)) {
    unavailable = true;
    return undefined;
  }
  try {
    ended = new Int32Array(new SharedArrayBuffer(4));
    const started = new builtin.Worker(THREAD_SOURCE, {
      eval: true,
      execArgv: [],
      name: "pennon-prefault",
      workerData: ended,
    });
    const forget = (): void => {
      if (thread === started) thread = undefined;
    };
    started.on("exit", forget);
    started.on("error", () => {
      unavailable = true;
      forget();
    });
    started.unref();
    return started;
  } catch {
    unavailable = true;
    return undefined;
  }
}

interface ThreadOptions {
  readonly eval: true;
  readonly execArgv: readonly string[];
  readonly name: string;
  readonly workerData: Int32Array;
}

function hasWorker(value: unknown): value is { Worker: new (source: string, options: ThreadOptions) => Thread } {
  return typeof value === "object" && value !== null && "Worker" in value && typeof value.Worker === "function";
}
