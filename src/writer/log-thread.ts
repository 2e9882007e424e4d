/**
 * The log of a shard in a local directory, written by a thread of ours.
 *
 * The thread keeps the process alive while something is asked of it, and at no other time.
 *
 * @module
 */
import { Worker } from "node:worker_threads";
import { OutcomeUnknownError } from "../errors.js";
import type { StoreHandle } from "../store/handle.js";
import type { LogReply, LogRequest, LogThreadData, ToLogThread } from "./log-thread-messages.js";
import { fromPlainError } from "./plain-error.js";
import type { EntryPlan, OpenedLog, ShardLog } from "./shard-log.js";

interface Waiting {
  readonly resolve: (opened: OpenedLog | undefined) => void;
  readonly reject: (error: Error) => void;
}

export class LogThread implements ShardLog {
  readonly #worker: Worker;
  /** Raised behind every message: the thread may sleep on it. */
  readonly #posted: Int32Array;
  readonly #waiting: Waiting[] = [];
  #lost: Error | undefined;

  constructor(data: Omit<LogThreadData, "posted">) {
    const posted = new SharedArrayBuffer(4);
    this.#posted = new Int32Array(posted);
    this.#worker = new Worker(new URL("./log-thread.worker.js", import.meta.url), {
      workerData: { ...data, posted } satisfies LogThreadData,
      name: "pennon-log",
    });
    this.#worker.unref();
    this.#worker.on("message", (reply: LogReply) => this.#onReply(reply));
    this.#worker.on("error", (error) => this.#onLost(error));
    this.#worker.on("exit", (code) => this.#onLost(new Error(`it ended with exit code ${code}`)));
  }

  async open(): Promise<OpenedLog> {
    const opened = await this.#ask({ kind: "open" });
    if (opened === undefined) throw new Error("the log thread answered without saying what it opened");
    return opened;
  }

  addMemtable(number: number, handle: StoreHandle): void {
    this.#post({ kind: "memtable", number, handle });
  }

  dropMemtable(number: number): void {
    this.#post({ kind: "drop", number });
  }

  async append(plan: EntryPlan): Promise<void> {
    await this.#ask({ kind: "append", plan });
  }

  async close(): Promise<void> {
    if (this.#lost === undefined) await this.#ask({ kind: "close" });
  }

  #ask(request: LogRequest): Promise<OpenedLog | undefined> {
    const { promise, ...waiting } = deferred<OpenedLog | undefined>();
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

  #onReply(reply: LogReply): void {
    const waiting = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#worker.unref();
    if (reply.ok) waiting?.resolve(reply.opened);
    else waiting?.reject(fromPlainError(reply.error));
  }

  #onLost(cause: Error): void {
    this.#lost ??= new OutcomeUnknownError(`the log thread is lost: ${cause.message}`, { cause });
    for (const { reject } of this.#waiting.splice(0)) reject(this.#lost);
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
