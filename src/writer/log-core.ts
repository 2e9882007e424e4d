/**
 * The work of the log: claim, replay, and one entry after the other, over any object store.
 *
 * Order of events of an entry: bytes of the arena and their checksum → entries that were written without a sync are synced → the entry
 * is put under its name, if that is free → a look for a newer epoch → the durable cursor moves → the caller is told (invariant 9).
 *
 * What can go wrong with the put, and what follows (invariants 10 and 11):
 *
 * | outcome | then |
 * |---|---|
 * | name taken, the entry under it is not ours | a newer epoch: fenced. None: somebody writes without a claim, the writer stops |
 * | name taken, the entry is ours | an earlier try was successful after all |
 * | nothing happened, passing | fence check, the same again, at most {@link MAX_TRIES} times |
 * | nothing happened, lasting | the writer stops, the outcome is known |
 * | unknown, can be settled | the same bytes under the same name again |
 * | unknown, cannot be settled (a failed fsync) | the writer stops, the outcome stays unknown |
 *
 * @module
 */

import { END_OF_STREAM } from "../arrow/message.js";
import { decodeSchemaMessage } from "../arrow/schema.js";
import { ConflictError, OutcomeUnknownError, PennonError, RetryableError, StorageError } from "../errors.js";
import { coveredCounters } from "../lance/covered-counters.js";
import { crc32 } from "../lance/crc32.js";
import { EpochWatch } from "../lance/epoch-watch.js";
import { ManifestStore } from "../lance/manifest-store.js";
import { walKey } from "../lance/names.js";
import { EntryHeader } from "../lance/wal-entry.js";
import { inspectEntry } from "../lance/wal-entry-reader.js";
import type { MemtableHandle } from "../memtable/memtable-handle.js";
import { MemtablePool } from "../memtable/pool.js";
import { ObjectExistsError, type ObjectStore } from "../storage/object-store.js";
import { BatchStore } from "../store/batch-store.js";
import { type ClaimedLog, openLog } from "./open-log.js";
import type { EntryPlan, LogOptions, OpenedLog, ShardLog } from "./shard-log.js";
import type { Timers } from "./timers.js";

/** Times an entry is tried in all. */
const MAX_TRIES = 4;
/** Pause before the second try; doubled before each further one. */
const FIRST_PAUSE_MS = 50;
/** Entries that may be in the log without having been synced; the next one is written with a sync of all. */
const MAX_UNSYNCED = 256;
/** After so long without a new entry, unsynced ones are synced. */
const IDLE_SYNC_MS = 100;

export class LogCore implements ShardLog {
  readonly #store: ObjectStore;
  readonly #options: LogOptions;
  readonly #timers: Timers;
  readonly #writerId: string;
  readonly #memtables = new Map<number, BatchStore>();
  #header: EntryHeader | undefined;
  #watch: EpochWatch | undefined;
  #sequence = 0;
  /** Positions of entries that do not survive a loss of power yet. */
  #unsynced: number[] = [];
  #idleTimer: unknown;
  /** What the last call was; calls follow each other. */
  #last: Promise<unknown> = Promise.resolve();
  #failure: PennonError | undefined;
  #onFailure: (error: Error) => void = () => {};

  /** @param writerId 32 hexadecimal digits that no other writer has ever had */
  constructor(store: ObjectStore, options: LogOptions, writerId: string, timers: Timers) {
    this.#store = store;
    this.#options = options;
    this.#writerId = writerId;
    this.#timers = timers;
  }

  async open(): Promise<OpenedLog> {
    const schema = decodeSchemaMessage(this.#options.schemaMessage);
    const manifests = new ManifestStore(this.#store, this.#options.shardId);
    const { maxMemoryBytes } = this.#options;
    const pool = MemtablePool.attachOwner(this.#options.pool);
    let opened: ClaimedLog;
    let replayed: { readonly generation: number; readonly handle: MemtableHandle }[];
    try {
      opened = await openLog(this.#store, manifests, { schema, pool, maxMemoryBytes });
      replayed = pool.live.map(({ generation, memtable }) => ({ generation, handle: memtable.handle() }));
    } finally {
      pool.closeOwner(); // which gives up the durable cursors
    }
    const { epoch, nextPosition, ...log } = opened;
    this.#header = new EntryHeader(schema, { writerEpoch: epoch, writerId: this.#writerId });
    this.#watch = new EpochWatch(manifests, { epoch });
    for (const { generation, handle } of replayed) this.addMemtable(generation, handle);
    const result = { epoch, nextEntry: nextPosition, ...log };
    if (log.counters.size > 0) return { ...result, countersOutdated: false };
    const { counters, foreign } = await this.#patiently(() => coveredCounters(this.#store, log.replayAfter));
    return { ...result, counters, countersOutdated: foreign > 0 };
  }

  addMemtable(generation: number, handle: MemtableHandle): void {
    if (this.#memtables.has(generation)) return;
    // One batch is looked at once: nothing is worth keeping.
    this.#memtables.set(generation, BatchStore.attachPinned(handle.store.memory, { cachedBatches: 1 }));
  }

  dropMemtable(generation: number, coveredThrough: number): void {
    this.#forget(generation);
    // They need not survive by themselves any more, and may be collected.
    this.#unsynced = this.#unsynced.filter((position) => position > coveredThrough);
  }

  onFailure(listener: (error: Error) => void): void {
    this.#onFailure = listener;
  }

  append(plan: EntryPlan): Promise<number> {
    const done = this.#last.then(() => this.#append(plan));
    this.#last = done.catch(() => {});
    return done;
  }

  async close(): Promise<void> {
    await this.#last;
    this.#timers.clear(this.#idleTimer);
    try {
      if (this.#failure !== undefined) throw this.#failure;
      await this.#sync();
    } finally {
      for (const generation of [...this.#memtables.keys()]) this.#forget(generation);
      await this.#store.close();
    }
  }

  #forget(generation: number): void {
    this.#memtables.get(generation)?.close();
    this.#memtables.delete(generation);
  }

  async #append(plan: EntryPlan): Promise<number> {
    if (this.#failure !== undefined) throw afterFailure(this.#failure);
    this.#timers.clear(this.#idleTimer);
    let bytes: number;
    try {
      bytes = await this.#write(plan);
    } catch (error) {
      this.#failure = error instanceof PennonError ? error : new StorageError(String(error), { cause: error });
      throw this.#failure;
    }
    if (this.#unsynced.length > 0)
      this.#idleTimer = this.#timers.set(() => this.#syncInIdleTime(), IDLE_SYNC_MS, false);
    return bytes;
  }

  async #write(plan: EntryPlan): Promise<number> {
    const memtable = this.#memtables.get(plan.memtable);
    if (memtable === undefined || this.#header === undefined) {
      throw new StorageError(`the log knows of no memtable ${plan.memtable}`);
    }
    const run = memtable.ipcParts(plan.from, plan.to).slice(1, -1);
    const durable = plan.durable || this.#unsynced.length >= MAX_UNSYNCED;
    const sequence = ++this.#sequence;
    const header = this.#header.bytes({ sequence, crc32: crc32(run), durable, counters: plan.counters });
    const key = walKey(plan.entry);
    // An entry that survives a loss of power behind one that does not would be behind a hole.
    if (durable) await this.#sync();
    const parts = [header, ...run, END_OF_STREAM.slice()];
    await this.#putEntry(key, parts, durable, sequence);
    if (!durable) this.#unsynced.push(plan.entry);
    await this.#assertNotFenced(key);
    memtable.advanceDurable(plan.to);
    return parts.reduce((sum, part) => sum + part.byteLength, 0);
  }

  async #putEntry(key: string, parts: readonly Uint8Array[], durable: boolean, sequence: number): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    let perhapsThere = false;
    for (let tries = 1; ; tries++) {
      try {
        await this.#store.putIfAbsent(key, parts, { durable });
        return;
      } catch (error) {
        if (error instanceof ObjectExistsError) {
          if (await this.#isOurs(key, sequence, perhapsThere)) return await this.#syncFound(key, durable);
          return await this.#throwTaken(key);
        }
        const again = error instanceof RetryableError || (error instanceof OutcomeUnknownError && error.retryable);
        perhapsThere ||= error instanceof OutcomeUnknownError;
        if (!again || tries >= MAX_TRIES) {
          if (!perhapsThere || error instanceof OutcomeUnknownError) throw error;
          throw new OutcomeUnknownError(`${key} may have been written: ${messageOf(error)}`, { cause: error });
        }
      }
      await this.#timers.sleep(pauseMs);
      pauseMs *= 2;
      if (!perhapsThere) await this.#check();
    }
  }

  /** Whether the entry under `key` is the one just tried. */
  async #isOurs(key: string, sequence: number, perhapsThere: boolean): Promise<boolean> {
    if (!perhapsThere) return false;
    try {
      const bytes = await this.#patiently(() => this.#store.get(key));
      const { own } = inspectEntry(bytes, key);
      return own?.writerId === this.#writerId && own.sequence === sequence;
    } catch (error) {
      throw new OutcomeUnknownError(`${key} may have been written, but cannot be read back: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** An entry that an earlier try has put may not be durable yet. */
  async #syncFound(key: string, durable: boolean): Promise<void> {
    if (!durable) return;
    try {
      await this.#patiently(() => this.#store.sync([key]));
    } catch (error) {
      throw new OutcomeUnknownError(`${key} was written, but is not durable: ${messageOf(error)}`, { cause: error });
    }
  }

  async #throwTaken(key: string): Promise<never> {
    await this.#check();
    throw new ConflictError(
      `${key} is taken, though this writer's claim holds: by a claimant that was overtaken, or by somebody who does not claim; the writer stops, open again`,
    );
  }

  /** After an entry is in the log. */
  async #assertNotFenced(key: string): Promise<void> {
    try {
      await this.#check();
    } catch (error) {
      // The new writer replays the entry if it looked for the end of the log after this put, and does not if before.
      throw new OutcomeUnknownError(`${key} was written, but ${messageOf(error)}`, { cause: error });
    }
  }

  #check(): Promise<void> {
    return this.#patiently(async () => this.#watch?.check());
  }

  async #sync(): Promise<void> {
    if (this.#unsynced.length === 0) return;
    const synced = new Set(this.#unsynced);
    // Anew at each try: some may have been covered, and collected, meanwhile.
    await this.#patiently(() => this.#store.sync(this.#unsynced.map(walKey)));
    this.#unsynced = this.#unsynced.filter((position) => !synced.has(position));
  }

  /** Does again what had no effect for a passing reason, and does no harm twice. */
  async #patiently<T>(action: () => Promise<T>): Promise<T> {
    let pauseMs = FIRST_PAUSE_MS;
    for (let tries = 1; ; tries++) {
      try {
        return await action();
      } catch (error) {
        if (!(error instanceof RetryableError) || tries >= MAX_TRIES) throw error;
      }
      await this.#timers.sleep(pauseMs);
      pauseMs *= 2;
    }
  }

  #syncInIdleTime(): void {
    this.#last = this.#last
      .then(() => this.#sync())
      .catch((error: unknown) => {
        this.#failure ??= error instanceof PennonError ? error : new StorageError(String(error), { cause: error });
        this.#onFailure(this.#failure);
      });
  }
}

/** What an entry fails with that was never tried, because one before it had failed. */
function afterFailure(failure: PennonError): PennonError {
  const message = `not written: the writer had stopped before (${failure.message})`;
  return failure instanceof ConflictError
    ? new ConflictError(message, { cause: failure })
    : new StorageError(message, { cause: failure });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
