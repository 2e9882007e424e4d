/**
 * The log of a shard in a local directory, written by a thread of ours.
 *
 * The thread keeps the process alive while something is asked of it, and at no other time.
 *
 * @module
 */
import { Worker } from "node:worker_threads";
import { OutcomeUnknownError, StorageError } from "../errors.js";
import type { MemtableHandle } from "../memtable/memtable-handle.js";
import type { FromLogThread, LogReply, LogRequest, LogThreadData, ToLogThread } from "./log-thread-messages.js";
import { fromPlainError } from "./plain-error.js";
import type { EntryPlan, OpenedLog, ShardLog } from "./shard-log.js";

interface Waiting {
  readonly resolve: (reply: LogReply & { readonly ok: true }) => void;
  readonly reject: (error: Error) => void;
}

export class LogThread implements ShardLog {
  readonly #worker: Worker;
  /** Raised behind every message: the thread may sleep on it. */
  readonly #posted: Int32Array;
  readonly #waiting: Waiting[] = [];
  #lost: Error | undefined;
  #opened = false;
  #closing = false;
  #onFailure: (error: Error) => void = () => {};

  constructor(data: Omit<LogThreadData, "posted">) {
    const posted = new SharedArrayBuffer(4);
    this.#posted = new Int32Array(posted);
    this.#worker = new Worker(new URL("./log-thread.worker.js", import.meta.url), {
      workerData: { ...data, posted } satisfies LogThreadData,
      name: "pennon-log",
      execArgv: [], // those of the process may not be for a thread, as --input-type
    });
    this.#worker.unref();
    this.#worker.on("message", (message: FromLogThread) => this.#onMessage(message));
    this.#worker.on("error", (error) => this.#onLost(error));
    this.#worker.on("exit", (code) => this.#onLost(new Error(`it ended with exit code ${code}`)));
  }

  async open(): Promise<OpenedLog> {
    const { opened } = await this.#ask({ kind: "open" });
    if (opened === undefined) throw new Error("the log thread answered without saying what it opened");
    this.#opened = true;
    return opened;
  }

  addMemtable(generation: number, handle: MemtableHandle): void {
    this.#post({ kind: "memtable", generation, handle });
  }

  dropMemtable(generation: number, coveredThrough: number): void {
    this.#post({ kind: "drop", generation, coveredThrough });
  }

  async append(plan: EntryPlan): Promise<number> {
    return (await this.#ask({ kind: "append", plan })).bytes ?? 0;
  }

  onFailure(listener: (error: Error) => void): void {
    this.#onFailure = listener;
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    const reply = this.#ask({ kind: "close" });
    this.#closing = true;
    await reply;
  }

  #ask(request: LogRequest): Promise<LogReply & { readonly ok: true }> {
    const { promise, ...waiting } = deferred<LogReply & { readonly ok: true }>();
    if (this.#lost !== undefined) {
      waiting.reject(this.#lost);
      return promise;
    }
    if (this.#waiting.push(waiting) === 1) this.#worker.ref();
    this.#post(request);
    return promise;
  }

  #post(message: ToLogThread): void {
    this.#worker.postMessage(message);
    Atomics.add(this.#posted, 0, 1);
    Atomics.notify(this.#posted, 0);
  }

  #onMessage(message: FromLogThread): void {
    if ("failure" in message) {
      this.#onFailure(fromPlainError(message.failure));
      return;
    }
    const waiting = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#worker.unref();
    if (message.ok) waiting?.resolve(message);
    else waiting?.reject(fromPlainError(message.error));
  }

  #onLost(cause: Error): void {
    if (this.#closing && this.#waiting.length === 0) return;
    const first = this.#lost === undefined;
    const text = `the log thread ${this.#opened ? "is lost" : "could not be started"}: ${cause.message}`;
    this.#lost ??= this.#opened ? new OutcomeUnknownError(text, { cause }) : new StorageError(text, { cause });
    for (const { reject } of this.#waiting.splice(0)) reject(this.#lost);
    if (first && this.#opened) this.#onFailure(this.#lost);
  }
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: Error) => void } {
  let resolve = (_: T): void => {};
  let reject = (_: Error): void => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
