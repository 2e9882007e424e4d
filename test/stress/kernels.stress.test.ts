import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { Arena } from "../../src/store/arena.js";
import { BatchStore } from "../../src/store/batch-store.js";
import { WORD } from "../../src/store/layout.js";
import { Board } from "./board.js";
import { Content } from "./content.js";
import { fill } from "./fill.js";
import type { KernelsInput, KernelsResult } from "./kernels.fixture.js";
import { seed, seeded, short } from "./run.js";
import { withThreads } from "./threads.js";

const THREADS = 4;
const MOST_ROWS = 600;
const ROUNDS = short ? 2 : 10;
const ARENA_BYTES = 16 << 20;
/** Schema 0 is the one with numbers. */
const SCHEMA_ROUNDS = 3;

it(`${THREADS} threads run kernels on one memory while batches are appended; all agree with the plain twin`, async () => {
  await seeded(async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const content = new Content(seed, round * SCHEMA_ROUNDS, MOST_ROWS);
      const store = BatchStore.create({ schema: content.schema, bytes: ARENA_BYTES });
      const board = new Board();
      const handle = store.handle();
      const results = await withThreads(async (threads) => {
        const started = await Promise.all(
          Array.from({ length: THREADS }, (_, thread) => {
            const input: KernelsInput = {
              seed,
              round: round * SCHEMA_ROUNDS,
              mostRows: MOST_ROWS,
              thread,
              handle,
              board: board.buffer,
            };
            return threads.start<KernelsResult>("kernels.fixture.ts", input);
          }),
        );
        const failed = Promise.race(started.map(({ result }) => result));
        while (!board.allAttached(THREADS, 0)) await Promise.race([sleep(1), failed]);
        fill(store, content, 0, seed, {});
        store.finish();
        return await Promise.all(started.map(({ result }) => result));
      });
      for (const { kind, batches, results: count } of results) {
        expect(kind).toBe("wasm");
        expect(batches).toBe(store.length);
        expect(count).toBeGreaterThan(batches);
      }
      expect(new Set(results.map(({ region }) => region)).size).toBe(THREADS);
      // All regions have been given back, and nobody is attached.
      expect(Atomics.load(new Arena(handle.memory).i32, WORD.SCRATCH_USE)).toBe(0);
      expect(store.readers).toBe(0);
      if (round === 0) console.log(JSON.stringify({ seed, results }));
      store.close();
    }
  });
});
