/**
 * The reader threads, as the main thread sees them. Each follows the stores it is told of in the same order.
 *
 * Nothing waits for a thread that has died: the first failure ends every wait, and is thrown again by every later call.
 *
 * @module
 */
import { Worker } from "node:worker_threads";
import { ClosedError } from "../../errors.js";
import type { StoreHandle } from "../../store/handle.js";
import type { ColumnStatistics } from "./column-tally.js";
import { isFromReader, type ToReader } from "./reader-messages.js";

/** How the threads are made. */
export interface CrewOptions {
  readonly readers: number;
  /** Module that the threads run. @default the reader thread of this package */
  readonly script?: URL;
  /** Ends every wait with its reason. */
  readonly signal?: AbortSignal;
}

/** Where the thread's module lies once it is compiled. */
const SCRIPT = new URL("./reader-thread.worker.js", import.meta.url);

interface Reader {
  readonly worker: Worker;
  /** Batches it has been through when it last spoke of it. */
  batches: number;
  drained: number;
  result: readonly ColumnStatistics[] | undefined;
}

export class ReaderCrew {
  readonly #readers: Reader[] = [];
  readonly #wakes = new Set<() => void>();
  readonly #signal: AbortSignal | undefined;
  readonly #wakeAll = (): void => {
    for (const wake of [...this.#wakes]) wake();
    this.#wakes.clear();
  };
  #stores = 0;
  #failure: ClosedError | undefined;
  #closed = false;

  constructor({ readers, script = SCRIPT, signal }: CrewOptions) {
    this.#signal = signal;
    signal?.addEventListener("abort", this.#wakeAll, { once: true });
    for (let i = 0; i < readers; i++) this.#readers.push(this.#start(script, i));
  }

  /** How many threads there are. */
  get size(): number {
    return this.#readers.length;
  }

  /** Has every reader follow another store; returns how many stores there have been, which {@link drained} takes. */
  follow(handle: StoreHandle): number {
    this.throwIfFailed();
    this.#post({ kind: "store", handle });
    return ++this.#stores;
  }

  /** Resolves when every reader has closed the first `stores` stores, all of which must be finished by then. */
  async drained(stores: number): Promise<void> {
    await this.#until(() => this.#readers.every((reader) => reader.drained >= stores));
  }

  /** What each reader found, once all stores are finished and drained. The threads end. */
  async results(): Promise<(readonly ColumnStatistics[])[]> {
    this.#post({ kind: "end" });
    await this.#until(() => this.#readers.every((reader) => reader.result !== undefined));
    return this.#readers.map((reader) => reader.result ?? []);
  }

  /** How many of the `batches` appended so far the slowest reader has still to see, as of some 50 ms ago. */
  lag(batches: number): number {
    return Math.max(0, ...this.#readers.map((reader) => batches - reader.batches));
  }

  /** @throws ClosedError when a reader has died; the signal's reason when it is aborted */
  throwIfFailed(): void {
    this.#signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Ends the threads, whatever they are doing. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#signal?.removeEventListener("abort", this.#wakeAll);
    await Promise.all(this.#readers.map(({ worker }) => worker.terminate()));
  }

  #start(script: URL, index: number): Reader {
    const worker = new Worker(script, { execArgv: [], name: `pennon-reader-${index + 1}` });
    const reader: Reader = { worker, batches: 0, drained: 0, result: undefined };
    worker.on("message", (message: unknown) => {
      if (!isFromReader(message)) return;
      if (message.kind === "progress") reader.batches = message.batches;
      else if (message.kind === "drained") reader.drained++;
      else reader.result = message.columns;
      this.#wakeAll();
    });
    worker.on("error", (error: unknown) => {
      this.#fail(`reader thread ${index + 1} died: ${error instanceof Error ? error.message : String(error)}`, error);
    });
    worker.on("exit", (code) => {
      if (reader.result !== undefined) return;
      this.#fail(`reader thread ${index + 1} ended before its work was done (exit code ${code})`, undefined);
    });
    return reader;
  }

  #post(message: ToReader): void {
    for (const { worker } of this.#readers) worker.postMessage(message);
  }

  #fail(text: string, cause: unknown): void {
    if (this.#closed) return;
    this.#failure ??= new ClosedError(text, { cause });
    this.#wakeAll();
  }

  async #until(done: () => boolean): Promise<void> {
    for (;;) {
      this.throwIfFailed();
      if (done()) return;
      await new Promise<void>((resolve) => this.#wakes.add(resolve));
    }
  }
}
