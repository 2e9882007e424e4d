/**
 * Starts worker threads from bundled fixtures and takes their one answer.
 *
 * @module
 */
import { type TransferListItem, Worker } from "node:worker_threads";
import { bundle } from "../bundle.js";

/** A running thread. */
export interface Thread<Result> {
  readonly worker: Worker;
  /** Its answer. Rejects with what the thread threw, or when it ends without an answer. */
  readonly result: Promise<Result>;
}

/** Starts threads, and ends those that still run when the block is left: a failure in one must not leave the others behind. */
export class Threads {
  readonly #workers = new Set<Worker>();

  /** @param fixture file name beside this one; must post one message of the type that is asked for */
  async start<Result>(
    fixture: string,
    workerData: unknown,
    transferList: readonly TransferListItem[] = [],
  ): Promise<Thread<Result>> {
    const path = await bundled(fixture);
    const worker = new Worker(path, { workerData, transferList: [...transferList] });
    this.#workers.add(worker);
    const result = new Promise<Result>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", (code) => {
        this.#workers.delete(worker);
        reject(new Error(`${fixture} ended with code ${code} and gave no answer`));
      });
    });
    result.catch(() => {}); // whoever waits for it gets it; a terminated thread's is nobody's
    return { worker, result };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.terminate()));
  }
}

const bundles = new Map<string, Promise<string>>();

function bundled(fixture: string): Promise<string> {
  let path = bundles.get(fixture);
  if (path === undefined) {
    path = bundle(new URL(fixture, import.meta.url));
    bundles.set(fixture, path);
  }
  return path;
}

/** Runs `body` with threads that are gone afterwards, however it ends. */
export async function withThreads<T>(body: (threads: Threads) => Promise<T>): Promise<T> {
  const threads = new Threads();
  try {
    return await body(threads);
  } finally {
    await threads.stop();
  }
}
