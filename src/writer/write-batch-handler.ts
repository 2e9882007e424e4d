/**
 * The write-batch handler: the only caller of append. It takes puts from any number of callers in its thread, appends them in order,
 * groups them into entries of the log, and settles their promises.
 *
 * A put goes through these places, each bounded:
 *
 * ```
 *  gate ──▶ staged ──▶ open entry ──▶ sealed ──▶ in flight ──▶ settled
 *  waits    small puts  appended to    full,      handed to
 *  for room that become the memtable,  in order   the log,
 *           one batch   not in the log            at most 4
 * ```
 *
 * What finds the memory bound reached on its way from the stage waits there, `blocked`, and everything behind it at the gate, until a frozen
 * memtable is in an SSTable and released. What the log has no room for waits at the gate for the same.
 *
 * Group commit: a put that finds the log idle is written at the end of the turn of the event loop it came in, together with all that
 * came in that turn; what comes while an entry is being written shares the next one. No timer, unless an interval is asked for.
 *
 * When an entry fails the writer stops (invariant 9): what was in that entry fails with what is known of it, everything behind it
 * likewise. Nothing that was appended can be taken back, so only opening again, which replays the log, goes on from there.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import type { StorageRows } from "../arrow/rows/storage-rows.js";
import { ClosedError, ConflictError, FullError, StorageError } from "../errors.js";
import { type Counters, checkCounters, mergeCounters } from "./counters.js";
import { publishEvent } from "./events.js";
import type { HandlerOptions, HandlerStart } from "./handler-options.js";
import type { Appended, LiveMemtable, MemtableSet } from "./memtable-set.js";
import { OpenEntry } from "./open-entry.js";
import { formatPosition, ORIGIN, type Position } from "./position.js";
import { closedBy, failureOf } from "./put-failures.js";
import { assertFitsEntry, logProblem, type PutGroup } from "./put-group.js";
import type { PutOptions, PutRows } from "./put-options.js";
import type { ShardLog } from "./shard-log.js";
import { StagedRows, type StagedRowsSink } from "./staged-rows.js";
import type { Timers } from "./timers.js";
import { checkDurability, WaitingPut } from "./waiting-put.js";
import { WriterTally } from "./writer-tally.js";

/** A batch with fewer rows is joined with its neighbours. */
const SMALL_ROWS = 64;
/** Staged rows and bytes that are appended without waiting for the log. */
const MAX_STAGED_ROWS = 4_096;
const MAX_STAGED_BYTES = 1_048_576;
/** Behind every batch that an entry can have. */
const MAX_BATCH = 0xffffffff;
/** Puts whose promises are resolved in one turn of the event loop. */
const SETTLED_AT_ONCE = 128;
/** Entries handed to the log at once. */
const MAX_IN_FLIGHT = 4;

export class WriteBatchHandler {
  readonly #log: ShardLog;
  readonly #memtables: MemtableSet;
  readonly #options: HandlerOptions;
  readonly #timers: Timers;
  readonly #builder: StorageRows;
  readonly #staged: StagedRows;
  readonly #tally: WriterTally;
  readonly #gate: { readonly put: WaitingPut; readonly rows: PutRows }[] = [];
  /** Groups of batches that no memtable has memory for, in order. */
  readonly #blocked: PutGroup[] = [];
  readonly #sealed: OpenEntry[] = [];
  readonly #inFlight: OpenEntry[] = [];
  readonly #idle: (() => void)[] = [];
  /** Puts that are in the log, and have not been told so. */
  readonly #settling: WaitingPut[] = [];
  #settlesLater = false;
  #open: OpenEntry | undefined;
  #nextEntry: number;
  #newestEntry: number;
  #lastPosition: Position;
  #counters: Counters;
  #pendingPuts = 0;
  #unflushedBytes = 0;
  #kicked = false;
  #intervalTimer: unknown;
  #failure: Error | undefined;
  #closing = false;

  constructor(
    log: ShardLog,
    memtables: MemtableSet,
    schema: Schema,
    builder: StorageRows,
    start: HandlerStart,
    options: HandlerOptions,
    timers: Timers,
  ) {
    this.#log = log;
    this.#memtables = memtables;
    this.#options = options;
    this.#timers = timers;
    this.#builder = builder;
    this.#staged = new StagedRows(schema, builder);
    this.#tally = new WriterTally(start);
    this.#nextEntry = start.nextEntry;
    this.#newestEntry = start.nextEntry - 1;
    this.#lastPosition = start.nextEntry > 1 ? formatPosition(start.nextEntry - 1, MAX_BATCH) : ORIGIN;
    this.#counters = start.counters;
  }

  get counters(): Counters {
    return this.#counters;
  }

  get nextEntry(): number {
    return this.#nextEntry;
  }

  /** The newest entry that is in the log. */
  get newestEntry(): number {
    return this.#newestEntry;
  }

  get pendingPuts(): number {
    return this.#pendingPuts;
  }

  get unflushedBytes(): number {
    return this.#unflushedBytes;
  }

  get tally(): WriterTally {
    return this.#tally;
  }

  /** What the writer stopped for. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  put(rows: PutRows, options: PutOptions): Promise<Position> {
    const { signal, durability = "disk" } = options;
    try {
      signal?.throwIfAborted();
      checkDurability(durability);
      this.#assertOpen();
      if (options.counters !== undefined) checkCounters(options.counters);
      if (this.#pendingPuts >= this.#options.maxPendingPuts) {
        throw new FullError(`${this.#pendingPuts} puts are pending, as many as may be; wait for some`, "puts");
      }
    } catch (error) {
      return Promise.reject(error);
    }
    const put = new WaitingPut(durability, options.counters, signal, this.#onAbort);
    this.#pendingPuts++;
    if (this.#gate.length > 0 || !this.#hasRoom || this.#awaitsLogRoom(rows)) {
      if (this.#gate.length === 0) this.#publishStall();
      this.#enqueue(put, rows);
    } else {
      this.#admit(put, rows);
    }
    return put.promise;
  }

  /** Appends what has waited for memory. */
  #onMemory(): void {
    for (let group = this.#blocked[0]; group !== undefined && this.#failure === undefined; group = this.#blocked[0]) {
      try {
        if (!this.#tryAppend(group)) return;
      } catch (error) {
        for (const put of group.puts) this.#reject(put, error);
      }
      this.#blocked.shift();
    }
    this.#kick();
  }

  /** To be called when no memory can be expected to become free: what waits for that fails. */
  onNoMemory(cause: Error): void {
    const groups = this.#blocked.splice(0);
    const error = this.#memtables.noRoom("what drains them has failed", cause);
    for (const { puts } of groups) for (const put of puts) this.#reject(put, error);
    this.#kick();
  }

  /** To be called when the rows of the oldest memtable are in an SSTable: gives it up, and appends what has waited for memory. */
  onFlushed(memtable: LiveMemtable): void {
    const { rows, length } = memtable.store.snapshot();
    this.#log.dropMemtable(memtable.generation, memtable.entries.at(-1)?.entry ?? 0);
    this.#memtables.release(memtable);
    this.#tally.flushed(rows, length, memtable.logBytes);
    this.#onMemory();
  }

  /** Appends what is staged, and ends the entry it is in: then a memtable can be frozen. */
  sealEntry(): void {
    if (this.#failure !== undefined) return;
    this.#drain();
    this.#seal();
    this.#kick();
  }

  /** Resolves when nothing is pending any more; rejects with what the writer stopped for. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#flushNow();
    while (this.#failure === undefined && this.#isBusy()) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
    this.#timers.clear(this.#intervalTimer);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Stops the writer because of something outside: a lost thread. */
  fail(error: Error): void {
    this.#stop(error);
  }

  /** Rows are encoded now, so that they may be changed afterwards, and what is wrong with them is known. */
  #enqueue(put: WaitingPut, rows: PutRows): void {
    try {
      this.#gate.push({ put, rows: rows.kind === "rows" ? this.#encoded(rows) : rows });
    } catch (error) {
      this.#reject(put, error);
    }
  }

  #encoded({ encode }: PutRows & { readonly kind: "rows" }): PutRows {
    const builder = this.#builder.another();
    encode(builder);
    const { rows, bytes } = builder;
    return { kind: "batches", batches: rows === 0 ? [] : [builder.finish()], rows, bytes };
  }

  // --- gate and stage ----------------------------------------------------------------------------------------------

  #admit(put: WaitingPut, rows: PutRows): void {
    try {
      const problem = this.#logProblem(rows);
      if (problem !== undefined) throw problem;
      if (rows.rows === 0) this.#admitEmpty(put);
      else if (rows.kind === "rows") this.#stageRows(put, rows);
      else this.#stageBatches(put, rows);
    } catch (error) {
      this.#reject(put, error);
      return;
    }
    if (this.#staged.rows >= MAX_STAGED_ROWS || this.#staged.bytes >= MAX_STAGED_BYTES || put.durability === "memory") {
      this.#drain();
    }
    this.#kick();
  }

  #stageRows(put: WaitingPut, { rows, encode }: PutRows & { readonly kind: "rows" }): void {
    if (rows >= MAX_STAGED_ROWS) this.#drain();
    try {
      this.#staged.addRows(put, encode);
    } catch (error) {
      // What a builder has no room for may fit into an empty one.
      if (!(error instanceof FullError) || this.#staged.isEmpty) throw error;
      this.#drain();
      this.#staged.addRows(put, encode);
    }
  }

  #admitEmpty(put: WaitingPut): void {
    this.#drain();
    if (this.#blocked.length > 0) this.#blocked.push({ batches: [], rows: 0, puts: [put] });
    else this.#joinLast(put);
  }

  /** Without rows there is no entry; the put is done when those before it are. */
  #joinLast(put: WaitingPut): void {
    this.#counters = mergeCounters(this.#counters, [put]);
    const before = this.#open ?? this.#sealed.at(-1) ?? this.#inFlight.at(-1);
    if (before === undefined) {
      this.#settle(put, this.#lastPosition);
      return;
    }
    before.puts.push(put);
    put.appended(this.#lastPosition);
  }

  #stageBatches(put: WaitingPut, { batches, rows, bytes }: PutRows & { readonly kind: "batches" }): void {
    const [first] = batches;
    if (batches.length === 1 && first !== undefined && rows < SMALL_ROWS && bytes < MAX_STAGED_BYTES) {
      this.#staged.addBatch(put, first, bytes);
      return;
    }
    this.#drain();
    this.#append({ batches, rows, puts: [put] });
  }

  /** Appends what is staged. */
  #drain(): void {
    this.#staged.drain(this.#sink);
  }

  readonly #sink: StagedRowsSink = {
    append: (batch, puts) => this.#append({ batches: [batch], rows: batch.numRows, puts }),
    reject: (puts, reason) => {
      for (const put of puts) this.#reject(put, reason);
    },
  };

  /** @throws FullError, UsageError; nothing was appended then */
  #append(group: PutGroup): void {
    assertFitsEntry(group);
    if (this.#blocked.length === 0 && this.#tryAppend(group)) return;
    if (!this.#options.drains()) throw this.#memtables.noRoom("nothing drains them: open with a larger maxMemoryBytes");
    if (this.#blocked.length === 0) this.#publishStall();
    this.#blocked.push(group);
  }

  /** @returns false when the memory bound is reached */
  #tryAppend({ batches, rows, puts }: PutGroup): boolean {
    if (batches.length === 0) {
      for (const put of puts) this.#joinLast(put);
      return true;
    }
    const counters = mergeCounters(this.#counters, puts);
    const appended = this.#memtables.append(batches);
    if (appended === undefined) return false;
    const entry = this.#entryFor(appended, rows);
    const durable = puts.some((put) => put.durability === "disk");
    entry.add(appended, rows, durable);
    this.#unflushedBytes += appended.arenaBytes;
    this.#tally.appendedRows(rows, appended);
    this.#lastPosition = formatPosition(entry.entry, appended.to - 1 - entry.from);
    this.#counters = counters; // behind `#entryFor`, which may have sealed an entry without these rows
    for (const put of puts) {
      entry.puts.push(put);
      put.appended(this.#lastPosition);
    }
    if (entry.arenaBytes >= this.#options.flushBytes) this.#seal();
    return true;
  }

  #entryFor(appended: Appended, rows: number): OpenEntry {
    if (this.#open !== undefined && !this.#open.hasRoomFor(appended, rows)) this.#seal();
    this.#open ??= new OpenEntry(this.#nextEntry++, appended.memtable, appended.from, this.#timers.now());
    return this.#open;
  }

  #seal(): void {
    if (this.#open === undefined) return;
    this.#timers.clear(this.#intervalTimer);
    this.#intervalTimer = undefined;
    this.#open.seal(this.#counters);
    this.#sealed.push(this.#open);
    this.#open = undefined;
    this.#pump();
  }

  // --- to the log --------------------------------------------------------------------------------------------------

  /** Has the log be fed at the end of this turn of the event loop, behind all puts that are made in it. */
  #kick(): void {
    if (this.#kicked) return;
    this.#kicked = true;
    // A tick that is asked for among microtasks comes when all of them have run.
    queueMicrotask(() => process.nextTick(this.#onTurnEnd));
  }

  readonly #onTurnEnd = (): void => {
    this.#kicked = false;
    if (this.#failure !== undefined) return;
    this.#openGate();
    this.#feed();
    if (!this.#isBusy()) for (const resolve of this.#idle.splice(0)) resolve();
  };

  /** Hands the open entry to the log if that is idle and need not wait for more. */
  #feed(): void {
    if (this.#inFlight.length > 0 || this.#sealed.length > 0) return;
    const { flushIntervalMs } = this.#options;
    if (flushIntervalMs > 0 && !this.#closing && this.#gate.length === 0) {
      const since = this.#open?.startedAt ?? this.#timers.now();
      const waitMs = since + flushIntervalMs - this.#timers.now();
      if (waitMs > 0) {
        if (this.#open !== undefined || !this.#staged.isEmpty) {
          this.#intervalTimer ??= this.#timers.set(this.#onInterval, waitMs, true);
        }
        return;
      }
    }
    this.#drain();
    this.#seal();
  }

  readonly #onInterval = (): void => {
    this.#intervalTimer = undefined;
    if (this.#failure === undefined) this.#flushNow();
  };

  /** Hands over everything there is, whatever the interval. */
  #flushNow(): void {
    if (this.#failure !== undefined) return;
    this.#drain();
    this.#seal();
    this.#kick();
  }

  #pump(): void {
    while (this.#inFlight.length < MAX_IN_FLIGHT) {
      const entry = this.#sealed.shift();
      if (entry === undefined) return;
      this.#inFlight.push(entry);
      const start = this.#timers.now();
      this.#log.append(entry.plan).then(
        (bytes) => this.#onWritten(entry, bytes, this.#timers.now() - start),
        (error: unknown) => this.#stop(error),
      );
    }
  }

  #onWritten(entry: OpenEntry, bytes: number, elapsedMs: number): void {
    if (this.#failure !== undefined) return;
    this.#inFlight.shift();
    this.#unflushedBytes -= entry.arenaBytes;
    this.#newestEntry = entry.entry;
    entry.memtable.logBytes += bytes;
    this.#tally.writtenEntry(entry.rows, bytes, elapsedMs);
    publishEvent("flush", { entry: entry.entry, rows: entry.rows, bytes, milliseconds: elapsedMs });
    this.#settling.push(...entry.puts);
    this.#settleSome();
    this.#options.onWritten(entry.memtable);
    this.#pump();
    this.#kick();
  }

  #openGate(): void {
    while (this.#hasRoom) {
      const [next] = this.#gate;
      if (next === undefined || this.#awaitsLogRoom(next.rows)) return;
      if (this.#gate[0] !== next) continue; // making room may run code that ends its wait
      this.#gate.shift(); // before it is admitted: that may do the same to another one
      this.#admit(next.put, next.rows);
    }
  }

  /** Whether a put need not wait. */
  get #hasRoom(): boolean {
    return this.#blocked.length === 0 && this.#unflushedBytes < this.#options.maxUnflushedBytes;
  }

  /** Whether a put has to wait until the log holds less. */
  #awaitsLogRoom(put: PutRows): boolean {
    return this.#logProblem(put) !== undefined && this.#options.makeLogRoom();
  }

  #publishStall(): void {
    const { usedBytes } = this.#memtables;
    publishEvent("stall", {
      unflushedBytes: this.#unflushedBytes,
      pendingPuts: this.#pendingPuts,
      memoryBytes: usedBytes,
    });
  }

  // --- settling ----------------------------------------------------------------------------------------------------

  /** Those who wait go on in this very turn: so not for all of a large entry at once. */
  #settleSome(): void {
    for (const put of this.#settling.splice(0, SETTLED_AT_ONCE)) this.#settle(put, put.position ?? this.#lastPosition);
    if (this.#settling.length === 0 || this.#settlesLater) return;
    this.#settlesLater = true;
    setImmediate(() => {
      this.#settlesLater = false;
      this.#settleSome();
      this.#kick();
    });
  }

  #settle(put: WaitingPut, position: Position): void {
    this.#pendingPuts--;
    put.resolve(position);
  }

  #reject(put: WaitingPut, error: unknown): void {
    this.#pendingPuts--;
    put.reject(error);
  }

  readonly #onAbort = (put: WaitingPut): void => {
    const waiting = put.position === undefined ? this.#gate.findIndex((entry) => entry.put === put) : -1;
    if (waiting >= 0) {
      this.#gate.splice(waiting, 1);
      this.#pendingPuts--;
      put.rejectAborted();
      return;
    }
    if (this.#takeBlocked(put)) {
      this.#pendingPuts--;
      put.rejectAborted();
      return;
    }
    if (put.position === undefined) this.#drain(); // its rows cannot be taken back out of what is staged
    put.abandon();
  };

  /** Takes a put that has a blocked group of its own out of it; not one that was joined with others. */
  #takeBlocked(put: WaitingPut): boolean {
    const at = this.#blocked.findIndex(({ puts }) => puts.length === 1 && puts[0] === put);
    if (at < 0) return false;
    this.#blocked.splice(at, 1);
    this.#kick();
    return true;
  }

  /** Stops the writer: everything that is pending fails, with what is known of it. */
  #stop(error: unknown): void {
    if (this.#failure !== undefined) return;
    const failure = error instanceof Error ? error : new StorageError(String(error));
    this.#failure = failure;
    publishEvent(failure instanceof ConflictError || failure.cause instanceof ConflictError ? "fence" : "error", {
      error: failure,
    });
    for (const entry of [...this.#inFlight.splice(0), ...this.#sealed.splice(0)]) {
      for (const put of entry.puts) this.#reject(put, failureOf(failure, put));
    }
    for (const put of this.#open?.puts ?? []) this.#reject(put, failureOf(failure, put));
    this.#open = undefined;
    for (const { puts } of this.#blocked.splice(0)) for (const put of puts) this.#reject(put, failureOf(failure, put));
    for (const put of this.#staged.clear()) this.#reject(put, failureOf(failure, put));
    for (const { put } of this.#gate.splice(0)) this.#reject(put, failureOf(failure, put));
    this.#unflushedBytes = 0;
    this.#options.onStopped(failure);
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #isBusy(): boolean {
    return (
      this.#gate.length > 0 ||
      this.#blocked.length > 0 ||
      !this.#staged.isEmpty ||
      this.#open !== undefined ||
      this.#sealed.length > 0 ||
      this.#inFlight.length > 0 ||
      this.#settling.length > 0
    );
  }

  #assertOpen(): void {
    if (this.#failure !== undefined) throw closedBy(this.#failure);
    if (this.#closing) throw new ClosedError("the writer is closed");
  }

  /** Why the log has no room for a put, undefined when it has. What is staged will be in the log too. */
  #logProblem(put: PutRows): FullError | undefined {
    if (put.rows === 0) return undefined;
    const { maxLogRows, maxLogBatches, maxLogBytes } = this.#options;
    const { logRows, logBatches, logBytes } = this.#tally;
    const staged = this.#staged;
    const batches = put.kind === "batches" ? put.batches.length : 1;
    return (
      logProblem(logRows + staged.rows, put.rows, maxLogRows, "rows") ??
      logProblem(logBatches + (staged.isEmpty ? 0 : 1), batches, maxLogBatches, "batches") ??
      // How many bytes the put will take is known once it is laid out.
      logProblem(logBytes + this.#unflushedBytes + staged.bytes, 1, maxLogBytes, "bytes")
    );
  }
}
