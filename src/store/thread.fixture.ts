/**
 * A worker of the store's tests: does one task on a store, says "ready" once it is attached, and answers at its end. What it reads it
 * compares with what the writer of that position must have written.
 */
import { isDeepStrictEqual } from "node:util";
import { parentPort, workerData } from "node:worker_threads";
import { pairBatch, pairSchema, seededBatch, thrown, wideSchema } from "../../test/batches.js";
import { rowsOf } from "../../test/plain-model.js";
import { FullError, PennonError } from "../errors.js";
import { arenaBuffer } from "./arena.fixture.js";
import { BatchStore } from "./batch-store.js";
import { foreignBuffers } from "./buffers.fixture.js";
import type { StoreHandle } from "./handle.js";

interface On {
  readonly handle: StoreHandle;
}

/** What a worker can be asked to do. */
export type Task = On &
  (
    | { readonly task: "readAgain"; readonly length: number; readonly rounds: number }
    | { readonly task: "readLive"; readonly length: number }
    | { readonly task: "appendPairs"; readonly batches: number; readonly rows: number; readonly group: number }
    | { readonly task: "appendWide"; readonly group: number; readonly takeover: boolean }
    | { readonly task: "readWide"; readonly length: number }
    | { readonly task: "snapshots"; readonly rows: number; readonly bytes: number; readonly group: number }
    | { readonly task: "hold" }
    | { readonly task: "holdWait" }
    | { readonly task: "intrude" }
    | { readonly task: "durable" | "holdDurable"; readonly count: number }
    | { readonly task: "waitSync"; readonly length: number; readonly timeout: number }
    | { readonly task: "wait"; readonly length: number; readonly timeout: number }
    | { readonly task: "follow"; readonly from: number }
  );

/** What a worker says. */
export type Answer = { readonly ready: true } | { readonly answer: unknown } | { readonly failed: string };

/** Longest time of a task. */
const LIMIT_MS = 25_000;

/** Rows of the batch at `position` in tasks on {@link wideSchema}. */
export function wideRows(position: number): number {
  return (position * 7) % 40;
}

/** The batch at `position` in tasks on {@link wideSchema}. */
export function wideBatch(position: number): ReturnType<typeof seededBatch> {
  return seededBatch(wideSchema, position, wideRows(position));
}

/** Rows of the batch at `position` of {@link pairSchema} are the numbers from `rowOffset` on. */
function pairWrong(store: BatchStore, position: number): boolean {
  const batch = store.get(position);
  if (batch === undefined) return true;
  const ids = store.column("id").values(position);
  const values = store.column("value").values(position);
  if (ids?.length !== batch.rows || values?.length !== batch.rows) return true;
  for (let row = 0; row < batch.rows; row++) {
    if (Number(values[row]) !== 10 * Number(ids[row])) return true;
  }
  return false;
}

function ready(): void {
  post({ ready: true });
}

function post(answer: Answer): void {
  parentPort?.postMessage(answer);
}

function deadline(): () => void {
  const end = Date.now() + LIMIT_MS;
  return () => {
    if (Date.now() > end) throw new Error("the task takes too long");
  };
}

async function run(task: Task): Promise<unknown> {
  const check = deadline();
  switch (task.task) {
    case "readAgain": {
      const store = attach(task);
      let wrong = 0;
      for (let round = 0; round < task.rounds; round++) {
        if (store.length !== task.length) wrong++;
        for (let i = 0; i < store.length; i++) if (pairWrong(store, i)) wrong++;
        if ([...store.iterate()].length !== task.length) wrong++;
      }
      return { rounds: task.rounds, wrong };
    }
    case "readLive": {
      const store = attach(task);
      let wrong = 0;
      let length = 0;
      do {
        check();
        length = store.length;
        for (let i = 0; i < length; i++) if (pairWrong(store, i)) wrong++;
      } while (length < task.length);
      store.close();
      return { length, wrong };
    }
    case "appendPairs": {
      const store = BatchStore.attachWriter(task.handle);
      ready();
      while (store.length < task.batches) {
        const { length } = store;
        const batches = Array.from({ length: task.group }, (_, i) => pairBatch(task.rows, (length + i) * task.rows));
        if (batches.length === 1 && batches[0] !== undefined) store.append(batches[0]);
        else store.appendAll(batches);
      }
      const { length } = store;
      store.close();
      return { length };
    }
    case "appendWide": {
      const { takeover } = task;
      const store = BatchStore.attachWriter(task.handle, { takeover });
      ready();
      try {
        for (;;) {
          const { length } = store;
          store.appendAll(Array.from({ length: task.group }, (_, i) => wideBatch(length + i)));
        }
      } catch (error) {
        if (!(error instanceof FullError)) throw error;
      }
      return { length: store.length };
    }
    case "readWide": {
      const store = attach(task);
      const arena = arenaBuffer(store);
      let wrong = 0;
      let foreign = 0;
      for (let position = 0; position < task.length; position++) {
        check();
        const length = store.waitForLengthSync(position + 1, { timeout: LIMIT_MS });
        if (length <= position) throw new Error(`only ${length} batches came`);
        const batch = store.recordBatch(position);
        if (batch === undefined) throw new Error(`batch ${position} is missing`);
        if (!isDeepStrictEqual(rowsOf(batch), rowsOf(wideBatch(position)))) wrong++;
        foreign += foreignBuffers(batch, arena);
      }
      store.close();
      return { wrong, foreign };
    }
    case "snapshots": {
      const store = attach(task);
      const lengths = new Set<number>();
      let wrong = 0;
      for (let over = false; !over; ) {
        check();
        over = store.finished;
        const { length, rows, bytes } = store.snapshot();
        lengths.add(length);
        if (rows !== length * task.rows || bytes !== length * task.bytes) wrong++;
        if (length % task.group !== 0) wrong++;
        const atLeast = store.totalRows;
        if (atLeast < rows || atLeast % task.rows !== 0 || store.totalBytes % task.bytes !== 0) wrong++;
      }
      return { length: store.length, seen: lengths.size, wrong };
    }
    case "hold": {
      const store = BatchStore.attach(task.handle);
      store.batches({ reverse: true, reverseRows: true });
      ready();
      for (;;) store.batches({ reverseRows: true });
    }
    case "holdWait": {
      const store = attach(task);
      return store.waitForLengthSync(store.capacity);
    }
    case "intrude": {
      const store = attach(task);
      const codes = [
        () => BatchStore.attachWriter(task.handle),
        () => store.append(pairBatch(1)),
        () => store.appendAll([pairBatch(1)]),
        () => store.finish(),
        () => store.recycle(),
      ].map((action) => code(thrown(action)));
      return { codes, writable: store.writable, length: store.length };
    }
    case "durable": {
      const store = attach(task);
      store.advanceDurable(task.count);
      store.close();
      return { durable: task.count };
    }
    case "holdDurable": {
      const store = BatchStore.attach(task.handle);
      store.advanceDurable(task.count);
      ready();
      return store.waitForLengthSync(store.capacity);
    }
    case "waitSync": {
      const store = attach(task);
      const begin = Date.now();
      const length = store.waitForLengthSync(task.length, { timeout: task.timeout });
      return { length, ms: Date.now() - begin };
    }
    case "wait": {
      const store = attach(task);
      const begin = Date.now();
      const length = await store.waitForLength(task.length, { timeout: task.timeout });
      return { length, ms: Date.now() - begin };
    }
    case "follow": {
      const store = attach(task);
      const seen: [number, number][] = [];
      for await (const batch of store.follow({ from: task.from })) {
        if (pairWrong(store, batch.position)) throw new Error(`batch ${batch.position} is wrong`);
        seen.push([batch.position, batch.rows]);
      }
      return seen;
    }
  }
}

function attach({ handle }: On): BatchStore {
  const store = BatchStore.attach(handle);
  if (
    store.schema.fields.length !== pairSchema.fields.length &&
    store.schema.fields.length !== wideSchema.fields.length
  ) {
    throw new Error("the store has another schema");
  }
  ready();
  return store;
}

function code(error: unknown): string {
  return error instanceof PennonError ? error.code : String(error);
}

if (parentPort !== null) {
  run(workerData).then(
    (answer) => post({ answer }),
    (error: unknown) => post({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
}
