/**
 * Frozen memtables on their way to SSTables: one after the other, oldest first, each once all its rows are in the log.
 *
 * A flush that fails is tried again after a pause, which doubles up to a minute, as long as the writer is open: the rows are safe in the
 * log, and puts are refused when the memory bound is reached meanwhile. A newer writer's claim ends it, and so does a publication whose
 * outcome nobody knows: opening again tells.
 *
 * @module
 */
import { FencedError, OutcomeUnknownError } from "../errors.js";
import { publishEvent } from "./events.js";
import type { Flushed, Flusher } from "./flusher.js";
import type { LiveMemtable } from "./memtable-set.js";
import type { Timers } from "./timers.js";

const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 60_000;

/** What is told of flushes. */
export interface FlushEvents {
  /** The memtable's rows are in a published SSTable. */
  readonly onFlushed: (memtable: LiveMemtable) => void;
  /** A flush has failed and will be tried again. */
  readonly onFailed: (error: Error) => void;
  /** A newer writer has claimed the shard, or it is not known whether an SSTable was published: the writer must stop. */
  readonly onStopped: (error: Error) => void;
}

/** What flushes have come to. */
export interface FlushTally {
  readonly ssTables: number;
  readonly rows: number;
  readonly bytes: number;
  readonly milliseconds: number;
  readonly failures: number;
}

interface Waiting {
  readonly generation: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class FlushQueue {
  readonly #flusher: Flusher;
  readonly #events: FlushEvents;
  readonly #timers: Timers;
  readonly #frozen: LiveMemtable[] = [];
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #pauseTimer: unknown;
  #pauseMs = FIRST_PAUSE_MS;
  #failure: Error | undefined;
  /** Why nothing more is begun. */
  #stopped: Error | undefined;
  #tally: FlushTally = { ssTables: 0, rows: 0, bytes: 0, milliseconds: 0, failures: 0 };

  constructor(flusher: Flusher, timers: Timers, events: FlushEvents) {
    this.#flusher = flusher;
    this.#timers = timers;
    this.#events = events;
  }

  /** Memtables that are not in an SSTable yet. */
  get length(): number {
    return this.#frozen.length;
  }

  /** What the last try failed with; undefined once one has succeeded. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  get tally(): FlushTally {
    return this.#tally;
  }

  /** Whether memory can be expected to become free without anybody's doing. */
  get drains(): boolean {
    return this.#stopped === undefined && this.#frozen.length > 0 && this.#failure === undefined;
  }

  add(memtable: LiveMemtable): void {
    this.#frozen.push(memtable);
    this.tend();
  }

  /** Begins what can begin: to be called when more of the log is written. */
  tend(): void {
    if (this.#stopped !== undefined || this.#running !== undefined || this.#pauseTimer !== undefined) return;
    const [oldest] = this.#frozen;
    if (oldest === undefined || oldest.store.durable < oldest.store.length) return;
    this.#running = this.#flush(oldest).finally(() => {
      this.#running = undefined;
      this.tend();
    });
  }

  /**
   * Resolves when the memtable of this generation, and those before it, are in SSTables. Tries at once what has failed.
   *
   * @throws what the next try fails with, or what the queue has been stopped for
   */
  flushed(generation: number): Promise<void> {
    if (this.#frozen.every((memtable) => memtable.generation > generation)) return Promise.resolve();
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ generation, resolve, reject });
      this.#timers.clear(this.#pauseTimer);
      this.#pauseTimer = undefined;
      this.tend();
    });
  }

  /** Begins nothing more, and has nobody wait any longer: the writer has stopped, and what is not in the log never will be. */
  stop(because: Error): void {
    this.#stopped ??= because;
    this.#timers.clear(this.#pauseTimer);
    this.#rejectAll(because);
  }

  /** Begins nothing more; resolves when what has begun has ended. */
  async close(because: Error): Promise<void> {
    this.#stopped ??= because;
    this.#timers.clear(this.#pauseTimer);
    await this.#running;
    this.#rejectAll(because);
  }

  #rejectAll(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  async #flush(memtable: LiveMemtable): Promise<void> {
    const { generation, store, entries } = memtable;
    const { rows, bytes } = store.snapshot();
    const replayAfter = entries.at(-1)?.entry;
    if (replayAfter === undefined) throw new Error(`memtable ${generation} is frozen, durable and in no entry`);
    const start = this.#timers.now();
    let flushed: Flushed;
    try {
      const handle = memtable.memtable.handle();
      flushed = await this.#flusher.flush({ generation, handle, replayAfter, rows, bytes });
    } catch (error) {
      this.#onFailed(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    const milliseconds = this.#timers.now() - start;
    this.#onFlushed(memtable, flushed, milliseconds);
  }

  #onFlushed(memtable: LiveMemtable, flushed: Flushed, milliseconds: number): void {
    this.#failure = undefined;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#frozen.shift();
    const { ssTables, rows, bytes, ...before } = this.#tally;
    this.#tally = {
      ssTables: ssTables + 1,
      rows: rows + flushed.rows,
      bytes: bytes + flushed.bytes,
      milliseconds: before.milliseconds + milliseconds,
      failures: before.failures,
    };
    publishEvent("sstable", { generation: memtable.generation, ...flushed, milliseconds });
    this.#events.onFlushed(memtable);
    const done = this.#waiting.filter(({ generation }) => generation <= memtable.generation);
    for (const waiting of done) {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      waiting.resolve();
    }
  }

  #onFailed(error: Error): void {
    this.#failure = error;
    this.#tally = { ...this.#tally, failures: this.#tally.failures + 1 };
    this.#rejectAll(error);
    if (error instanceof FencedError || error instanceof OutcomeUnknownError) {
      this.stop(error);
      this.#events.onStopped(error);
      return;
    }
    publishEvent("maintenance-error", { task: "flush", error });
    if (this.#stopped === undefined) {
      this.#pauseTimer = this.#timers.set(() => this.#onPauseEnd(), this.#pauseMs, false);
      this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS);
    }
    this.#events.onFailed(error);
  }

  #onPauseEnd(): void {
    this.#pauseTimer = undefined;
    this.tend();
  }
}
