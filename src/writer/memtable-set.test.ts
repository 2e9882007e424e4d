import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, expect, it } from "vitest";
import { FullError, UsageError } from "../errors.js";
import { type LiveMemtable, MemtableSet } from "./memtable-set.js";
import { StorageBatches } from "./storage-batch.js";
import { batchOfRows, setOf as makeSet, poolOf, type SetBounds, schema, storage } from "./writer.fixture.js";

const batches = new StorageBatches(schema, storage);
const batch = (first: number, rows: number) => batches.from(batchOfRows(first, rows));

function setOf(bounds: SetBounds = {}, maxGroupBytes?: number) {
  const told: number[] = [];
  const set = makeSet(
    { memtableBytes: 65_536, memtableBatches: 100, ...bounds },
    { onNew: (generation) => void told.push(generation) },
    maxGroupBytes,
  );
  return { set, told };
}

describe("a set of memtables", () => {
  it("makes the first with the first rows, and says where they are", () => {
    const { set, told } = setOf();
    expect([set.all, set.usedBytes, told]).toEqual([[], 0, []]);
    const first = set.append([batch(0, 2), batch(2, 3)]);
    expect(first).toMatchObject({ from: 0, to: 2 });
    const second = set.append([batch(5, 1)]);
    expect(second).toMatchObject({ from: 2, to: 3 });
    expect(second?.memtable).toBe(first?.memtable);
    expect(first?.bytes).toBeGreaterThan(0);
    expect(first?.arenaBytes).toBeGreaterThan(first?.bytes ?? 0);
    expect(told).toEqual([1]);
  });

  it("freezes one that has no room, and tells of it and of the next", () => {
    const events: unknown[] = [];
    const onRotate = (message: unknown): void => void events.push(message);
    subscribe("pennon:rotate", onRotate);
    const { set, told } = setOf();
    while (set.all.length < 3) set.append([batch(0, 300)]);
    unsubscribe("pennon:rotate", onRotate);
    expect(told).toEqual([1, 2, 3]);
    expect(set.all.map(({ generation }) => generation)).toEqual([1, 2, 3]);
    expect(set.all.map(({ store }) => store.finished)).toEqual([true, true, false]);
    expect(events).toMatchObject([{ memtable: 1 }, { memtable: 2 }]);
    expect(set.usedBytes).toBe(set.all.reduce((sum, { memtable }) => sum + memtable.usedBytes, 0));
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
    const { set } = setOf({ maxMemoryBytes: 200_000 });
    let appended = set.append([batch(0, 300)]);
    for (let i = 0; i < 10 && appended !== undefined; i++) appended = set.append([batch(0, 300)]);
    expect(appended).toBeUndefined();
    expect(set.noRoom("so it is")).toMatchObject({ code: "Full", bound: "bytes" });
    expect(set.usedBytes).toBeLessThanOrEqual(200_000);
    expect(set.all.length).toBeLessThanOrEqual(2);
    expect(set.append([batch(0, 1)])).toBeDefined();
  });

  it("has room again when a frozen memtable was released", () => {
    const frozen: LiveMemtable[] = [];
    const set = makeSet(
      { memtableBytes: 65_536, maxMemoryBytes: 65_536 + 60_000 },
      { onFrozen: (memtable) => void frozen.push(memtable), drains: true },
    );
    let rows = 0;
    while (set.append([batch(rows, 100)]) !== undefined) rows += 100;
    const [oldest] = frozen;
    if (oldest === undefined) throw new Error("nothing was frozen");
    expect(set.active).toBeUndefined();
    set.release(oldest);
    expect(set.append([batch(rows, 100)])).toMatchObject({ from: 0, memtable: { generation: 2 } });
    expect(() => set.release(oldest)).toThrow(/not the oldest/);
  });

  it("has no room while readers hold the arenas of all that were released, and frozen ones wait", () => {
    const pool = poolOf({ memtableBytes: 65_536, memtableBatches: 1 });
    const sizes = { memtableBytes: 65_536, maxMemoryBytes: 1 << 30 };
    const set = new MemtableSet(pool, sizes, 1 << 20, 1, () => 0, {
      onNew: () => {},
      onFrozen: () => {},
      drains: true,
    });
    for (let i = 0; i < 32; i++) expect(set.append([batch(i, 1)])).toBeDefined();
    expect(set.append([batch(32, 1)])).toBeUndefined();
  });

  it("goes on with what replay has filled", () => {
    const pool = poolOf({ memtableBytes: 65_536, memtableBatches: 100 });
    for (const generation of [7, 8]) {
      pool.activate(generation).append([batch(10 * generation, 3)]);
      if (generation === 7) pool.freeze(7);
    }
    const told: number[] = [];
    const frozen: number[] = [];
    const sizes = { memtableBytes: 65_536, maxMemoryBytes: 1 << 30 };
    const set = new MemtableSet(pool, sizes, 1 << 20, 9, () => 0, {
      onNew: (generation) => void told.push(generation),
      onFrozen: ({ generation }) => void frozen.push(generation),
      drains: false,
    });
    set.adopt([
      { generation: 7, entries: [{ entry: 1, from: 0, to: 1 }], bytes: 10 },
      { generation: 8, entries: [{ entry: 2, from: 0, to: 1 }], bytes: 20 },
    ]);
    expect(set.all).toMatchObject([
      { generation: 7, entries: [{ entry: 1 }], logBytes: 10 },
      { generation: 8, entries: [{ entry: 2 }], logBytes: 20 },
    ]);
    expect(frozen).toEqual([7]);
    expect(set.append([batch(20, 1)])).toMatchObject({ from: 1, to: 2, memtable: { generation: 8 } });
    expect(told).toEqual([]);
    while (set.all.length < 3) set.append([batch(0, 300)]);
    expect(told).toEqual([9]);
  });

  it("freezes when told to, but not what is empty", () => {
    const { set } = setOf();
    set.freeze();
    set.append([batch(0, 1)]);
    set.freeze();
    set.freeze();
    expect(set.all.map(({ store }) => store.finished)).toEqual([true]);
    expect(set.active).toBeUndefined();
    expect(set.append([batch(1, 1)])).toMatchObject({ memtable: { generation: 2 } });
  });
});
