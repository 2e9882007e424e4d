/** A process with nothing to keep it alive but a wait, to see whether that does. Its argument says how the wait ends. */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { pairBatch, pairSchema } from "../../test/batches.js";
import { BatchStore } from "./batch-store.js";

function report(wait: Promise<number>): Promise<void> {
  return wait.then(
    (length) => say(`waited ${length}`),
    (error: unknown) => say(error instanceof Error ? error.name : `aborted ${String(error)}`),
  );
}

function say(text: string): void {
  if (isMainThread) console.log(text);
  else parentPort?.postMessage(text);
}

function main(mode: string | undefined): void {
  const store = BatchStore.create({ schema: pairSchema, bytes: 1 << 20, capacity: 10, prefault: false });
  // The timers that end the wait do not keep the process alive themselves.
  switch (mode) {
    case "wait":
      setTimeout(() => store.append(pairBatch(1)), 700).unref();
      void report(store.waitForLength(1));
      break;
    case "worker": {
      const worker = new Worker(new URL(import.meta.url), { workerData: store.handle() });
      worker.on("message", (text: unknown) => console.log(text));
      worker.on("online", () => setTimeout(() => store.append(pairBatch(1)), 700).unref());
      break;
    }
    case "abort": {
      const controller = new AbortController();
      setTimeout(() => controller.abort("stop"), 50).unref();
      void report(store.waitForLength(1, { signal: controller.signal }));
      break;
    }
    default:
      setTimeout(() => store.close(), 50).unref();
      void report(store.waitForLength(1));
  }
}

if (isMainThread) main(process.argv[2]);
else void report(BatchStore.attach(workerData).waitForLength(1));
