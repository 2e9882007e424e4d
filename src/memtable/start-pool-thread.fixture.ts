/** Starts the workers of the pool's tests. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { onTestFinished } from "vitest";
import { bundle } from "../../test/bundle.js";
import type { MemtablePool } from "./pool.js";
import { BOARD, type COMMAND, type PoolAnswer, type PoolTask, type ReadAnswer } from "./pool-thread.fixture.js";

/** A worker that has taken its first snapshot. */
export interface PoolThread {
  readonly worker: Worker;
  readonly threadId: number;
  /** Generations and batches of its first snapshot. */
  readonly shape: readonly (readonly [number, number])[];
  /** Snapshots that it has checked. */
  readonly checked: number;
  /** Blocks until it has checked more than `count`. */
  waitForCheck(count: number): void;
  /** Tells it what to do; resolves with its answer, or when it has exited. */
  tell(command: (typeof COMMAND)["STOP" | "EXIT"]): Promise<ReadAnswer | undefined>;
  /** Ends it wherever it is. */
  terminate(): Promise<void>;
}

const LIMIT_MS = 25_000;
let bundled: Promise<string> | undefined;

/** Starts a worker on a pool; it ends with the test. */
export async function startPoolThread(
  pool: MemtablePool,
  task: PoolTask["task"],
  durableOnly = false,
): Promise<PoolThread> {
  bundled ??= bundle(new URL("./pool-thread.fixture.ts", import.meta.url));
  const board = new Int32Array(new SharedArrayBuffer(8));
  const workerData: PoolTask = { task, handle: pool.handle(), board, durableOnly };
  const worker = new Worker(await bundled, { workerData });
  onTestFinished(async () => {
    await worker.terminate();
  });
  let answer: ReadAnswer | undefined;
  const exited = once(worker, "exit");
  const ready = new Promise<Extract<PoolAnswer, { readonly ready: number }>>((resolve, reject) => {
    worker.on("error", reject);
    worker.on("message", (message: PoolAnswer) => {
      if ("ready" in message) resolve(message);
      else answer = message.answer;
    });
  });
  const { ready: threadId, shape } = await ready;
  const checked = (): number => Atomics.load(board, BOARD.CHECKED);
  return {
    worker,
    threadId,
    shape,
    get checked() {
      return checked();
    },
    waitForCheck(count) {
      const end = performance.now() + LIMIT_MS;
      while (checked() <= count) {
        if (performance.now() > end) {
          throw new Error(`the worker has checked ${checked()} snapshots, expected more than ${count}`);
        }
        Atomics.wait(board, BOARD.CHECKED, count, 100);
      }
    },
    async tell(command) {
      Atomics.store(board, BOARD.COMMAND, command);
      Atomics.notify(board, BOARD.COMMAND);
      await exited;
      return answer;
    },
    async terminate() {
      await worker.terminate();
    },
  };
}
