/**
 * The shard writer: the one live writer of a shard. Rows put into it are in shared memory that every thread can read, and in a log that
 * survives.
 *
 * `open` claims the shard, replays what its SSTables do not cover, and only then takes puts. See `write-batch-handler.ts` for the way of
 * a put, `log-core.ts` for the order of events of an entry, `docs/writer.md` for use.
 *
 * @module
 */
import { MessageChannel } from "node:worker_threads";
import type { Schema } from "apache-arrow";
import { StorageRows } from "../arrow/rows/storage-rows.js";
import { decodeSchemaMessage, encodeSchemaMessage, normaliseSchema } from "../arrow/schema.js";
import type { RecordBatchLike } from "../arrow/shape.js";
import { ClosedError, UsageError } from "../errors.js";
import { storageSchema } from "../lance/storage-schema.js";
import { ENTRY_BOUNDS } from "../lance/wal-entry.js";
import type { WatchedWorker } from "../memtable/pins.js";
import { MemtablePool } from "../memtable/pool.js";
import type { PoolHandle } from "../memtable/pool-handle.js";
import { FlushQueue } from "./flush-queue.js";
import { LogCore } from "./log-core.js";
import { LogThread } from "./log-thread.js";
import { type LiveMemtable, MemtableSet } from "./memtable-set.js";
import type { Position } from "./position.js";
import type { ProducerHandle } from "./producer-messages.js";
import { ProducerPort } from "./producer-port.js";
import type { PutOptions, PutRows } from "./put-options.js";
import { deleteRows, putRows, type RowsInput, storedBatches, storedRows } from "./put-rows.js";
import type { LogOptions, OpenedLog, ShardLog } from "./shard-log.js";
import { StorageBatches } from "./storage-batch.js";
import { WriteBatchHandler } from "./write-batch-handler.js";
import { createPool } from "./writer-pool.js";
import { type CheckedSettings, type ShardWriterOptions, settingsOf, within } from "./writer-settings.js";
import { memtableStats, NOTHING_FLUSHED, type WriterStats } from "./writer-stats.js";

const MIB = 2 ** 20;
/** Room in an entry for header and dictionaries. */
const ENTRY_MARGIN_BYTES = MIB;

export class ShardWriter {
  /** Schema of the table. */
  readonly schema: Schema;
  /** The same with `_tombstone` behind it: what memtables and entries hold. */
  readonly storageSchema: Schema;
  readonly primaryKey: readonly string[];
  /** Of this writer's claim. */
  readonly epoch: number;
  /** The last entry of the log that SSTables covered when the writer was opened. */
  readonly replayAfter: number;
  readonly #log: ShardLog;
  readonly #pool: MemtablePool;
  readonly #memtables: MemtableSet;
  readonly #flushes: FlushQueue | undefined;
  readonly #settings: CheckedSettings;
  readonly #handler: WriteBatchHandler;
  readonly #batches: StorageBatches;
  readonly #builder: StorageRows;
  readonly #replayed: OpenedLog["replayed"];
  readonly #countersOutdated: boolean;
  readonly #producers = new Set<ProducerPort>();
  #ageTimer: unknown;
  #closing: Promise<void> | undefined;
  #closed = false;

  private constructor(
    schemas: { readonly schema: Schema; readonly storage: Schema; readonly primaryKey: readonly string[] },
    settings: CheckedSettings,
    log: ShardLog,
    opened: OpenedLog,
    pool: MemtablePool,
  ) {
    this.schema = schemas.schema;
    this.storageSchema = schemas.storage;
    this.primaryKey = schemas.primaryKey;
    this.epoch = opened.epoch;
    this.replayAfter = opened.replayAfter;
    this.#log = log;
    this.#pool = pool;
    this.#replayed = opened.replayed;
    this.#countersOutdated = opened.countersOutdated;
    this.#settings = settings;
    this.#batches = new StorageBatches(schemas.schema, schemas.storage);
    const { timers } = settings;
    const flusher = settings.flusher?.(opened.epoch);
    const flushes =
      flusher === undefined
        ? undefined
        : new FlushQueue(flusher, timers, {
            onFlushed: (memtable) => this.#onFlushed(memtable),
            onFailed: (error) => this.#handler.onNoMemory(error),
            onStopped: (error) => this.#handler.fail(error),
          });
    this.#flushes = flushes;
    const maxGroupBytes = ENTRY_BOUNDS.bytes - ENTRY_MARGIN_BYTES;
    this.#memtables = new MemtableSet(pool, settings, maxGroupBytes, opened.nextGeneration, () => timers.now(), {
      onNew: (generation, handle) => {
        log.addMemtable(generation, handle);
        this.#watchAge();
      },
      onFrozen: (memtable) => flushes?.add(memtable),
      drains: flushes !== undefined,
    });
    const builder = new StorageRows(schemas.storage, schemas.primaryKey, { table: schemas.schema });
    this.#builder = builder;
    log.onFailure((error) => this.#handler.fail(error));
    const start = { nextEntry: opened.nextEntry, counters: opened.counters, ...opened.replayed };
    const options = {
      ...settings,
      drains: () => flushes?.drains ?? false,
      makeLogRoom: () => this.#makeLogRoom(),
      onStopped: (error: Error) => flushes?.stop(error),
      onWritten: (memtable: LiveMemtable) => this.#onWritten(memtable),
    };
    this.#handler = new WriteBatchHandler(log, this.#memtables, schemas.storage, builder, start, options, timers);
    this.#memtables.adopt(opened.memtables);
    this.#watchAge();
  }

  /**
   * Claims the shard and replays its log.
   *
   * @throws UsageError when an option is out of its bounds, the schema holds what Lance cannot hold, or the key is not one it can have
   * @throws ConflictError when the shard is sealed, or other writers claim it all the time
   * @throws CorruptError when an entry of the log is missing, torn or altered: it names the file; `pennon repair` sets it aside
   * @throws FullError when the rows of the log need more than twice `maxMemoryBytes`
   * @throws StorageError, RetryableError when the storage fails
   */
  static async open(options: ShardWriterOptions): Promise<ShardWriter> {
    const settings = settingsOf(options);
    const schema = normaliseSchema(options.schema);
    const { primaryKey } = options;
    const schemaMessage = encodeSchemaMessage(normaliseSchema(storageSchema(schema, primaryKey)));
    const storage = decodeSchemaMessage(schemaMessage);
    const pool = createPool(storage, primaryKey, settings);
    const logOptions: LogOptions = {
      shardId: options.shardId,
      schemaMessage,
      pool,
      maxMemoryBytes: 2 * settings.maxMemoryBytes,
    };
    const log: ShardLog =
      "store" in options.log
        ? new LogCore(options.log.store, logOptions, settings.writerId, settings.timers)
        : new LogThread({ directory: options.log.directory, options: logOptions, writerId: settings.writerId });
    try {
      const opened = await log.open();
      return new ShardWriter({ schema, storage, primaryKey }, settings, log, opened, MemtablePool.attachOwner(pool));
    } catch (error) {
      await log.close().catch(() => {}); // the first error says more
      throw error;
    }
  }

  /** Numbers that the newest entry of the log carries; see {@link PutOptions}. */
  get counters(): ReadonlyMap<string, bigint> {
    return this.#handler.counters;
  }

  /** True when another writer's rows were flushed that {@link counters} knows nothing of, as it was when the shard was opened. */
  get countersOutdated(): boolean {
    return this.#countersOutdated;
  }

  /** The memtables, oldest first. */
  get memtables(): readonly LiveMemtable[] {
    return this.#memtables.all;
  }

  /** The memtables' pool: what reads of other threads, and of this one, attach to. */
  get pool(): PoolHandle {
    return this.#pool.handle();
  }

  /** Position of the newest entry that is in the log, and of the next. */
  get newestEntry(): number {
    return this.#handler.newestEntry;
  }

  get nextEntry(): number {
    return this.#handler.nextEntry;
  }

  /** What the writer stopped for, undefined while it works. */
  get failure(): Error | undefined {
    return this.#handler.failure;
  }

  /** False while as many puts are pending as there may be: one more would be `Full`. */
  get hasRoom(): boolean {
    return this.#handler.pendingPuts < this.#settings.maxPendingPuts;
  }

  /**
   * Puts rows: one object, an array of objects, a record batch, an array of them, or a table. A put is atomic: all of it is seen, and
   * survives, or nothing. A row with the key of an earlier one replaces it whole, also within one put.
   *
   * Batches must not be changed before the promise settles. Puts take effect in the order of the calls.
   *
   * @returns the position, once what `durability` asks for is true
   * @throws UsageError when a row is not what the schema says; nothing was written
   * @throws FullError when the put is too large for a memtable or an entry (100,000 rows, 63 MiB), or a bound is reached and nothing
   * drains; nothing was written
   * @throws the signal's reason when it aborts before the rows are appended: nothing was written. OutcomeUnknownError when it aborts after
   * @throws ConflictError when a newer writer has claimed the shard: nothing was written. OutcomeUnknownError when that is not known
   * @throws StorageError, RetryableError when the log could not be written: nothing was written, and the writer has stopped
   * @throws ClosedError when the writer is closed or has stopped
   */
  put(rows: RowsInput, options: PutOptions = {}): Promise<Position> {
    try {
      return this.#handler.put(putRows(rows, this.#batches), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Deletes the rows with these keys: appends tombstones, atomically. A key that is not there is no error. Throws as {@link put} does.
   *
   * @param keys values of the key column; objects or arrays of values where there are several key columns
   */
  delete(keys: readonly unknown[], options: PutOptions = {}): Promise<Position> {
    try {
      return this.#handler.put(deleteRows(keys), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Rows to put, or keys to delete, as batches of this writer's storage schema, for a writer that follows it to put with {@link putStored}.
   * Works when this one is closed, too.
   *
   * @throws UsageError when a row or a key is not what the schema says
   */
  stored(what: { readonly rows: RowsInput } | { readonly keys: readonly unknown[] }): readonly RecordBatchLike[] {
    const put = "rows" in what ? putRows(what.rows, this.#batches) : deleteRows(what.keys);
    return storedBatches(put, this.#builder.another());
  }

  /** Puts batches of the storage schema, tombstones included. Throws as {@link put} does. */
  putStored(batches: readonly RecordBatchLike[], options: PutOptions = {}): Promise<Position> {
    return this.#handler.put(storedRows(batches), options);
  }

  /**
   * Has everything that was put so far become SSTables; resolves when they are published.
   *
   * @throws UsageError when the writer has nothing that makes SSTables; what the flush has failed with: it is tried again by itself
   */
  async flush(): Promise<void> {
    this.#assertOpen();
    const flushes = this.#flushes;
    if (flushes === undefined) throw new UsageError("this writer was opened without a flusher: nothing makes SSTables");
    await this.#freeze();
    const newest = this.#memtables.all.findLast(({ generation }) => generation !== this.#memtables.active?.generation);
    if (newest !== undefined) await flushes.flushed(newest.generation);
  }

  /** Producers of other threads that may put. */
  get producers(): number {
    return this.#producers.size;
  }

  /** Has the pins of a thread that reads this writer's memtables cleared when it ends, however it ends. */
  watch(worker: WatchedWorker): void {
    this.#pool.watch(worker);
  }

  /**
   * A producer's handle, to be posted to one other thread with its port transferred: `worker.postMessage(handle, [handle.port])`.
   *
   * @param options puts, and bytes of them, that the producer may have on their way at once
   */
  producer(options: { readonly maxPuts?: number; readonly maxBytes?: number } = {}): ProducerHandle {
    const maxPuts = within("maxPuts", options.maxPuts ?? 256, 1, 65_536);
    const maxBytes = within("maxBytes", options.maxBytes ?? 16 * MIB, 1, Number.MAX_SAFE_INTEGER);
    if (this.#closing !== undefined) throw new ClosedError("the writer is closed");
    const { port1, port2 } = new MessageChannel();
    this.#producers.add(
      new ProducerPort(port1, this.#handler, this.storageSchema, (port) => {
        this.#producers.delete(port);
      }),
    );
    return {
      kind: "pennon.Producer",
      port: port2,
      schemaMessage: encodeSchemaMessage(this.schema),
      storageMessage: encodeSchemaMessage(this.storageSchema),
      primaryKey: this.primaryKey,
      maxPuts,
      maxBytes,
    };
  }

  /** @throws ClosedError when the writer is closed */
  stats(): WriterStats {
    if (this.#closed) throw new ClosedError("the writer is closed");
    const { tally, nextEntry, pendingPuts, unflushedBytes } = this.#handler;
    const now = this.#settings.timers.now();
    return {
      epoch: this.epoch,
      nextEntry,
      memtables: this.#memtables.all.map((memtable) => memtableStats(memtable, this.#memtables.active, now)),
      memoryBytes: this.#memtables.usedBytes,
      pendingPuts,
      unflushedBytes,
      log: { rows: tally.logRows, batches: tally.logBatches, bytes: tally.logBytes },
      putBytes: tally.putBytes,
      written: tally.written,
      replayed: this.#replayed,
      arenas: this.#pool.stats(),
      flushed: this.#flushes?.tally ?? NOTHING_FLUSHED,
    };
  }

  /**
   * Waits for all puts made so far, makes all of them survive a loss of power, and closes. The shard stays claimed by this epoch until
   * another writer claims it.
   *
   * @throws what the writer had stopped for
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#settings.timers.clear(this.#ageTimer);
    try {
      await this.#handler.close();
    } finally {
      await Promise.all([...this.#producers].map((producer) => producer.close()));
      await this.#flushes?.close(new ClosedError("the writer is closed; its rows are in the log"));
      try {
        await this.#log.close();
      } finally {
        this.#closed = true;
        this.#pool.close();
      }
    }
  }

  /** Ends the active memtable, with all that was put so far in it and in the log. */
  async #freeze(): Promise<void> {
    await this.#handler.put(NO_ROWS, { durability: "memory" }); // behind all that wait for room
    this.#endMemtable();
  }

  #onWritten(memtable: LiveMemtable): void {
    if (this.#isFull(memtable) && memtable === this.#memtables.active) this.#freezeForFlush();
    this.#flushes?.tend();
  }

  /** Whether it holds so much of the log that it had better become an SSTable: there is to be room while that is written. */
  #isFull({ entries, store, logBytes }: LiveMemtable): boolean {
    const { memtableEntries, maxLogRows, maxLogBatches, maxLogBytes } = this.#settings;
    const { rows, length } = store.snapshot();
    return (
      entries.length >= memtableEntries ||
      2 * rows >= maxLogRows ||
      2 * length >= maxLogBatches ||
      2 * logBytes >= maxLogBytes
    );
  }

  #onFlushed(memtable: LiveMemtable): void {
    this.#handler.onFlushed(memtable);
    // Emptying an arena takes milliseconds, which the next rotation need not wait for.
    setImmediate(() => {
      if (!this.#closed) this.#pool.reclaim(1);
    });
  }

  /** Has the active memtable become an SSTable by itself when it has reached its age. */
  #watchAge(): void {
    const { timers, memtableAgeMs } = this.#settings;
    const { active } = this.#memtables;
    if (this.#flushes === undefined || active === undefined) return;
    timers.clear(this.#ageTimer);
    const leftMs = Math.max(0, active.startedAt + memtableAgeMs - timers.now());
    this.#ageTimer = timers.set(() => this.#onAge(), leftMs, false);
  }

  /** One that is empty, or was not frozen, has its age again after as long. */
  #onAge(): void {
    this.#freezeForFlush();
    if (this.#memtables.active === undefined || this.#closing !== undefined) return;
    const { timers, memtableAgeMs } = this.#settings;
    this.#ageTimer = timers.set(() => this.#onAge(), memtableAgeMs, false);
  }

  /** While flushes fail one more would only take an arena: what there is stays open, until it is full. */
  #freezeForFlush(): void {
    const flushes = this.#flushes;
    if (flushes === undefined || flushes.failure !== undefined) return;
    if (this.failure !== undefined || this.#closing !== undefined) return;
    this.#endMemtable();
  }

  #makeLogRoom(): boolean {
    const flushes = this.#flushes;
    if (flushes === undefined || flushes.failure !== undefined || this.failure !== undefined) return false;
    if (!flushes.drains) this.#endMemtable();
    return flushes.drains;
  }

  /** Has what is appended, and staged, become an SSTable. */
  #endMemtable(): void {
    this.#handler.sealEntry();
    this.#memtables.freeze();
    this.#flushes?.tend();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new ClosedError("the writer is closed");
    if (this.failure !== undefined) throw this.failure;
  }
}

const NO_ROWS: PutRows = { kind: "batches", batches: [], rows: 0, bytes: 0 };
