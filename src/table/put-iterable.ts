/**
 * Puts what an iterable brings, as several atomic puts of which some are on their way at once.
 *
 * Rows that come singly are gathered, up to a bound, as long as they come without waiting; arrays of rows, record batches and tables are a
 * put each. Puts are in the order of the iterable; where as many are pending as the table lets be, the next one waits. When one
 * fails, or a signal aborts, no further one is begun, those that were begun are waited for, and the iterable is told that no more is wanted.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isRecordBatchLike } from "../arrow/shape.js";
import { TimeSlice } from "../scan/time-slice.js";
import type { Position } from "../writer/position.js";

/** Rows of one put, gathered from single ones. */
const GATHERED_ROWS = 512;
/** Puts on their way at once. */
const MAX_PENDING = 32;
/** Time between two looks for room that puts of others take. */
const RECHECK_MS = 5;

/** How the puts of an iterable are made. */
export interface IterablePuts {
  /** Puts a row, an array of rows, a batch or a table, atomically. */
  readonly put: (rows: unknown) => Promise<Position>;
  /** False while there are as many puts, of whoever, as there may be: then the next one waits. */
  readonly hasRoom: () => boolean;
  /** When one of them aborts, nothing further is begun, and its reason is thrown. */
  readonly signals: readonly AbortSignal[];
}

/** @returns the position of the last put; undefined when the iterable was empty */
export async function putIterable(
  rows: Iterable<unknown> | AsyncIterable<unknown>,
  { put, hasRoom, signals }: IterablePuts,
): Promise<Position | undefined> {
  for (const signal of signals) signal.throwIfAborted();
  const pipeline = new Pipeline(put, hasRoom);
  const stops = signals.map((signal) => {
    const stop = (): void => pipeline.stop(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    return () => signal.removeEventListener("abort", stop);
  });
  try {
    if (Symbol.asyncIterator in rows) await drainAsync(rows[Symbol.asyncIterator](), pipeline);
    else await drain(rows, pipeline);
    pipeline.flush();
    return await pipeline.settled();
  } catch (error) {
    pipeline.stop(error);
    return await pipeline.settled();
  } finally {
    for (const stop of stops) stop();
  }
}

async function drain(rows: Iterable<unknown>, pipeline: Pipeline): Promise<void> {
  const slice = new TimeSlice();
  for (const item of rows) {
    pipeline.add(item);
    await pipeline.room();
    await slice.giveWay();
  }
}

async function drainAsync(rows: AsyncIterator<unknown>, pipeline: Pipeline): Promise<void> {
  const slice = new TimeSlice();
  try {
    for (;;) {
      const { done, value } = await pipeline.unlessStopped(rows.next());
      if (done === true) return;
      pipeline.add(value);
      await pipeline.room();
      await slice.giveWay();
    }
  } catch (error) {
    // Not waited for: it may be in the midst of a wait that never ends.
    rows.return?.().catch(() => {});
    throw error;
  }
}

/** A single row, as opposed to several at once. */
function isRow(item: unknown): item is object {
  if (typeof item !== "object" || item === null || Array.isArray(item) || isRecordBatchLike(item)) return false;
  return !("batches" in item && "schema" in item);
}

class Pipeline {
  readonly #put: IterablePuts["put"];
  readonly #hasRoom: IterablePuts["hasRoom"];
  readonly #pending = new Set<Promise<void>>();
  /** Puts that wait for room, in order: two at most, as the source is not asked for more while there is one. */
  readonly #waiting: unknown[] = [];
  #gathered: object[] = [];
  #last: Position | undefined;
  #timer: NodeJS.Immediate | undefined;
  #failure: { readonly error: unknown } | undefined;
  #interrupt: ((error: unknown) => void) | undefined;

  constructor(put: IterablePuts["put"], hasRoom: IterablePuts["hasRoom"]) {
    this.#put = put;
    this.#hasRoom = hasRoom;
  }

  add(item: unknown): void {
    if (!isRow(item)) {
      this.flush();
      this.#start(item);
      return;
    }
    this.#gathered.push(item);
    if (this.#gathered.length >= GATHERED_ROWS) this.flush();
    // When the source lets us wait, what it has brought must not wait too.
    else this.#timer ??= setImmediate(() => this.flush());
  }

  /** Puts what is gathered. */
  flush(): void {
    clearImmediate(this.#timer);
    this.#timer = undefined;
    if (this.#gathered.length === 0) return;
    const rows = this.#gathered;
    this.#gathered = [];
    this.#start(rows);
  }

  /** Nothing is begun from here on; what waits for the source or for room is told why. */
  stop(error: unknown): void {
    this.#failure ??= { error };
    clearImmediate(this.#timer);
    this.#interrupt?.(this.#failure.error);
  }

  /** Resolves when another put may begin; rejects when it has been stopped. */
  async room(): Promise<void> {
    while (this.#failure === undefined && (this.#waiting.length > 0 || this.#pending.size >= MAX_PENDING)) {
      await this.#change();
      this.#begin();
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** As the promise, unless it is stopped before. */
  unlessStopped<T>(promise: Promise<T>): Promise<T> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    return new Promise((resolve, reject) => {
      this.#interrupt = reject;
      promise.then(resolve, reject);
    });
  }

  /** Resolves when all puts are done, with the last position; rejects when it has been stopped. */
  async settled(): Promise<Position | undefined> {
    while (this.#failure === undefined && this.#waiting.length > 0) {
      await this.#change();
      this.#begin();
    }
    await Promise.all(this.#pending);
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#last;
  }

  #start(rows: unknown): void {
    this.#waiting.push(rows);
    this.#begin();
  }

  /** Begins what waits, in order, as far as there is room. */
  #begin(): void {
    while (this.#failure === undefined && this.#waiting.length > 0 && this.#hasRoom()) {
      const rows = this.#waiting.shift();
      const done = this.#put(rows).then(
        (position) => {
          this.#pending.delete(done);
          if (this.#last === undefined || position > this.#last) this.#last = position;
        },
        (error: unknown) => {
          this.#pending.delete(done);
          this.stop(error);
        },
      );
      this.#pending.add(done);
    }
  }

  /** Resolves when a put of ours has settled; when none is on its way, after a moment: others' are not told to us. */
  #change(): Promise<unknown> {
    return this.#pending.size > 0 ? Promise.race(this.#pending) : sleep(RECHECK_MS);
  }
}

/** An iterable that is none of the things put as a whole; batches and tables of apache-arrow are iterable too. */
export function isCut(rows: unknown): rows is Iterable<unknown> | AsyncIterable<unknown> {
  if (typeof rows !== "object" || rows === null || Array.isArray(rows) || isRecordBatchLike(rows)) return false;
  if ("batches" in rows && "schema" in rows) return false;
  return Symbol.asyncIterator in rows || Symbol.iterator in rows;
}
