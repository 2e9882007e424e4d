/**
 * A table that is open: put, delete, get, scan, follow.
 *
 * @module
 */
import type { RecordBatch, Schema } from "apache-arrow";
import type { CompactionResult } from "../compact/compactor-options.js";
import type { GarbageReport } from "../compact/garbage-options.js";
import type { OptimizeOutcome } from "../compact/optimize-outcome.js";
import { ClosedError, UsageError } from "../errors.js";
import { checkScanOptions, type ScanOptions } from "../scan/scan-snapshot.js";
import type { Position } from "../writer/position.js";
import type { ProducerHandle } from "../writer/producer-messages.js";
import { addColumns, type NewColumn } from "./add-columns.js";
import type { Change } from "./change.js";
import { type FollowOptions, followTable } from "./follow-table.js";
import { assertKnownOptions } from "./known-options.js";
import { namedFailure } from "./named-failure.js";
import type { OpenShard } from "./open-shard.js";
import type { Lease } from "./open-writers.js";
import { isCut, putIterable } from "./put-iterable.js";
import { countShard, lookUpShard, scanShard } from "./read-shard.js";
import type { SharedShard } from "./shared-shard.js";
import { tableStats } from "./table-stats.js";
import {
  type ChangedRow,
  OPTIONS,
  type ProducerOptions,
  type PutOptions,
  type PutRows,
  type TableStats,
  writerOptions,
} from "./table-types.js";

/**
 * @typeParam R a row that is read
 * @typeParam I a row that is put
 * @typeParam K a key
 */
export class Table<R = Record<string, unknown>, I = Readonly<Record<string, unknown>>, K = unknown> {
  readonly #lease: Lease<SharedShard>;
  readonly #closed = new AbortController();
  #pending = 0;
  #drained: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  /** Use `openTable`. */
  constructor(lease: Lease<SharedShard>) {
    this.#lease = lease;
  }

  /** Its directory, an absolute path. */
  get directory(): string {
    return this.#shard.table.tableDirectory;
  }

  /** Its columns. */
  get schema(): Schema {
    return this.#shard.table.schema;
  }

  /** Names of the key columns, in order: `_row_id` for a table that has no key of its own. */
  get primaryKey(): readonly string[] {
    return this.#shard.table.primaryKey;
  }

  /**
   * Puts rows; a row with the key of an earlier one replaces it whole. A row, an array, a batch or a table is put atomically: all of it is
   * seen, and survives, or nothing. An iterable, synchronous or not, is cut into several puts; when one of them fails, those before it
   * are in the table.
   *
   * Batches must not be changed before the promise settles. Puts take effect in the order of the calls.
   *
   * @returns the position of the (last) put, once what `durability` asks for is true
   * @throws UsageError when a row is not what the schema says; nothing was written
   * @throws FullError when the put is too large (100,000 rows, 63 MiB), or a bound is reached and nothing drains; nothing was written
   * @throws ConflictError when another process has taken the table over; nothing was written
   * @throws OutcomeUnknownError when it is not known whether the rows were written; it carries their position
   * @throws StorageError, RetryableError when the log could not be written: nothing was, and the table must be opened again
   * @throws ClosedError when the table is closed, or its writer has stopped
   */
  async put(rows: PutRows<I>, options: PutOptions = {}): Promise<Position> {
    this.#assertOpen();
    assertKnownOptions("put", options, OPTIONS.put);
    return this.#tracked(isCut(rows) ? this.#putIterable(rows, options) : this.#putAtomic(rows, options));
  }

  /**
   * Deletes the rows with these keys, atomically. A key that is not there is no error. Throws as {@link put} does.
   *
   * @param keys values of the key column; for several key columns, arrays of their values or objects
   */
  async delete(keys: readonly K[], options: PutOptions = {}): Promise<Position> {
    this.#assertOpen();
    assertKnownOptions("delete", options, OPTIONS.put);
    return this.#tracked(this.#lease.opened.put({ keys }, writerOptions(options)));
  }

  /**
   * The row with this key, as it was put last, wherever it is by now; undefined when there is none, or it was deleted. Sees every put that has
   * resolved, and those before it.
   *
   * @throws UsageError when it is not a key of this table
   */
  async get(key: K, options: { readonly signal?: AbortSignal } = {}): Promise<R | undefined> {
    this.#assertOpen();
    assertKnownOptions("get", options, OPTIONS.get);
    options.signal?.throwIfAborted();
    return (await this.#lookUp([key], options.signal))[0];
  }

  /** As {@link get}, for several keys at once: a row or undefined for each, in their order. */
  async getMany(keys: readonly K[], options: { readonly signal?: AbortSignal } = {}): Promise<(R | undefined)[]> {
    this.#assertOpen();
    assertKnownOptions("getMany", options, OPTIONS.get);
    return this.#lookUp(keys, options.signal);
  }

  /**
   * The rows as Arrow record batches, newest tiers first: of each key the newest row, deleted ones left out, as of the moment when the first
   * batch is asked for. The batches are copies: they stay as they are.
   *
   * @throws UsageError when an option is wrong
   */
  scan(options: ScanOptions = {}): AsyncGenerator<RecordBatch, void> {
    this.#assertOpen();
    assertKnownOptions("scan", options, OPTIONS.scan);
    checkScanOptions(this.schema, options);
    return scanShard(this.#shard, options, this.#closed.signal);
  }

  /** How many rows there are, exactly. Where there are newer rows, the keys of the base table are read. */
  async count(options: { readonly signal?: AbortSignal } = {}): Promise<number> {
    this.#assertOpen();
    assertKnownOptions("count", options, OPTIONS.get);
    const { signal } = options;
    const ends = signal === undefined ? [this.#closed.signal] : [this.#closed.signal, signal];
    return countShard(this.#shard, signal, ends);
  }

  /**
   * What happens to the table from `from` on, puts and deletes in order, each once it is in the log; ends when the table is closed. Whoever
   * keeps the position of the last change he has dealt with, and follows from there, misses nothing.
   *
   * @throws UsageError when `from` is no position
   * @throws GoneError when `from` is ahead of the log; the first step throws it when the rows behind `from` are not in the log any more
   */
  follow(options: FollowOptions = {}): AsyncGenerator<Change<ChangedRow<R>>, void> {
    this.#assertOpen();
    assertKnownOptions("follow", options, OPTIONS.follow);
    return followTable<ChangedRow<R>>(this.#lease.opened.followed(this.#closed.signal), options);
  }

  /**
   * A handle with which another thread puts into this table: `worker.postMessage(handle, [handle.port])` there, and
   * `Producer.attach(handle)` in the worker. For one thread; it serves until the table is closed in this one.
   *
   * @throws UsageError when an option is wrong, or the table is append-only: its numbers are given in this thread
   */
  producer(options: ProducerOptions = {}): ProducerHandle {
    this.#assertOpen();
    assertKnownOptions("producer", options, OPTIONS.producer);
    const { writer, rowIds } = this.#shard;
    if (rowIds !== undefined) {
      throw new UsageError(
        "an append-only table numbers its rows in the thread that has it open; expected a table with a primary key, or puts in this thread",
      );
    }
    return writer.producer(options);
  }

  /** What the table tells of itself, as of now. */
  stats(): TableStats {
    this.#assertOpen();
    return tableStats(this.#lease.opened);
  }

  /**
   * Has everything that was put so far become SSTables, which any LanceDB reads; resolves when they are published. It happens by itself, when
   * a memtable is full or has its age.
   *
   * @throws UsageError when the table was opened with `maintenance: false`; what the flush has failed with, and then it is tried again
   */
  async flush(): Promise<void> {
    await this.#use(({ writer }) => writer.flush());
  }

  /**
   * Flushes, and merges all SSTables into the base table. It happens by itself, by the thresholds of `maintenance`.
   *
   * @throws as {@link flush}; ConflictError when others have changed the base table in a way that cannot be merged with
   */
  async compact(): Promise<CompactionResult> {
    await this.flush();
    return this.#use(({ maintained }) => maintained.compact());
  }

  /** Removes files that nobody needs any more. It happens by itself, every minute. */
  async collect(): Promise<GarbageReport> {
    return this.#use(({ maintained }) => maintained.collect());
  }

  /** Has LanceDB join small fragments of the base table, bring its indexes up to date, and remove old versions. It happens by itself. */
  async optimize(): Promise<OptimizeOutcome> {
    return this.#use(({ maintained }) => maintained.optimize());
  }

  /** Nothing is merged, collected or optimized by itself until {@link resumeMaintenance}; flushes go on, as puts need their memory. */
  async pauseMaintenance(): Promise<void> {
    await this.#use(({ maintained }) => maintained.pause());
  }

  async resumeMaintenance(): Promise<void> {
    await this.#use(({ maintained }) => maintained.resume());
  }

  /**
   * Adds columns. Everything is merged into the base table first; puts that are made meanwhile wait, checked against the columns as they
   * were, and are put in their order; reads go on. The rows that are there get the value of the SQL expression, rows that are put without
   * the column null. It is a table with another type then: open it again with its new `schema` to have TypeScript know.
   *
   * @throws UsageError when a name is taken, LanceDB does not understand the expression, other threads have producers of this table, or it
   * was opened with `maintenance: false`: nothing was changed; else as {@link compact}
   */
  async addColumns(columns: readonly NewColumn[]): Promise<void> {
    this.#assertOpen();
    await this.#tracked(addColumns(this.#lease.opened, columns));
  }

  /**
   * Waits for all puts made so far and closes. A put of an iterable begins no more of its puts: it rejects with `ClosedError`, and what was
   * begun is in the table. The last one that closes the table in this thread gives up its place as the owner.
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

  get #shard(): OpenShard {
    return this.#lease.opened.current;
  }

  async #close(): Promise<void> {
    this.#closed.abort(new ClosedError("the table is closed"));
    if (this.#pending > 0) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    await this.#lease.release();
  }

  async #lookUp(keys: readonly K[], signal: AbortSignal | undefined): Promise<(R | undefined)[]> {
    signal?.throwIfAborted();
    const rows = await lookUpShard(this.#shard, keys, signal);
    return rows as (R | undefined)[]; // the schema's, which the type was made of
  }

  async #putIterable(rows: Iterable<unknown> | AsyncIterable<unknown>, options: PutOptions): Promise<Position> {
    const { signal } = options;
    const last = await putIterable(rows, {
      put: (some) => this.#putAtomic(some, options),
      hasRoom: () => this.#lease.opened.hasRoom,
      signals: signal === undefined ? [this.#closed.signal] : [this.#closed.signal, signal],
    });
    return last ?? this.#putAtomic([], options);
  }

  #putAtomic(rows: unknown, options: PutOptions): Promise<Position> {
    return this.#lease.opened.putRows(rows, writerOptions(options));
  }

  /** Does something with the shard, for which `close` waits. */
  async #use<T>(action: (shard: OpenShard) => Promise<T>): Promise<T> {
    this.#assertOpen();
    return this.#tracked(this.#lease.opened.use(action));
  }

  /** Counts a call until it is done, for `close` to wait for. */
  async #tracked<T>(call: Promise<T>): Promise<T> {
    this.#pending++;
    try {
      return await call;
    } catch (error) {
      throw namedFailure(error, this.directory);
    } finally {
      if (--this.#pending === 0) this.#drained?.();
    }
  }

  #assertOpen(): void {
    this.#closed.signal.throwIfAborted();
  }
}
