import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, expect, it } from "vitest";
import { FullError, UsageError } from "../errors.js";
import { BatchStore } from "../store/batch-store.js";
import { type MemtableBounds, MemtableSet } from "./memtable-set.js";
import { StorageBatches } from "./storage-batch.js";
import { batchOfRows, schema, storage } from "./writer.fixture.js";

const batches = new StorageBatches(schema, storage);
const batch = (first: number, rows: number) => batches.from(batchOfRows(first, rows));

function setOf(bounds: Partial<MemtableBounds> = {}, maxGroupBytes = 63 << 20) {
  const told: number[] = [];
  const all = { memtableBytes: 65_536, memtableBatches: 100, maxMemoryBytes: 1 << 30, ...bounds };
  const set = new MemtableSet(storage, all, maxGroupBytes, (number) => void told.push(number));
  return { set, told };
}

describe("a set of memtables", () => {
  it("makes the first with the first rows, and says where they are", () => {
    const { set, told } = setOf();
    expect([set.all, set.usedBytes, told]).toEqual([[], 0, []]);
    const first = set.append([batch(0, 2), batch(2, 3)]);
    expect(first).toMatchObject({ from: 0, to: 2 });
    expect(set.append([batch(5, 1)])).toMatchObject({ from: 2, to: 3, memtable: first.memtable });
    expect(first.bytes).toBeGreaterThan(0);
    expect(first.arenaBytes).toBeGreaterThan(first.bytes);
    expect(told).toEqual([0]);
  });

  it("freezes one that has no room, and tells of it and of the next", () => {
    const events: unknown[] = [];
    const onRotate = (message: unknown): void => void events.push(message);
    subscribe("pennon:rotate", onRotate);
    const { set, told } = setOf();
    while (set.all.length < 3) set.append([batch(0, 300)]);
    unsubscribe("pennon:rotate", onRotate);
    expect(told).toEqual([0, 1, 2]);
    expect(set.all.map(({ number }) => number)).toEqual([0, 1, 2]);
    expect(set.all.map(({ store }) => store.finished)).toEqual([true, true, false]);
    expect(events).toMatchObject([{ memtable: 0 }, { memtable: 1 }]);
    expect(set.usedBytes).toBe(set.all.reduce((sum, { store }) => sum + store.snapshot().arenaBytes, 0));
  });

  it("freezes one whose places for batches are taken", () => {
    const { set } = setOf({ memtableBatches: 2 });
    for (let i = 0; i < 5; i++) set.append([batch(i, 1)]);
    expect(set.all.map(({ store }) => store.length)).toEqual([2, 2, 1]);
  });

  it("keeps a group together", () => {
    const { set } = setOf({ memtableBatches: 4 });
    set.append([batch(0, 1), batch(1, 1), batch(2, 1)]);
    expect(set.append([batch(3, 1), batch(4, 1)])).toMatchObject({ from: 0, to: 2 });
    expect(set.all.map(({ store }) => store.length)).toEqual([3, 2]);
  });

  it("refuses what never fits, and stays as it was", () => {
    const { set } = setOf({}, 20_000);
    set.append([batch(0, 1)]);
    for (const [rows, count] of [
      [5_000, 1],
      [600, 1],
      [100, 8],
    ] as const) {
      expect(() => set.append(Array(count).fill(batch(0, rows)))).toThrow(FullError);
    }
    expect(() => set.append([batch(0, 600)])).toThrow(/one put is atomic/);
    expect(set.all.map(({ store }) => store.length)).toEqual([1]);
    expect(set.append([batch(1, 1)])).toMatchObject({ from: 1, to: 2 });
  });

  it("refuses a group of more batches than a memtable has places for, though it is empty", () => {
    const { set } = setOf({ memtableBatches: 2 });
    expect(() => set.append(Array(3).fill(batch(0, 1)))).toThrow(FullError);
    expect(set.append([batch(0, 1)])).toMatchObject({ from: 0, to: 1 });
  });

  it("refuses what is malformed, and does not freeze for it", () => {
    const { set } = setOf();
    set.append([batch(0, 1)]);
    expect(() => set.append([{ ...batch(1, 3), numRows: 4 }])).toThrow(UsageError);
    expect(set.all).toHaveLength(1);
  });

  it("stays within the bound on memory: the next memtable counts as a whole", () => {
    const { set } = setOf({ maxMemoryBytes: 131_072 });
    let error: unknown;
    for (let i = 0; i < 10 && error === undefined; i++) {
      try {
        set.append([batch(0, 300)]);
      } catch (thrown) {
        error = thrown;
      }
    }
    expect(error).toMatchObject({ code: "Full", bound: "bytes" });
    expect(set.usedBytes).toBeLessThanOrEqual(131_072);
    expect(set.all.length).toBeLessThanOrEqual(2);
    set.append([batch(0, 1)]);
  });

  it("goes on with what replay has filled", () => {
    const stores = [0, 1].map((number) => {
      const store = BatchStore.create({ schema: storage, bytes: 65_536, capacity: 100, prefault: false });
      store.append(batch(10 * number, 3));
      const handle = store.handle();
      store.close();
      return { handle, entries: [{ entry: number + 1, from: 0, to: 1 }] };
    });
    const { set, told } = setOf();
    set.adopt(stores);
    expect(set.all).toMatchObject([
      { number: 0, entries: [{ entry: 1 }] },
      { number: 1, entries: [{ entry: 2 }] },
    ]);
    expect(set.append([batch(20, 1)])).toMatchObject({ from: 1, to: 2, memtable: { number: 1 } });
    expect(told).toEqual([]);
    while (set.all.length < 3) set.append([batch(0, 300)]);
    expect(told).toEqual([2]);
    set.close();
    expect(() => set.all[0]?.store.length).toThrow(/closed/);
  });
});
