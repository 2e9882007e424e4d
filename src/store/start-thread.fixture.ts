/** Starts the workers of the store's tests. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { onTestFinished } from "vitest";
import { bundle } from "../../test/bundle.js";
import type { Answer, Task } from "./thread.fixture.js";

/** A worker that is attached. */
export interface Thread {
  /** Its answer; rejects when it fails, or ends without one. */
  readonly answer: Promise<unknown>;
  /** Ends it wherever it is, as a crash would. */
  terminate(): Promise<void>;
}

let bundled: Promise<string> | undefined;

/** Starts `task` in a worker; resolves when it is attached to its store. The worker ends with the test. */
export async function startThread(task: Task): Promise<Thread> {
  bundled ??= bundle(new URL("./thread.fixture.ts", import.meta.url));
  const worker = new Worker(await bundled, { workerData: task });
  onTestFinished(async () => {
    await worker.terminate();
  });
  let isReady = (): void => {};
  const attached = new Promise<void>((resolve) => {
    isReady = resolve;
  });
  const answer = new Promise<unknown>((resolve, reject) => {
    worker.on("message", (message: Answer) => {
      if ("ready" in message) isReady();
      else if ("failed" in message) reject(new Error(`in the worker: ${message.failed}`));
      else resolve(message.answer);
    });
    worker.on("error", reject);
    worker.on("exit", () => reject(new Error("the worker has ended without an answer")));
  });
  answer.catch(() => {}); // whoever wants it looks at it later
  await Promise.race([attached, answer]);
  return {
    answer,
    terminate: async () => {
      const exit = once(worker, "exit");
      await worker.terminate();
      await exit;
    },
  };
}

/** The answer of a worker that does `task`. */
export async function runThread(task: Task): Promise<unknown> {
  const { answer } = await startThread(task);
  return answer;
}
