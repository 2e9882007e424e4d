/** Pools read in other threads: rotations that nobody is told of, holders that never let go, threads that end in every way. */
import { Field, Int64, makeData, Schema } from "apache-arrow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { batchOf } from "../../test/arrow-arbitrary.js";
import { fill, rotate, smallPool } from "./pool.fixture.js";
import { MemtablePool } from "./pool.js";
import { COMMAND } from "./pool-thread.fixture.js";
import { startPoolThread } from "./start-pool-thread.fixture.js";

/** Freezes, activates, releases and fills, `times` times; waits for readers when no arena is free. */
async function turn(pool: MemtablePool, times: number, batches = 3): Promise<void> {
  for (let i = 0; i < times; i++) {
    const generation = pool.live.at(-1)?.generation ?? 0;
    fill(pool, batches);
    for (let stats = pool.stats(); stats.free === 0 && pool.reclaim(1) === 0; stats = pool.stats()) {
      await new Promise(setImmediate);
    }
    rotate(pool, generation + 1);
    fill(pool, batches);
    const [oldest, , , more] = pool.live;
    if (oldest !== undefined && more !== undefined) pool.release(oldest.generation);
  }
}

let pool: MemtablePool;
beforeEach(() => {
  pool = smallPool({ slots: 12, leaseMs: 50 });
  pool.activate(1);
  fill(pool, 4);
});
afterEach(() => pool.close());

describe("threads that read", () => {
  it("see every rotation without a message, and every byte is right", async () => {
    const readers = await Promise.all([false, false, true].map((durable) => startPoolThread(pool, "read", durable)));
    for (let round = 0; round < 20; round++) {
      await turn(pool, 25);
      for (const { memtable } of pool.live) memtable.store.advanceDurable(memtable.store.length);
      for (const reader of readers) reader.waitForCheck(reader.checked);
    }
    for (const reader of readers) {
      const answer = await reader.tell(COMMAND.STOP);
      expect(answer).toMatchObject({ wrong: undefined });
      expect(answer?.generations).toBeGreaterThan(30);
    }
    expect(pool.stats()).toMatchObject({ readers: 0, pinned: 0 });
  });

  it("and never let go neither stall the owner, nor see a byte change", async () => {
    const holder = await startPoolThread(pool, "hold");
    expect(holder.shape).toEqual([[1, 4]]);
    await turn(pool, 300);
    while (pool.stats().abandoned === 0) await new Promise(setImmediate);
    expect(pool.stats()).toMatchObject({ abandoned: 1, pinned: 1 });
    await turn(pool, 300);
    holder.waitForCheck(holder.checked);
    const answer = await holder.tell(COMMAND.STOP);
    expect(answer).toMatchObject({ wrong: undefined, generations: 1 });
    pool.reclaim();
    expect(pool.stats()).toMatchObject({ abandoned: 0, pinned: 0, released: 0 });
  });
});

describe("a thread that ends with pins", () => {
  it("by itself: they are cleared", async () => {
    const holder = await startPoolThread(pool, "hold");
    expect(pool.stats()).toMatchObject({ readers: 1, pinned: 1 });
    await holder.tell(COMMAND.EXIT);
    expect(pool.stats()).toMatchObject({ readers: 0, pinned: 0 });
  });

  it("by being terminated: they are cleared when it is watched", async () => {
    const holder = await startPoolThread(pool, "hold");
    const other = await startPoolThread(pool, "hold");
    pool.watch(holder.worker);
    await holder.terminate();
    expect(pool.stats()).toMatchObject({ readers: 1, pinned: 1 });
    await other.terminate();
    expect(pool.stats()).toMatchObject({ readers: 1, pinned: 1 });
    pool.clearThread(holder.threadId);
    expect(pool.stats()).toMatchObject({ readers: 1, pinned: 1 });
    pool.clearThread(other.threadId);
    expect(pool.stats()).toMatchObject({ readers: 0, pinned: 0 });
    expect(() => pool.watch(other.worker)).toThrow(/the worker has exited/);
  });

  it("and whose end nobody tells: its arenas are abandoned, and the message names it", async () => {
    const holder = await startPoolThread(pool, "hold");
    await holder.terminate();
    await turn(pool, 100);
    while (pool.stats().abandoned === 0) await new Promise(setImmediate);
    let generation = pool.live.at(-1)?.generation ?? 0;
    const fillAll = () => {
      for (;;) rotate(pool, ++generation);
    };
    expect(fillAll).toThrow(
      new RegExp(
        `11 hold memtables that are not flushed yet, 1 are flushed but pinned by readers of thread ${holder.threadId} \\(1 of 1 pins past`,
      ),
    );
    pool.clearThread(holder.threadId);
    pool.activate(generation);
  });
});

describe("resident memory", () => {
  it("stays that of the arenas in use, over a hundred rotations with an idle thread attached", async () => {
    const rows = 100_000;
    const schema = new Schema([new Field("id", new Int64(), false)]);
    const options = { schema, primaryKey: ["id"], ordered: true, bytes: 8 << 20, batches: 20, maxRows: 20 * rows };
    const large = MemtablePool.create({ ...options, slots: 16, prefault: false });
    const batches = Array.from({ length: 10 }, (_, i) => {
      const data = BigInt64Array.from({ length: rows }, (_, row) => BigInt(i * rows + row));
      return batchOf(schema, rows, [makeData({ type: new Int64(), data })]);
    });
    large.activate(1);
    const idle = await startPoolThread(large, "idle");
    const turnLarge = (generation: number): void => {
      large.live.at(-1)?.memtable.append(batches);
      rotate(large, generation + 1);
      if (large.live.length > 2) large.release(generation - 1);
    };
    for (let generation = 1; generation <= 6; generation++) turnLarge(generation);
    expect(large.stats().liveBytes).toBeGreaterThan(8 * 10 * rows);
    const before = process.memoryUsage.rss();
    for (let generation = 7; generation <= 106; generation++) turnLarge(generation);
    // A hundred times 8 MB went in.
    expect(process.memoryUsage.rss() - before).toBeLessThan(100e6);
    expect(large.stats()).toMatchObject({ free: 13, released: 1, frozen: 1, active: 1 });
    await idle.tell(COMMAND.STOP);
    large.close();
  });
});
