import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { Field, Int32, makeData, RecordBatch, Schema, Struct } from "apache-arrow";
import { expect, it } from "vitest";
import { Arena } from "../../src/store/arena.js";
import { BatchStore } from "../../src/store/batch-store.js";
import { WORD } from "../../src/store/layout.js";
import { Random } from "../arrow-random-data.js";
import { Board } from "./board.js";
import { seed, seeded, short } from "./run.js";
import { type Thread, withThreads } from "./threads.js";
import type { WaitingInput, WaitingKind, WaitingResult } from "./waiting.fixture.js";

const KINDS: readonly WaitingKind[] = ["sync", "async", "follow", "sync"];
const STORM_BATCHES = short ? 40_000 : 600_000;
const ANSWERED_BATCHES = short ? 1_500 : 15_000;
/** A waiter that misses a notify looks again after half a second: if many did, they would exceed this on average. */
const ANSWER_MS = 20;
const SLACK_MS = 5_000;
const BYTES_PER_BATCH = 512;

const schema = new Schema([new Field("n", new Int32(), false)]);
const struct = new Struct(schema.fields);

function batchOf(value: number): RecordBatch {
  const column = makeData({ type: new Int32(), data: Int32Array.of(value) });
  return new RecordBatch(schema, makeData({ type: struct, length: 1, children: [column] }));
}

/** Runs `append` against waiting threads of all kinds, and checks that they end and leave nothing behind. */
async function storm(
  batches: number,
  options: { readonly answering: boolean; readonly atOnce: number },
  append: (store: BatchStore, board: Board, failed: Promise<unknown>) => Promise<void>,
): Promise<WaitingResult[]> {
  const store = BatchStore.create({ schema, bytes: Math.max(1 << 20, batches * BYTES_PER_BATCH), capacity: batches });
  const board = new Board();
  const handle = store.handle();
  try {
    return await withThreads(async (threads) => {
      const started: Thread<WaitingResult>[] = [];
      for (const [thread, kind] of KINDS.entries()) {
        const input: WaitingInput = { seed, thread, kind, batches, ...options, handle, board: board.buffer };
        started.push(await threads.start("waiting.fixture.ts", input));
      }
      const all = Promise.all(started.map(({ result }) => result));
      while (!board.allAttached(KINDS.length, 0)) await Promise.race([sleep(1), all]);
      await append(store, board, all);
      store.finish();
      const results = await all;
      expect(store.length).toBe(batches);
      expect(store.readers).toBe(0);
      expect(Atomics.load(new Arena(handle.memory).i32, WORD.WAITERS)).toBe(0);
      return results;
    });
  } finally {
    store.close();
  }
}

it(`${STORM_BATCHES} batches at full speed: no wait is lost, none gives too little`, async () => {
  await seeded(async () => {
    const random = new Random(seed);
    const results = await storm(STORM_BATCHES, { answering: false, atOnce: 24 }, async (store, _, failed) => {
      for (let next = 0; next < STORM_BATCHES; ) {
        const group = Math.min(random.chance(0.2) ? 1 + random.below(30) : 1, STORM_BATCHES - next);
        if (group === 1) store.append(batchOf(next));
        else store.appendAll(Array.from({ length: group }, (_, i) => batchOf(next + i)));
        next += group;
        if (random.chance(0.05)) await Promise.race([turn(), failed]);
      }
    });
    console.log(JSON.stringify({ seed, results }));
    for (const { waits } of results) expect(waits).toBeGreaterThan(0);
    expect(results.reduce((sum, { aborted }) => sum + aborted, 0)).toBeGreaterThan(0);
  });
});

it(`${ANSWERED_BATCHES} batches, each answered by every waiting thread before the next: no notify is missed`, async () => {
  await seeded(async () => {
    let began = 0;
    const results = await storm(ANSWERED_BATCHES, { answering: true, atOnce: 1 }, async (store, board, failed) => {
      began = performance.now();
      for (let next = 0; next < ANSWERED_BATCHES; next++) {
        store.append(batchOf(next));
        while (!board.allThrough(KINDS.length, next)) await Promise.race([turn(), failed]);
        const elapsedMs = performance.now() - began;
        if (elapsedMs > SLACK_MS + next * ANSWER_MS) throw new Error(`${next + 1} answers took ${elapsedMs} ms`);
      }
    });
    const average = (performance.now() - began) / ANSWERED_BATCHES;
    console.log(JSON.stringify({ seed, averageMs: Number(average.toFixed(3)), results }));
    for (const { waits } of results) expect(waits).toBe(ANSWERED_BATCHES);
  });
});
