/**
 * The behaviours that the original's own eighteen tests check, one test each under the original's name. Where the original counts
 * inclusively (visibility up to position p), the bound here is the exclusive count p + 1.
 */
import { describe, expect, it } from "vitest";
import { idsOf, PAIR_ROW_BYTES, pairBatch, pairSchema } from "../../test/batches.js";
import { FullError } from "../errors.js";
import { BatchStore } from "./batch-store.js";
import { runThread, startThread } from "./start-thread.fixture.js";

function storeOf(capacity: number, ...rows: number[]): BatchStore {
  const store = BatchStore.create({ schema: pairSchema, bytes: 1 << 20, capacity });
  for (const count of rows) store.append(pairBatch(count));
  return store;
}

describe("the original's tests", () => {
  it("create store", () => {
    const store = storeOf(10);
    expect(store.capacity).toBe(10);
    expect(store.length).toBe(0);
    expect(store.isEmpty).toBe(true);
    expect(store.isFull).toBe(false);
    expect(store.remaining).toBe(10);
    expect(store.lastPosition).toBeUndefined();
  });

  it("append single", () => {
    const store = storeOf(10);
    expect(store.append(pairBatch(100))).toEqual({ position: 0, rowOffset: 0, bytes: 100 * PAIR_ROW_BYTES });
    expect(store.length).toBe(1);
    expect(store.isEmpty).toBe(false);
    expect(store.totalRows).toBe(100);
    expect(store.lastPosition).toBe(0);
  });

  it("append multiple", () => {
    const store = storeOf(10);
    let rowOffset = 0;
    for (let i = 0; i < 5; i++) {
      const rows = 10 * (i + 1);
      expect(store.append(pairBatch(rows))).toEqual({ position: i, rowOffset, bytes: rows * PAIR_ROW_BYTES });
      rowOffset += rows;
    }
    expect(store.length).toBe(5);
    expect(store.totalRows).toBe(10 + 20 + 30 + 40 + 50);
  });

  it("capacity limit", () => {
    const store = storeOf(3, 10, 10, 10);
    expect(store.isFull).toBe(true);
    expect(store.remaining).toBe(0);
    expect(() => store.append(pairBatch(10))).toThrow(FullError);
    expect(store.length).toBe(3);
  });

  it("get batch", () => {
    const store = storeOf(10, 10, 20);
    expect(store.get(0)).toMatchObject({ position: 0, rows: 10, rowOffset: 0 });
    expect(store.get(1)).toMatchObject({ position: 1, rows: 20, rowOffset: 10 });
    expect(store.get(2)).toBeUndefined();
    expect(store.get(100)).toBeUndefined();
    expect(store.recordBatch(1)?.numRows).toBe(20);
    expect(store.recordBatch(2)).toBeUndefined();
  });

  it("iter", () => {
    const store = storeOf(10, 10, 10, 10, 10, 10);
    expect([...store.iterate()]).toHaveLength(5);
    expect([...store]).toHaveLength(5);
  });

  it("visibility filtering", () => {
    const store = storeOf(10, 10, 10, 10, 10, 10);
    expect(store.positions({ to: 2 + 1 })).toEqual([0, 1, 2]);
    expect(store.positions({ to: 4 + 1 })).toEqual([0, 1, 2, 3, 4]);
    expect(store.positions({ to: 0 + 1 })).toEqual([0]);
    expect(store.positions({ to: 0 })).toEqual([]);
  });

  it("is batch visible", () => {
    const store = storeOf(10, 10, 10, 10);
    expect(store.isVisible(0, 0 + 1)).toBe(true);
    expect(store.isVisible(0, 1 + 1)).toBe(true);
    expect(store.isVisible(0, 2 + 1)).toBe(true);
    expect(store.isVisible(2, 1 + 1)).toBe(false);
    expect(store.isVisible(2, 2 + 1)).toBe(true);
    expect(store.isVisible(2, 3 + 1)).toBe(true);
    expect(store.isVisible(3, 10 + 1)).toBe(false);
    expect(store.isVisible(0, 0)).toBe(false);
  });

  it("recommended capacity", () => {
    // 64 MiB in batches of 64 KiB: 1,024, and a fifth more.
    expect(BatchStore.recommendedCapacity(64 * 1024 * 1024)).toBe(1_228);
    expect(BatchStore.recommendedCapacity(1_024)).toBe(16);
    expect(BatchStore.recommendedCapacity(0)).toBe(16);
  });

  it("to vec", () => {
    const batches = storeOf(10, 10, 20).batches();
    expect(batches.map((batch) => batch.numRows)).toEqual([10, 20]);
  });

  it("to vec reversed", () => {
    const store = storeOf(10, 10, 5);
    expect(store.batches().map(idsOf)).toEqual([
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      [0, 1, 2, 3, 4],
    ]);
    expect(store.batches({ reverse: true, reverseRows: true }).map(idsOf)).toEqual([
      [4, 3, 2, 1, 0],
      [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
    ]);
  });

  it("iter reversed", () => {
    const store = storeOf(10, 10, 20, 30, 40, 50);
    expect([...store.iterate()].map((batch) => batch.position)).toEqual([0, 1, 2, 3, 4]);
    expect([...store.iterate({ reverse: true })].map((batch) => batch.position)).toEqual([4, 3, 2, 1, 0]);
    expect([...store.iterate()].map((batch) => batch.rows)).toEqual([10, 20, 30, 40, 50]);
    expect([...store.iterate({ reverse: true })].map((batch) => batch.rows)).toEqual([50, 40, 30, 20, 10]);
  });

  it("iter reversed empty", () => {
    expect([...storeOf(10).iterate({ reverse: true })]).toEqual([]);
  });

  it("concurrent readers", async () => {
    const store = storeOf(100, ...Array.from({ length: 50 }, () => 10));
    const answers = await Promise.all(
      Array.from({ length: 4 }, () =>
        runThread({ task: "readAgain", handle: store.handle(), length: 50, rounds: 100 }),
      ),
    );
    expect(answers).toEqual(Array.from({ length: 4 }, () => ({ rounds: 100, wrong: 0 })));
  });

  it("append batches", () => {
    const store = storeOf(10);
    const results = store.appendAll([10, 20, 30, 40, 50].map((rows) => pairBatch(rows)));
    expect(results.map((result) => result.position)).toEqual([0, 1, 2, 3, 4]);
    expect(results.map((result) => result.rowOffset)).toEqual([0, 10, 30, 60, 100]);
    expect(results.map((result) => result.bytes)).toEqual([80, 160, 240, 320, 400]);
    expect(store.length).toBe(5);
    expect(store.totalRows).toBe(10 + 20 + 30 + 40 + 50);
  });

  it("append batches capacity check", () => {
    const store = storeOf(3);
    store.appendAll([pairBatch(10), pairBatch(10)]);
    expect(store.length).toBe(2);
    expect(() => store.appendAll([pairBatch(10), pairBatch(10)])).toThrow(FullError);
    expect(store.length).toBe(2);
    expect(store.totalRows).toBe(20);
  });

  it("append batches empty", () => {
    const store = storeOf(10);
    expect(store.appendAll([])).toEqual([]);
    expect(store.length).toBe(0);
  });

  it("concurrent read write", async () => {
    const store = storeOf(200);
    const handle = store.handle();
    store.close();
    const readers = await Promise.all(
      Array.from({ length: 4 }, () => startThread({ task: "readLive", handle, length: 100 })),
    );
    const writer = await runThread({ task: "appendPairs", handle, batches: 100, rows: 10, group: 1 });
    expect(writer).toEqual({ length: 100 });
    const answers = await Promise.all(readers.map((reader) => reader.answer));
    expect(answers).toEqual(Array.from({ length: 4 }, () => ({ length: 100, wrong: 0 })));
  });
});
