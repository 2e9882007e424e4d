/**
 * Rows and bytes always agree with the length of the same snapshot (mended point e): the original's counters run ahead of its length, so
 * a reader could see rows of batches that are not there yet.
 */
import { describe, expect, it } from "vitest";
import { pairBatch, pairSchema } from "../../test/batches.js";
import { BatchStore } from "./batch-store.js";
import { startThread } from "./start-thread.fixture.js";

const ROWS = 5;

describe("a snapshot", () => {
  it("of an empty store is empty, but for what the store itself takes", () => {
    const { arenaBytes, ...counts } = BatchStore.create({ schema: pairSchema, bytes: 1 << 20 }).snapshot();
    expect(counts).toEqual({ length: 0, rows: 0, bytes: 0 });
    expect(arenaBytes).toBeGreaterThanOrEqual(1_024);
  });

  it("stays what it was while the store grows", () => {
    const store = BatchStore.create({ schema: pairSchema, bytes: 1 << 20 });
    store.append(pairBatch(3));
    const snapshot = store.snapshot();
    store.append(pairBatch(4));
    expect(snapshot).toMatchObject({ length: 1, rows: 3, bytes: 24 });
    expect(store.snapshot()).toMatchObject({ length: 2, rows: 7, bytes: 56 });
  });

  it.each([1, 7])("agrees with itself in every thread, at full speed, in groups of %i", async (group) => {
    const store = BatchStore.create({ schema: pairSchema, bytes: 32 << 20, capacity: 42_000 });
    const handle = store.handle();
    const reading = await Promise.all(
      [1, 2].map(() => startThread({ task: "snapshots", handle, rows: ROWS, bytes: 8 * ROWS, group })),
    );
    const batches = Array.from({ length: group }, (_, i) => pairBatch(ROWS, i));
    while (store.remaining > 0) {
      store.appendAll(batches);
      const { length, rows, bytes } = store.snapshot();
      if (rows !== length * ROWS || bytes !== length * 8 * ROWS) throw new Error(`snapshot ${length} ${rows} ${bytes}`);
    }
    store.finish();
    for (const { answer } of reading) expect(await answer).toMatchObject({ length: 42_000, wrong: 0 });
  });
});
