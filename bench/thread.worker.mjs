/**
 * The other thread of a benchmark; `workerData.task` says what it does. It posts "ready" once, then one answer to each message that
 * asks for one.
 *
 * - sink: receives messages; `{ count: true }` asks how many have come since the last time
 * - attach: `{ handle }` asks how many milliseconds it takes to attach and see the length
 * - company: `{ mode, handle, flags }` keeps the thread busy until flag 1 is set, with reading the store ("reader"), with
 *   something that has nothing to do with it ("busy"), or not at all ("none"); flag 0 says that it has begun. Answers when it is over.
 * - lookups: `{ handle, keys, rounds }` looks the int64 keys up in a memtable, in batches, and answers how many milliseconds that took
 * - echo: `{ ping, pong, rounds }` appends to pong, as its writer, whenever ping has one more batch
 */
// @ts-check
import { parentPort, workerData } from "node:worker_threads";
import { lookUp } from "./memtable-keys.mjs";
import { BatchStore, Memtable } from "./pennon.mjs";
import { pairBatch } from "./sources.mjs";

if (parentPort === null) throw new Error("this file is for a worker thread");
const port = parentPort;

const tasks = {
  sink() {
    let messages = 0;
    port.on("message", (message) => {
      if (message instanceof Uint8Array) {
        messages++;
        return;
      }
      port.postMessage({ messages });
      messages = 0;
    });
  },
  attach() {
    port.on("message", ({ handle }) => {
      const start = performance.now();
      const store = BatchStore.attach(handle);
      const { length } = store;
      port.postMessage({ elapsedMs: performance.now() - start, length });
      store.close();
    });
  },
  company() {
    port.on("message", ({ mode, handle, flags }) => {
      const found = mode === "reader" ? read(handle, flags) : mode === "busy" ? compute(flags) : 0;
      port.postMessage({ found });
    });
  },
  lookups() {
    port.on("message", ({ handle, keys, rounds }) => {
      const memtable = Memtable.attach(handle);
      const start = performance.now();
      for (let round = 0; round < rounds; round++) lookUp(memtable, keys);
      port.postMessage({ elapsedMs: performance.now() - start });
      memtable.close();
    });
  },
  echo() {
    port.on("message", ({ ping, pong, rounds }) => {
      const from = BatchStore.attach(ping);
      const to = BatchStore.attachWriter(pong, { prefault: false });
      const batch = pairBatch(1);
      port.postMessage({ ready: true });
      for (let i = 1; i <= rounds; i++) {
        if (from.waitForLengthSync(i, { timeout: 10_000 }) < i) throw new Error(`no batch ${i} within 10 s`);
        to.append(batch);
      }
      from.close();
      to.close();
      port.postMessage({ done: true });
    });
  },
};

/** @param {Int32Array} flags */
function begin(flags) {
  Atomics.store(flags, 0, 1);
  Atomics.notify(flags, 0);
}

/**
 * Follows the store as fast as this thread can, looking at the values of every batch.
 *
 * @param {import("../src/store/index.js").StoreHandle} handle
 * @param {Int32Array} flags
 */
function read(handle, flags) {
  const store = BatchStore.attach(handle);
  const column = store.column(0);
  let position = 0;
  let sum = 0;
  begin(flags);
  while (Atomics.load(flags, 1) === 0) {
    const { length } = store;
    while (position < length) {
      sum += store.get(position)?.rows ?? 0;
      sum += Number(column.values(position)?.[0] ?? 0);
      position++;
    }
  }
  store.close();
  return sum;
}

/** @param {Int32Array} flags */
function compute(flags) {
  const words = new Int32Array(1024);
  let sum = 0;
  begin(flags);
  while (Atomics.load(flags, 1) === 0) {
    for (let i = 0; i < words.length; i++) {
      words[i] = Math.imul(words[i] ?? 0, 1664525) + 1013904223;
      sum = (sum + (words[i] ?? 0)) | 0;
    }
  }
  return sum;
}

tasks[/** @type {keyof typeof tasks} */ (workerData.task)]();
port.postMessage("ready");
