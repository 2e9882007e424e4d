/**
 * For tests of the writer: a log that does what it is told, a clock that is moved by hand, a handler upon both.
 *
 * @module
 */

import { batchOfRows, rowOf, schema } from "../../test/simulation/rows.js";
import { StorageRows } from "../arrow/rows/storage-rows.js";
import { storageSchema } from "../lance/storage-schema.js";
import { MemtablePool } from "../memtable/pool.js";
import type { HandlerOptions, HandlerStart } from "./handler-options.js";
import { type MemtableBounds, type MemtableEvents, MemtableSet } from "./memtable-set.js";
import type { PutOptions } from "./put-options.js";
import { putRows, type RowsInput } from "./put-rows.js";
import type { EntryPlan, OpenedLog, ShardLog } from "./shard-log.js";
import { StorageBatches } from "./storage-batch.js";
import type { Timers } from "./timers.js";
import { WriteBatchHandler } from "./write-batch-handler.js";

export { batchOfRows, rowOf, schema };

export const storage = storageSchema(schema, ["id"]);

/** Entries stay in flight until they are finished or failed by hand. */
export class FakeLog implements ShardLog {
  readonly plans: EntryPlan[] = [];
  readonly #waiting: { readonly resolve: (bytes: number) => void; readonly reject: (error: unknown) => void }[] = [];

  get inFlight(): number {
    return this.#waiting.length;
  }

  open(): Promise<OpenedLog> {
    throw new Error("the tests open no log");
  }

  onFailure(): void {}
  addMemtable(): void {}
  dropMemtable(): void {}

  append(plan: EntryPlan): Promise<number> {
    this.plans.push(plan);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Ends the oldest entries in flight. */
  async finish(entries = 1): Promise<void> {
    for (const { resolve } of this.#waiting.splice(0, entries)) resolve(100);
    await turn();
  }

  /** Fails the oldest entry in flight. */
  async fail(error: unknown): Promise<void> {
    this.#waiting.shift()?.reject(error);
    await turn();
  }

  async close(): Promise<void> {}
}

/** A clock that stands still until it is moved. */
export class HandTimers implements Timers {
  #now = 0;
  readonly #timers = new Map<object, { readonly at: number; readonly callback: () => void }>();

  now(): number {
    return this.#now;
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#timers.size;
  }

  set(callback: () => void, delayMs: number): object {
    const timer = {};
    this.#timers.set(timer, { at: this.#now + delayMs, callback });
    return timer;
  }

  clear(timer: unknown): void {
    if (timer instanceof Object) this.#timers.delete(timer);
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.set(resolve, delayMs));
  }

  /** Moves the clock, and has all happen that follows. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await turn();
      const next = [...this.#timers].sort(([, a], [, b]) => a.at - b.at)[0];
      if (next === undefined || next[1].at > end) break;
      this.#timers.delete(next[0]);
      this.#now = next[1].at;
      next[1].callback();
    }
    this.#now = end;
    await turn();
  }
}

/** Lets everything happen that needs no time. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** What a promise has come to so far. */
export async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  let outcome: unknown = "pending";
  promise.then(
    (value) => {
      outcome = value;
    },
    (error: unknown) => {
      outcome = error;
    },
  );
  await turn();
  return outcome;
}

/** Bounds of a set of memtables. */
export interface SetBounds extends Partial<MemtableBounds> {
  readonly memtableBatches?: number;
}

/** A pool of small memtables, owned by this thread. */
export function poolOf({ memtableBytes = 1 << 20, memtableBatches = 1_000 }: SetBounds = {}): MemtablePool {
  return MemtablePool.create({
    schema: storage,
    primaryKey: ["id"],
    bytes: memtableBytes,
    batches: memtableBatches,
    maxRows: 1 << 20,
    prefault: false,
    slots: 32,
  });
}

/** A set of memtables with a pool of its own. The first has generation 1. */
export function setOf(
  bounds: SetBounds = {},
  events: Partial<MemtableEvents> = {},
  maxGroupBytes = 63 << 20,
): MemtableSet {
  const sizes = { memtableBytes: 1 << 20, maxMemoryBytes: 1 << 30, ...bounds };
  const all = { onNew: () => {}, onFrozen: () => {}, drains: false, ...events };
  return new MemtableSet(poolOf(sizes), sizes, maxGroupBytes, 1, () => 0, all);
}

/** A handler upon a fake log. */
export class Bench {
  readonly log = new FakeLog();
  readonly timers = new HandTimers();
  readonly memtables: MemtableSet;
  readonly handler: WriteBatchHandler;
  readonly #batches = new StorageBatches(schema, storage);

  constructor(options: Partial<HandlerOptions> = {}, bounds: SetBounds = {}, start: Partial<HandlerStart> = {}) {
    const most = Number.MAX_SAFE_INTEGER;
    this.memtables = setOf(bounds, { drains: options.drains?.() ?? false });
    this.handler = new WriteBatchHandler(
      this.log,
      this.memtables,
      storage,
      new StorageRows(storage, ["id"]),
      { nextEntry: 1, counters: new Map(), rows: 0, batches: 0, bytes: 0, ...start },
      {
        maxUnflushedBytes: most,
        maxPendingPuts: most,
        maxLogRows: most,
        maxLogBatches: most,
        maxLogBytes: most,
        flushIntervalMs: 0,
        flushBytes: 64 << 20,
        drains: () => false,
        makeLogRoom: () => false,
        onStopped: () => {},
        onWritten: () => {},
        ...options,
      },
      this.timers,
    );
  }

  put(rows: RowsInput, options: PutOptions = {}): Promise<string> {
    const promise = this.handler.put(putRows(rows, this.#batches), options);
    // A test that looks at the outcome later has not forgotten it.
    promise.catch(() => {});
    return promise;
  }

  /** All ids in the memtables, in order. */
  get ids(): number[] {
    return this.memtables.all.flatMap(({ store }) =>
      store.batches().flatMap((batch) => Array.from(batch.getChildAt(0)?.toArray() ?? [], Number)),
    );
  }

  /** Batches of each memtable. */
  get batches(): number[] {
    return this.memtables.all.map(({ store }) => store.length);
  }
}
