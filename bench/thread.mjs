/**
 * A worker thread that takes part in a benchmark, see thread.worker.mjs for what it can do.
 */
// @ts-check
import { once } from "node:events";
import { Worker } from "node:worker_threads";

export class BenchThread {
  #worker;

  /** @param {Worker} worker */
  constructor(worker) {
    this.#worker = worker;
  }

  /** @param {"sink" | "attach" | "company" | "echo" | "lookups"} task */
  static async start(task) {
    const worker = new Worker(new URL("./thread.worker.mjs", import.meta.url), { workerData: { task } });
    await once(worker, "message"); // rejects when the worker fails
    return new BenchThread(worker);
  }

  /** @param {unknown} message */
  post(message) {
    this.#worker.postMessage(message);
  }

  /**
   * Posts a message and waits for the answer to it.
   *
   * @param {unknown} message
   */
  async ask(message) {
    const answer = once(this.#worker, "message");
    this.#worker.postMessage(message);
    const [value] = await answer;
    return value;
  }

  async end() {
    await this.#worker.terminate();
  }
}
