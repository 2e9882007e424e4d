/**
 * The shard writer: the one live writer of a shard. Rows put into it are in shared memory that every thread can read, and in a log that
 * survives.
 *
 * `open` claims the shard, replays what its SSTables do not cover, and only then takes puts. See `write-batch-handler.ts` for the way of
 * a put, `log-core.ts` for the order of events of an entry, `docs/writer.md` for use.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { MessageChannel } from "node:worker_threads";
import type { Schema } from "apache-arrow";
import { StorageRows } from "../arrow/rows/storage-rows.js";
import { decodeSchemaMessage, encodeSchemaMessage, normaliseSchema } from "../arrow/schema.js";
import type { SchemaLike } from "../arrow/shape.js";
import { ClosedError, UsageError } from "../errors.js";
import { storageSchema } from "../lance/storage-schema.js";
import { ENTRY_BOUNDS } from "../lance/wal-entry.js";
import type { ObjectStore } from "../storage/object-store.js";
import { LogCore } from "./log-core.js";
import { LogThread } from "./log-thread.js";
import { type Memtable, MemtableSet } from "./memtable-set.js";
import type { Position } from "./position.js";
import type { ProducerHandle } from "./producer-messages.js";
import { ProducerPort } from "./producer-port.js";
import { deleteRows, putRows, type RowsInput } from "./put-rows.js";
import type { LogOptions, OpenedLog, ShardLog } from "./shard-log.js";
import { StorageBatches } from "./storage-batch.js";
import { systemTimers, type Timers } from "./timers.js";
import { type PutOptions, WriteBatchHandler } from "./write-batch-handler.js";

const MIB = 2 ** 20;
/** Room in an entry for header and dictionaries. */
const ENTRY_MARGIN_BYTES = MIB;

/** How a shard is opened for writing. */
export interface ShardWriterOptions {
  /**
   * Where the log is: the shard's directory, then a thread of ours reads and writes it; or any object store rooted there, which this
   * thread then calls, and which is closed with the writer.
   */
  readonly log: { readonly directory: string } | { readonly store: ObjectStore };
  /** UUID of the shard, as text. */
  readonly shardId: string;
  /** Schema of the table. */
  readonly schema: SchemaLike;
  /** Names of the key columns, in order. */
  readonly primaryKey: readonly string[];
  /** Bytes of shared memory of each memtable, 64 KiB to 4 GiB; untouched ones cost nothing. @default 256 MiB */
  readonly memtableBytes?: number;
  /** Batches of each memtable. @default 16,384 */
  readonly memtableBatches?: number;
  /** Bytes that all memtables may take together; twice as much while replaying. @default 1 GiB */
  readonly maxMemoryBytes?: number;
  /** Bytes appended and not in the log yet, above which puts wait. @default 64 MiB */
  readonly maxUnflushedBytes?: number;
  /** Puts whose promises may be pending; one more is `Full`. @default 1,048,576 */
  readonly maxPendingPuts?: number;
  /** Rows that the log may hold beyond what SSTables cover; LanceDB must be able to replay them. @default no limit */
  readonly maxLogRows?: number;
  /** The same for batches. @default no limit */
  readonly maxLogBatches?: number;
  /** The same for bytes. @default no limit */
  readonly maxLogBytes?: number;
  /** Least milliseconds from the first put of an entry to its write, for stores where each entry costs money. @default 0 */
  readonly flushIntervalMs?: number;
  /** Bytes at which an entry is written without waiting for the interval, or for the one before it. @default 8 MiB */
  readonly flushBytes?: number;
  /** The clock. @default the system's */
  readonly timers?: Timers;
  /** 32 hexadecimal digits that no other writer has. @default random */
  readonly writerId?: string;
}

/** What a writer tells of itself. */
export interface WriterStats {
  readonly epoch: number;
  /** WAL position of the next entry. */
  readonly nextEntry: number;
  readonly memtables: number;
  /** Bytes of memory that they take. */
  readonly memoryBytes: number;
  readonly pendingPuts: number;
  /** Bytes appended and not in the log yet. */
  readonly unflushedBytes: number;
  /** In the log beyond what SSTables cover. */
  readonly log: { readonly rows: number; readonly batches: number; readonly bytes: number };
  /** By this writer: entries, what was in them, time from hand-over to acknowledgement in all and at most. */
  readonly written: WriteBatchHandler["tally"]["written"];
  /** When it was opened. */
  readonly replayed: OpenedLog["replayed"];
}

export class ShardWriter {
  /** Schema of the table. */
  readonly schema: Schema;
  /** The same with `_tombstone` behind it: what memtables and entries hold. */
  readonly storageSchema: Schema;
  readonly primaryKey: readonly string[];
  /** Of this writer's claim. */
  readonly epoch: number;
  readonly #log: ShardLog;
  readonly #memtables: MemtableSet;
  readonly #handler: WriteBatchHandler;
  readonly #batches: StorageBatches;
  readonly #replayed: OpenedLog["replayed"];
  readonly #countersOutdated: boolean;
  readonly #maxPendingPuts: number;
  readonly #producers = new Set<ProducerPort>();
  #closing: Promise<void> | undefined;
  #closed = false;

  private constructor(
    schemas: { readonly schema: Schema; readonly storage: Schema; readonly primaryKey: readonly string[] },
    settings: Settings,
    log: ShardLog,
    opened: OpenedLog,
  ) {
    this.schema = schemas.schema;
    this.storageSchema = schemas.storage;
    this.primaryKey = schemas.primaryKey;
    this.epoch = opened.epoch;
    this.#log = log;
    this.#replayed = opened.replayed;
    this.#countersOutdated = opened.countersOutdated;
    this.#maxPendingPuts = settings.maxPendingPuts;
    this.#batches = new StorageBatches(schemas.schema, schemas.storage);
    const maxGroupBytes = ENTRY_BOUNDS.bytes - ENTRY_MARGIN_BYTES;
    this.#memtables = new MemtableSet(schemas.storage, settings, maxGroupBytes, (number, handle) =>
      log.addMemtable(number, handle),
    );
    this.#memtables.adopt(opened.memtables);
    const builder = new StorageRows(schemas.storage, schemas.primaryKey, { table: schemas.schema });
    log.onFailure((error) => this.#handler.fail(error));
    const start = { nextEntry: opened.nextEntry, counters: opened.counters, ...opened.replayed };
    this.#handler = new WriteBatchHandler(
      log,
      this.#memtables,
      schemas.storage,
      builder,
      start,
      settings,
      settings.timers,
    );
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
    const logOptions: LogOptions = {
      shardId: options.shardId,
      schemaMessage,
      memtableBytes: settings.memtableBytes,
      memtableBatches: settings.memtableBatches,
      maxMemoryBytes: 2 * settings.maxMemoryBytes,
    };
    const log: ShardLog =
      "store" in options.log
        ? new LogCore(options.log.store, logOptions, settings.writerId, settings.timers)
        : new LogThread({ directory: options.log.directory, options: logOptions, writerId: settings.writerId });
    try {
      const opened = await log.open();
      const storage = decodeSchemaMessage(schemaMessage);
      return new ShardWriter({ schema, storage, primaryKey }, settings, log, opened);
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
  get memtables(): readonly Memtable[] {
    return this.#memtables.all;
  }

  /** What the writer stopped for, undefined while it works. */
  get failure(): Error | undefined {
    return this.#handler.failure;
  }

  /** False while as many puts are pending as there may be: one more would be `Full`. */
  get hasRoom(): boolean {
    return this.#handler.pendingPuts < this.#maxPendingPuts;
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
    return {
      epoch: this.epoch,
      nextEntry,
      memtables: this.#memtables.all.length,
      memoryBytes: this.#memtables.usedBytes,
      pendingPuts,
      unflushedBytes,
      log: { rows: tally.logRows, batches: tally.logBatches, bytes: tally.logBytes },
      written: tally.written,
      replayed: this.#replayed,
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
    try {
      await this.#handler.close();
    } finally {
      await Promise.all([...this.#producers].map((producer) => producer.close()));
      try {
        await this.#log.close();
      } finally {
        this.#closed = true;
        this.#memtables.close();
      }
    }
  }
}

/** What of a writer's options is a setting: all but what it writes, and where. */
export type WriterSettings = Omit<ShardWriterOptions, "log" | "shardId" | "schema" | "primaryKey">;

/** Checks settings as `ShardWriter.open` does. @throws UsageError when one is out of its bounds */
export function checkWriterSettings(settings: WriterSettings): void {
  settingsOf(settings);
}

type Settings = ReturnType<typeof settingsOf>;

function settingsOf(options: WriterSettings) {
  const memtableBytes = within("memtableBytes", options.memtableBytes ?? 256 * MIB, 65_536, 2 ** 32);
  const writerId = options.writerId ?? randomBytes(16).toString("hex");
  if (!/^[0-9a-f]{32}$/.test(writerId)) {
    throw new UsageError(`writerId is ${JSON.stringify(writerId)}; expected 32 hexadecimal digits`);
  }
  const most = Number.MAX_SAFE_INTEGER;
  return {
    memtableBytes,
    memtableBatches: within("memtableBatches", options.memtableBatches ?? 16_384, 1, 2 ** 27),
    maxMemoryBytes: within(
      "maxMemoryBytes",
      options.maxMemoryBytes ?? Math.max(1024 * MIB, memtableBytes),
      memtableBytes,
      most,
    ),
    maxUnflushedBytes: within("maxUnflushedBytes", options.maxUnflushedBytes ?? 64 * MIB, 1, most),
    maxPendingPuts: within("maxPendingPuts", options.maxPendingPuts ?? 1_048_576, 1, most),
    maxLogRows: within("maxLogRows", options.maxLogRows ?? most, 1, most),
    maxLogBatches: within("maxLogBatches", options.maxLogBatches ?? most, 1, most),
    maxLogBytes: within("maxLogBytes", options.maxLogBytes ?? most, 1, most),
    flushIntervalMs: within("flushIntervalMs", options.flushIntervalMs ?? 0, 0, 2 ** 31 - 1),
    flushBytes: within("flushBytes", options.flushBytes ?? 8 * MIB, 1, ENTRY_BOUNDS.bytes),
    timers: options.timers ?? systemTimers,
    writerId,
  };
}

function within(option: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`${option} is ${String(value)}; expected a whole number from ${least} to ${most}`);
}
