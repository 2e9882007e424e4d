/**
 * What a user's program does, bundled into one file by bundle.test.ts: the main thread creates a store and appends, a worker
 * made from the very same file attaches, reads what it finds and waits for what comes later. Prints what the worker read.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Field, Int32, makeData, RecordBatch, Schema, Struct } from "apache-arrow";
import { BatchStore } from "pennon/store";

const schema = new Schema([new Field("n", new Int32(), false)]);
const batches = 3;

/** Rows first, first + 1, … */
function batchOf(first, rows) {
  const n = makeData({ type: new Int32(), length: rows, data: Int32Array.from({ length: rows }, (_, i) => first + i) });
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: rows, children: [n] }));
}

async function write() {
  const store = BatchStore.create({ schema });
  store.append(batchOf(0, 10));
  // A bundle in CommonJS has no import.meta.url: bundle.test.ts defines this name for both.
  const worker = new Worker(SELF, { workerData: store.handle() });
  worker.once("message", () => {
    for (let i = 1; i < batches; i++) store.append(batchOf(i * 10, 10));
  });
  worker.once("error", (error) => {
    console.error(error);
    process.exitCode = 1;
  });
  await new Promise((resolve) => worker.once("exit", resolve));
}

async function read() {
  const store = BatchStore.attach(workerData);
  parentPort.postMessage({ found: store.length });
  await store.waitForLength(batches, { timeout: 10_000 });
  const values = [];
  for (let i = 0; i < store.length; i++) values.push(...store.get(i).recordBatch.getChildAt(0));
  console.log(JSON.stringify({ length: store.length, values }));
}

void (isMainThread ? write() : read());
