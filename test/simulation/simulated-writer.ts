/**
 * A process of a simulation that opens the shard, puts rows into it, and ends: in good order, or not.
 *
 * @module
 */
import {
  ClosedError,
  ConflictError,
  FullError,
  OutcomeUnknownError,
  RetryableError,
  StorageError,
  UsageError,
} from "../../src/errors.js";
import type { ObjectStore } from "../../src/storage/object-store.js";
import type { RowsInput } from "../../src/writer/put-rows.js";
import { ShardWriter } from "../../src/writer/shard-writer.js";
import type { Timers } from "../../src/writer/timers.js";
import type { Durability } from "../../src/writer/waiting-put.js";
import { describe, type History, type Put } from "./history.js";
import type { WriterSettings } from "./profile.js";
import { schema } from "./rows.js";
import { shortKey } from "./scheduler.js";

export const SHARD_ID = "aa48498d-ac91-59e2-8452-69f46010ace2";

/** What is put, and how. */
export interface PutRequest {
  readonly kind: "rows" | "keys";
  readonly input: RowsInput;
  readonly rows: number;
  readonly durability: Durability;
  readonly counters: ReadonlyMap<string, bigint>;
  readonly abort: AbortController | undefined;
  /** Whether the rows are not what the schema says. */
  readonly malformed: boolean;
}

/** What a writer tells the simulation. */
export interface WriterEvents {
  note(line: string): void;
  opened(writer: SimulatedWriter): void;
  openFailed(writer: SimulatedWriter, error: unknown): void;
  acknowledged(writer: SimulatedWriter, put: Put): void;
  putFailed(error: unknown): void;
  /** With a class that says nothing was written, because another writer has claimed the shard. */
  conflict(writer: SimulatedWriter, error: ConflictError): void;
  /** For no reason that the caller gave. */
  failed(writer: SimulatedWriter, error: Error): void;
  closed(writer: SimulatedWriter): void;
  violation(message: string): void;
}

const NOTHING_WRITTEN = [UsageError, FullError, RetryableError, ConflictError, StorageError, ClosedError];

export class SimulatedWriter {
  readonly name: string;
  readonly #history: History;
  readonly #events: WriterEvents;
  readonly #pending = new Map<Put, PutRequest>();
  #hasFailed = false;
  #state: "opening" | "open" | "closing" | "ended" = "opening";
  #writer: ShardWriter | undefined;
  /** Puts that its open has replayed. */
  replayed: ReadonlySet<Put> = new Set();

  constructor(name: string, history: History, events: WriterEvents) {
    this.name = name;
    this.#history = history;
    this.#events = events;
  }

  get state(): "opening" | "open" | "closing" | "ended" {
    return this.#state;
  }

  /** Undefined unless it is open. */
  get writer(): ShardWriter | undefined {
    return this.#writer;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** Puts in progress that can be aborted. */
  get abortable(): AbortController[] {
    return [...this.#pending.values()].flatMap(({ abort }) =>
      abort === undefined || abort.signal.aborted ? [] : abort,
    );
  }

  open(store: ObjectStore, timers: Timers, writerId: string, settings: WriterSettings): void {
    ShardWriter.open({ ...settings, log: { store }, shardId: SHARD_ID, schema, primaryKey: ["id"], timers, writerId })
      .then((writer) => {
        this.#writer = writer;
        this.#state = "open";
        this.#events.note(`${this.name}: open with epoch ${writer.epoch}, next entry ${writer.stats().nextEntry}`);
        this.#events.opened(this);
      })
      .catch((error: unknown) => {
        this.#state = "ended";
        this.#events.note(`${this.name}: open failed: ${nameOf(error)}`);
        this.#events.openFailed(this, error);
      });
  }

  put(request: PutRequest): void {
    const writer = this.#writer;
    if (writer === undefined) throw new Error(`${this.name} is not open`);
    const { rows, durability, counters, abort } = request;
    const put = this.#history.begin({
      writer: this.name,
      epoch: writer.epoch,
      rows,
      deletes: request.kind === "keys",
      durability,
      counters,
    });
    this.#events.note(`${this.name}: ${describe(put)}`);
    this.#pending.set(put, request);
    const options = abort === undefined ? { durability, counters } : { durability, counters, signal: abort.signal };
    const { input } = request;
    const promise =
      request.kind === "keys" && Array.isArray(input) ? writer.delete(input, options) : writer.put(input, options);
    promise.then(
      (position) => this.#onAcknowledged(put, position, request),
      (error: unknown) => this.#onFailed(put, error, request),
    );
  }

  /** Closes it in good order. */
  close(): void {
    this.#state = "closing";
    this.#events.note(`${this.name}: close`);
    this.#writer?.close().then(
      () => this.#onClosed(undefined),
      (error: unknown) => this.#onClosed(error),
    );
  }

  /** Ends it as if its process was killed. */
  kill(): void {
    this.#state = "ended";
    this.#pending.clear();
    this.#history.gone(this.name);
  }

  #onAcknowledged(put: Put, position: string, { malformed }: PutRequest): void {
    if (this.#state === "ended") return;
    this.#pending.delete(put);
    this.#events.note(`${this.name}: put ${put.order} at ${position}`);
    if (malformed) this.#events.violation(`${describe(put)} is malformed, and was acknowledged`);
    // A put without rows is nowhere.
    if (put.rows === 0) return;
    this.#history.acknowledged(put, position);
    this.#events.acknowledged(this, put);
  }

  #onFailed(put: Put, error: unknown, { abort, malformed }: PutRequest): void {
    if (this.#state === "ended") return;
    this.#pending.delete(put);
    this.#events.note(`${this.name}: put ${put.order} failed: ${nameOf(error)}`);
    this.#events.putFailed(error);
    const aborted = abort?.signal.aborted === true;
    if (error instanceof OutcomeUnknownError) {
      put.outcome = "unknown";
      put.position = error.position;
    } else if ((aborted && error === abort.signal.reason) || NOTHING_WRITTEN.some((type) => error instanceof type)) {
      put.outcome = "nothing";
    } else {
      this.#events.violation(`${describe(put)} failed with ${nameOf(error)}, which is no class of the contract`);
    }
    if (malformed !== error instanceof UsageError && !aborted && this.#writer?.failure === undefined) {
      if (!(error instanceof FullError)) {
        this.#events.violation(
          `${describe(put)}: ${malformed ? "malformed" : "well formed"}, failed: ${nameOf(error)}`,
        );
      }
    }
    if (error instanceof ConflictError) this.#events.conflict(this, error);
    if (this.#writer?.failure !== undefined) this.#onFailure(this.#writer.failure);
  }

  /** The writer has stopped by itself: what it had not written is lost. */
  #onFailure(failure: Error): void {
    this.#history.gone(this.name);
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#events.failed(this, failure);
  }

  #onClosed(error: unknown): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#events.note(`${this.name}: closed${error === undefined ? "" : `: ${nameOf(error)}`}`);
    if (this.#pending.size > 0)
      this.#events.violation(`${this.name} has closed with ${this.#pending.size} puts pending`);
    if (error === undefined) {
      this.#history.closed(this.name);
      this.#events.closed(this);
    }
    this.#history.gone(this.name);
    if (error instanceof Error) this.#onFailure(error);
    else if (error !== undefined) this.#events.violation(`${this.name}: close failed with ${nameOf(error)}`);
  }
}

/** The error in words, with its 64-digit names made short. */
export function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = error.message.replace(/(?:wal|manifest)\/[01]{64}\.\w+/g, shortKey);
  return `${error.name}: ${message}`;
}
