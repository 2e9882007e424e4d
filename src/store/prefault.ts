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
/**
 * A writer that appends at more than 256 MB/s between two looks waits for memory, not for data: a second thread that touches pages
 * would only compete with it (measured: appends of 100 rows, back to back, a third slower).
 */
const SATURATED_BYTES_PER_MS = 256_000;

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

/** Bytes [from, to) of an arena whose pages are to be touched. */
export interface TouchRequest {
  readonly buffer: SharedArrayBuffer;
  readonly from: number;
  readonly to: number;
}

interface Thread {
  postMessage(request: TouchRequest): void;
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
  /** Tail at which to look again. */
  #nextLook = SMALLEST_TAIL;
  #lastTail = 0;
  #lastTimeMs: number;

  readonly #ask: (request: TouchRequest) => void;
  readonly #nowMs: () => number;

  /**
   * @param touchedEnd address below which all pages are known to be touched
   * @param ask has pages touched, by default by the thread
   * @param nowMs a clock
   */
  constructor(
    arena: Arena,
    touchedEnd: number,
    ask: (request: TouchRequest) => void = request,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#arena = arena;
    this.#touchedEnd = touchedEnd;
    this.#ask = ask;
    this.#nowMs = nowMs;
    this.#lastTimeMs = nowMs();
  }

  /** To be called after an append. */
  advance(tail: number): void {
    if (tail >= this.#nextLook) this.#look(tail);
    else if (tail < this.#lastTail) this.#restart(tail);
  }

  #look(tail: number): void {
    const ahead = Math.min(Math.max(tail, LEAST_AHEAD), MOST_AHEAD);
    const timeMs = this.#nowMs();
    const saturated = tail - this.#lastTail > SATURATED_BYTES_PER_MS * (timeMs - this.#lastTimeMs);
    this.#lastTail = tail;
    this.#lastTimeMs = timeMs;
    this.#nextLook = tail + ahead / 2;
    const from = Math.max(this.#touchedEnd, tail);
    const to = Math.min(tail + ahead, this.#arena.bytes);
    if (saturated || from >= to) return;
    this.#touchedEnd = to;
    this.#ask({ buffer: this.#arena.buffer, from: from - (from % 4096), to });
  }

  /** The memory was recycled: what was touched still is. */
  #restart(tail: number): void {
    this.#lastTail = tail;
    this.#lastTimeMs = this.#nowMs();
    this.#nextLook = Math.max(SMALLEST_TAIL, tail);
  }
}

function request(message: TouchRequest): void {
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
