/** The life of memtables in a pool, step by step: what is live, what a snapshot has, what is refused, what the statistics say. */
import { describe, expect, it, onTestFinished } from "vitest";
import { pairSchema, thrown } from "../../test/batches.js";
import { ClosedError, ConflictError, FullError, UsageError } from "../errors.js";
import { BatchStore } from "../store/batch-store.js";
import { nowMs } from "./clock.js";
import { fill, ROWS, rotate, shape, smallPool, wrong } from "./pool.fixture.js";
import { MemtablePool } from "./pool.js";
import { MAX_GENERATION, MAX_READERS } from "./pool-layout.js";
import { PoolReader } from "./pool-reader.js";

function readerOf(pool: MemtablePool): PoolReader {
  const reader = PoolReader.attach(pool.handle());
  onTestFinished(() => reader.close());
  return reader;
}

/** A pool with generations 1 to `frozen`, of 1, 2 … batches, frozen, and one more active with 1. */
function filledPool(frozen: number, slots = 4): MemtablePool {
  const pool = smallPool({ slots });
  for (let generation = 1; generation <= frozen + 1; generation++) {
    rotate(pool, generation);
    fill(pool, generation <= frozen ? generation : 1);
  }
  return pool;
}

describe("a pool", () => {
  it("begins without a memtable, and with an empty snapshot", () => {
    const pool = smallPool();
    expect(pool.live).toEqual([]);
    expect(readerOf(pool).snapshot().memtables).toEqual([]);
    expect(pool.stats()).toMatchObject({
      slots: 4,
      free: 4,
      active: 0,
      frozen: 0,
      released: 0,
      abandoned: 0,
      pinned: 0,
    });
  });

  it("has each memtable from its activation to its release", () => {
    const pool = smallPool();
    const reader = readerOf(pool);
    const seen = () => {
      using snapshot = reader.snapshot({ durableOnly: false });
      expect(wrong(snapshot)).toBeUndefined();
      expect(snapshot.memtables.map(({ generation }) => generation)).toEqual(pool.live.map((live) => live.generation));
      return shape(snapshot);
    };
    pool.activate(7);
    expect(seen()).toEqual([[7, 0]]);
    fill(pool, 3);
    expect(seen()).toEqual([[7, 3]]);
    pool.freeze(7);
    expect(seen()).toEqual([[7, 3]]);
    pool.activate(8);
    fill(pool, 1);
    expect(seen()).toEqual([
      [7, 3],
      [8, 1],
    ]);
    pool.release(7);
    expect(seen()).toEqual([[8, 1]]);
    pool.freeze(8);
    pool.release(8);
    expect(seen()).toEqual([]);
    pool.activate(9);
    expect(seen()).toEqual([[9, 0]]);
  });

  it("says what its arenas are in use for", () => {
    const pool = filledPool(2, 5);
    const reader = readerOf(pool);
    expect(pool.stats()).toMatchObject({
      free: 2,
      active: 1,
      frozen: 2,
      pinned: 0,
      readers: 1,
      arenaBytes: pool.live[0]?.memtable.arenaBytes,
    });
    const snapshot = reader.snapshot();
    const { liveBytes } = pool.stats();
    pool.release(1);
    pool.release(2);
    const stats = pool.stats();
    expect(stats).toMatchObject({
      free: 2,
      active: 1,
      frozen: 0,
      released: 2,
      abandoned: 0,
      pinned: 3,
      abandonedBytes: 0,
    });
    expect(stats.liveBytes).toBeGreaterThan(0);
    expect(stats.liveBytes + stats.releasedBytes).toBe(liveBytes);
    snapshot.release();
    expect(pool.stats()).toMatchObject({ released: 2, pinned: 0 });
    expect(pool.reclaim(1)).toBe(1);
    expect(pool.stats()).toMatchObject({ free: 3, released: 1 });
    expect(pool.reclaim()).toBe(1);
    expect(pool.reclaim()).toBe(0);
    expect(pool.stats()).toMatchObject({ free: 4, released: 0, releasedBytes: 0 });
  });

  it("uses arenas again before it touches new ones", () => {
    const pool = smallPool({ slots: 8 });
    const memories = new Set<unknown>();
    for (let generation = 1; generation <= 20; generation++) {
      rotate(pool, generation);
      if (generation > 1) pool.release(generation - 1);
      memories.add(pool.live.at(-1)?.memtable.store.handle().memory);
    }
    expect(memories.size).toBe(2);
  });

  it("refuses steps out of order, and stays as it was", () => {
    const pool = filledPool(2);
    const before = pool.stats();
    const refused: [() => void, RegExp][] = [
      [() => pool.activate(4), /generation 3 is still active; freeze it/],
      [() => pool.activate(5), /expected 4, the next/],
      [() => pool.activate(3), /expected 4, the next/],
      [() => pool.activate(0), /generation is 0; expected a whole number/],
      [() => pool.activate(MAX_GENERATION + 1), /expected a whole number from 1 to 2147483646/],
      [() => pool.freeze(2), /generation 2 cannot be frozen; expected the active one/],
      [() => pool.freeze(9), /generation 9 cannot be frozen/],
      [() => pool.release(2), /generation 2 cannot be released; expected 1, the oldest/],
    ];
    for (const [action, message] of refused) {
      const error = thrown(action);
      expect(error).toBeInstanceOf(UsageError);
      expect(String(error)).toMatch(message);
    }
    expect(pool.stats()).toEqual(before);
    pool.release(1);
    pool.release(2);
    expect(() => pool.release(3)).toThrow(/generation 3 cannot be released; expected a frozen one/);
    pool.freeze(3);
    expect(() => pool.freeze(3)).toThrow(UsageError);
    pool.release(3);
    expect(() => pool.release(4)).toThrow(UsageError);
    pool.activate(4);
  });

  it.each([1, 257, 2.5, Number.NaN])("refuses %d slots", (slots) => {
    expect(() => smallPool({ slots })).toThrow(/slots is .*; expected a whole number of arenas, 2 to 256/);
  });

  it.each([0, 1.5, 2 ** 31])("refuses a lease of %d ms", (leaseMs) => {
    expect(() => smallPool({ leaseMs })).toThrow(/leaseMs is .*; expected whole milliseconds/);
  });

  it("refuses what is not its handle", () => {
    const pool = smallPool();
    const store = BatchStore.create({ schema: pairSchema, bytes: 65_536 });
    const control = new SharedArrayBuffer(1024);
    for (const value of [undefined, {}, store.handle(), { ...pool.handle(), control }]) {
      expect(() => Reflect.apply(PoolReader.attach, PoolReader, [value])).toThrow(UsageError);
      expect(() => Reflect.apply(MemtablePool.attachOwner, MemtablePool, [value])).toThrow(UsageError);
    }
    const old = structuredClone(pool.handle());
    new Int32Array(old.control)[1] = 99;
    expect(() => PoolReader.attach(old)).toThrow(/layout version 99, this copy of pennon reads 1/);
  });
});

describe("no free arena", () => {
  it("is the flush's fault, the message says", () => {
    const pool = filledPool(3);
    pool.freeze(4);
    const error = thrown(() => pool.activate(5));
    expect(error).toBeInstanceOf(FullError);
    expect(error).toMatchObject({ bound: "memtables" });
    expect(String(error)).toContain(
      "all 4 arenas of the memtable pool are in use: 4 hold memtables that are not flushed yet;",
    );
    pool.release(1);
    pool.activate(5);
    fill(pool, 2);
    expect(shape(readerOf(pool).snapshot({ durableOnly: false }))).toEqual([
      [2, 2],
      [3, 3],
      [4, 1],
      [5, 2],
    ]);
  });

  it("is the readers' fault, the message says of which threads, and how many are overdue", async () => {
    const pool = smallPool({ slots: 2, leaseMs: 1 });
    const reader = readerOf(pool);
    rotate(pool, 1);
    rotate(pool, 2);
    const snapshot = reader.snapshot();
    const takenMs = nowMs();
    pool.release(1);
    pool.freeze(2);
    while (nowMs() - takenMs < 3) await new Promise(setImmediate);
    expect(() => pool.activate(3)).toThrow(
      /1 hold memtables that are not flushed yet, 1 are flushed but pinned by readers of the main thread \(1 of 1 pins past the lease of 1 ms\)/,
    );
    snapshot.release();
    pool.activate(3);
  });

  it("may be the fault of a handle of one store", () => {
    const pool = smallPool({ slots: 2 });
    rotate(pool, 1);
    const store = BatchStore.attach(pool.live[0]?.memtable.store.handle() ?? never());
    rotate(pool, 2);
    pool.release(1);
    pool.freeze(2);
    expect(() => pool.activate(3)).toThrow(/1 are flushed but pinned by handles of single stores/);
    store.close();
    pool.activate(3);
  });
});

describe("a snapshot", () => {
  it("shows durable rows only, unless told otherwise", () => {
    const pool = filledPool(1);
    const reader = readerOf(pool);
    const durable = () => {
      using snapshot = reader.snapshot();
      expect(wrong(snapshot)).toBeUndefined();
      return shape(snapshot);
    };
    expect(durable()).toEqual([
      [1, 0],
      [2, 0],
    ]);
    fill(pool, 1);
    pool.live[0]?.memtable.store.advanceDurable(1);
    pool.live[1]?.memtable.store.advanceDurable(1);
    expect(durable()).toEqual([
      [1, 1],
      [2, 1],
    ]);
    expect(shape(reader.snapshot({ durableOnly: false }))).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(durable()).toEqual([
      [1, 1],
      [2, 1],
    ]);
  });

  it("that asks for durable rows sees them come in a memtable that was read whole before", () => {
    const pool = filledPool(2);
    const reader = readerOf(pool);
    const both = () => [shape(reader.snapshot({ durableOnly: false }))[1], shape(reader.snapshot())[1]];
    expect(both()).toEqual([
      [2, 2],
      [2, 0],
    ]);
    pool.live[1]?.memtable.store.advanceDurable(1);
    expect(both()[1]).toEqual([2, 1]);
    pool.live[1]?.memtable.store.advanceDurable(2);
    expect(both()[1]).toEqual([2, 2]);
  });

  it("keeps its memtables, bytes and all, whatever becomes of the pool", () => {
    const pool = filledPool(2, 7);
    const reader = readerOf(pool);
    const snapshot = reader.snapshot({ durableOnly: false });
    const expected = shape(snapshot);
    for (let generation = 1; generation <= 50; generation++) {
      if (generation > 1) fill(pool, 2);
      rotate(pool, generation + 3);
      fill(pool, 3);
      pool.release(generation);
      expect(shape(snapshot)).toEqual(expected);
      expect(wrong(snapshot)).toBeUndefined();
      using now = reader.snapshot({ durableOnly: false });
      expect(wrong(now)).toBeUndefined();
    }
  });

  it("shares its pins with others of its reader: the last to go lets go", () => {
    const pool = filledPool(1);
    const reader = readerOf(pool);
    const [a, b] = [reader.snapshot(), reader.snapshot()];
    expect(a.memtables[0]?.memtable).toBe(b.memtables[0]?.memtable);
    pool.release(1);
    expect(pool.reclaim()).toBe(0);
    a.release();
    a.release();
    expect(pool.reclaim()).toBe(0);
    expect(pool.stats()).toMatchObject({ pinned: 2 });
    b.release();
    expect(pool.stats()).toMatchObject({ pinned: 0 });
    expect(pool.reclaim()).toBe(1);
  });

  it("is not held by the pins of another reader", () => {
    const pool = filledPool(1);
    const [a, b] = [readerOf(pool), readerOf(pool)];
    const snapshot = a.snapshot({ durableOnly: false });
    b.snapshot();
    pool.release(1);
    b.close();
    expect(pool.reclaim()).toBe(0);
    expect(wrong(snapshot)).toBeUndefined();
    snapshot.release();
    expect(pool.reclaim()).toBe(1);
  });

  it("closes the readers of memtables that are gone", () => {
    const pool = filledPool(1);
    const reader = readerOf(pool);
    const first = reader.snapshot();
    first.release();
    pool.release(1);
    reader.snapshot().release();
    expect(first.memtables[0]?.memtable.store.closed).toBe(true);
    expect(first.memtables[1]?.memtable.store.closed).toBe(false);
  });
});

describe("a pin past its lease", () => {
  it("counts as abandoned, and its arena is free again when it goes", async () => {
    const pool = smallPool({ slots: 3, leaseMs: 20 });
    const reader = readerOf(pool);
    rotate(pool, 1);
    fill(pool, 5);
    const snapshot = reader.snapshot({ durableOnly: false });
    rotate(pool, 2);
    pool.release(1);
    while (pool.stats().abandoned === 0) await new Promise(setImmediate);
    expect(pool.stats()).toMatchObject({ free: 1, active: 1, released: 0, abandoned: 1, releasedBytes: 0 });
    expect(pool.stats().abandonedBytes).toBeGreaterThan(5 * ROWS * 8);
    for (let generation = 3; generation < 20; generation++) {
      rotate(pool, generation);
      pool.release(generation - 1);
      fill(pool, 5);
      expect(wrong(snapshot)).toBeUndefined();
    }
    expect(pool.stats()).toMatchObject({ abandoned: 1 });
    snapshot.release();
    expect(pool.stats()).toMatchObject({ abandoned: 0 });
    pool.reclaim();
    expect(pool.stats()).toMatchObject({ free: 2 });
  });

  it("begins its lease anew with each snapshot", async () => {
    const pool = smallPool({ leaseMs: 1_000_000 });
    const reader = readerOf(pool);
    rotate(pool, 1);
    const words = new Int32Array(pool.handle().control);
    const held = reader.snapshot();
    const times = () => words.filter((word) => Math.abs(word - nowMs()) < 10_000);
    const [before = 0] = times();
    while (nowMs() === before) await new Promise(setImmediate);
    reader.snapshot().release();
    expect(times()[0]).toBeGreaterThan(before);
    held.release();
  });
});

describe("a reader", () => {
  it("gives up its pins when it is closed, and is of no use then", () => {
    const pool = filledPool(1);
    const reader = readerOf(pool);
    const snapshot = reader.snapshot();
    pool.release(1);
    expect(pool.reclaim()).toBe(0);
    reader.close();
    reader.close();
    expect(pool.stats()).toMatchObject({ readers: 0, pinned: 0 });
    expect(pool.reclaim()).toBe(1);
    expect(thrown(() => reader.snapshot())).toBeInstanceOf(ClosedError);
    const next = readerOf(pool);
    const other = next.snapshot();
    snapshot.release(); // must not touch the pins of the one that has the block now
    expect(pool.stats()).toMatchObject({ readers: 1, pinned: 1 });
    other.release();
  });

  it("is refused when there are as many as there is room for", () => {
    const pool = filledPool(1);
    const readers = Array.from({ length: MAX_READERS }, () => readerOf(pool));
    const error = thrown(() => PoolReader.attach(pool.handle()));
    expect(error).toMatchObject({ code: "Full", bound: "readers" });
    readers[17]?.close();
    readerOf(pool);
    for (const reader of readers) reader.close();
    expect(pool.stats().readers).toBe(1);
  });
});

describe("an owner", () => {
  it("hands the pool on, with its memtables", () => {
    const pool = filledPool(2);
    const handle = pool.handle();
    const snapshot = readerOf(pool).snapshot({ durableOnly: false });
    expect(() => MemtablePool.attachOwner(handle)).toThrow(ConflictError);
    pool.closeOwner();
    expect(() => pool.activate(4)).toThrow(ConflictError);
    const next = MemtablePool.attachOwner(structuredClone(handle), { prefault: false });
    expect(next.live.map(({ generation, memtable }) => [generation, memtable.store.length])).toEqual([
      [1, 1],
      [2, 2],
      [3, 1],
    ]);
    fill(next, 2);
    next.freeze(3);
    next.release(1);
    next.activate(4);
    expect(wrong(snapshot)).toBeUndefined();
    expect(shape(readerOf(next).snapshot({ durableOnly: false }))).toEqual([
      [2, 2],
      [3, 3],
      [4, 0],
    ]);
    next.close();
    expect(() => next.stats()).not.toThrow();
  });

  it("is replaced by a takeover, and then has no say", () => {
    const pool = filledPool(1);
    const next = MemtablePool.attachOwner(pool.handle(), { takeover: true, prefault: false });
    for (const action of [() => pool.freeze(2), () => pool.release(1), () => pool.reclaim(), () => pool.activate(3)]) {
      expect(action).toThrow(ConflictError);
    }
    pool.close();
    fill(next, 1);
    rotate(next, 3);
    next.release(1);
    expect(next.stats()).toMatchObject({ active: 1, frozen: 1, released: 1 });
  });

  it("closes the pool for good: who follows the active memtable comes to its end", () => {
    const pool = filledPool(1);
    const snapshot = readerOf(pool).snapshot({ durableOnly: false });
    pool.close();
    expect(snapshot.memtables.map(({ memtable }) => memtable.store.finished)).toEqual([true, true]);
    expect(wrong(snapshot)).toBeUndefined();
    pool.close();
  });
});

function never(): never {
  throw new Error("there is no memtable");
}
