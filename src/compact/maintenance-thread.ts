/**
 * The thread that maintains a table, so that the application's stays free: started when it is first needed. It keeps the process alive while
 * something that was asked of it is done, and at no other time.
 *
 * @module
 */
import { Worker } from "node:worker_threads";
import { ClosedError, StorageError } from "../errors.js";
import { publishEvent } from "../writer/events.js";
import type { Flushed, Flusher, FlushPlan } from "../writer/flusher.js";
import { fromPlainError } from "../writer/plain-error.js";
import type { CompactionResult } from "./compactor-options.js";
import type { GarbageReport } from "./garbage-options.js";
import type { MaintainedTable } from "./maintained-table.js";
import type {
  FromMaintenance,
  MaintenanceAnswers,
  MaintenanceEvent,
  MaintenanceRequest,
  MaintenanceThreadData,
  ToMaintenance,
} from "./maintenance-messages.js";
import type { MaintenanceSettings } from "./maintenance-options.js";
import { IDLE_STATUS, type MaintenanceStatus } from "./maintenance-status.js";
import type { OptimizeOutcome } from "./optimize-outcome.js";

type Kind = MaintenanceRequest["kind"];
type Answer = MaintenanceAnswers[Kind];

interface Waiting {
  readonly resolve: (value: Answer) => void;
  readonly reject: (error: Error) => void;
}

export class MaintenanceThread implements Flusher {
  #data: MaintenanceThreadData;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #nextId = 0;
  #status = IDLE_STATUS;
  #retainFrom: number | undefined;
  #closing: Promise<void> | undefined;

  constructor(table: MaintainedTable, settings: MaintenanceSettings) {
    this.#data = { table, settings };
  }

  /** As it was when it last changed. */
  get status(): MaintenanceStatus {
    return this.#status;
  }

  flush(plan: FlushPlan): Promise<Flushed> {
    return this.#ask({ kind: "flush", plan });
  }

  compact(): Promise<CompactionResult> {
    return this.#ask({ kind: "compact" });
  }

  collect(): Promise<GarbageReport> {
    return this.#ask({ kind: "collect" });
  }

  optimize(): Promise<OptimizeOutcome> {
    return this.#ask({ kind: "optimize" });
  }

  /** No task begins by itself until {@link resume}; flushes go on. */
  async pause(): Promise<void> {
    await this.#ask({ kind: "pause" });
  }

  async resume(): Promise<void> {
    await this.#ask({ kind: "resume" });
  }

  /** Has the thread look after the table from now on, also when nothing is flushed; resolves with what it finds. */
  async refresh(): Promise<MaintenanceStatus> {
    await this.#ask({ kind: "status" });
    return this.#status;
  }

  /** Entries of the log from this one on stay. */
  retainFrom(entry: number | undefined): void {
    if (entry === this.#retainFrom) return;
    this.#retainFrom = entry;
    this.#worker?.postMessage({ kind: "retain", from: entry } satisfies ToMaintenance);
  }

  /** Begins nothing more; resolves when what has begun has come to a place where it can end. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    await this.#send(worker, { kind: "close" }).catch(() => {}); // it is lost, and so closed
    worker.ref();
    await exited;
  }

  async #ask<K extends Kind>(request: MaintenanceRequest & { readonly kind: K }): Promise<MaintenanceAnswers[K]> {
    if (this.#closing !== undefined) throw new ClosedError("the table is closed");
    this.#worker ??= this.#start();
    const answer: unknown = await this.#send(this.#worker, request);
    return answer as MaintenanceAnswers[K]; // the thread answers each kind with its own
  }

  #send(worker: Worker, request: MaintenanceRequest): Promise<Answer> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ ...request, id } satisfies ToMaintenance);
    });
  }

  #start(): Worker {
    const worker = new Worker(new URL("./maintenance-thread.worker.js", import.meta.url), {
      workerData: this.#data,
      name: "pennon-maintenance",
      execArgv: [], // those of the process may not be for a thread, as --input-type
    });
    worker.unref();
    worker.on("message", (message: FromMaintenance) => this.#onMessage(worker, message));
    worker.on("error", (error) => this.#onLost(worker, error));
    worker.on("exit", (code) => this.#onLost(worker, new Error(`it ended with exit code ${code}`)));
    if (this.#retainFrom !== undefined) {
      worker.postMessage({ kind: "retain", from: this.#retainFrom } satisfies ToMaintenance);
    }
    return worker;
  }

  #onMessage(worker: Worker, message: FromMaintenance): void {
    if ("status" in message) {
      this.#status = message.status;
    } else if ("event" in message) {
      publish(message.event);
    } else {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (this.#waiting.size === 0) worker.unref();
      if (message.ok) waiting?.resolve(message.value);
      else waiting?.reject(fromPlainError(message.error));
    }
  }

  /** What it was at is done again by the next one, which is started when something is asked of it. */
  #onLost(worker: Worker, cause: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    // What LanceDB was at in it may go on: the next one has to be sure that this has ended.
    this.#data = { ...this.#data, table: { ...this.#data.table, predecessorGone: false } };
    const error = new StorageError(`the maintenance thread is lost: ${cause.message}`, { cause });
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    if (this.#closing === undefined) publishEvent("maintenance-error", { task: "thread", error });
  }
}

function publish(event: MaintenanceEvent): void {
  if (event.name !== "maintenance-error") {
    publishEvent(event.name, event.message);
    return;
  }
  const { task, error } = event.message;
  publishEvent("maintenance-error", { task, error: fromPlainError(error) });
}
