/**
 * Rotation and release at full speed under reading threads, for minutes: every byte of every snapshot is compared. Some threads hold on,
 * some are terminated wherever they are, and the ownership changes hands.
 */
import { expect, it } from "vitest";
import { fill, rotate, smallPool } from "./pool.fixture.js";
import { MemtablePool } from "./pool.js";
import { COMMAND } from "./pool-thread.fixture.js";
import { type PoolThread, startPoolThread } from "./start-pool-thread.fixture.js";

const SECONDS = process.env["PENNON_STRESS"] === "short" ? 20 : 300;
const READERS = 3;
/** Rotations between two looks at the threads. */
const ROTATIONS = 100;

async function stop(thread: PoolThread, kill: boolean): Promise<void> {
  if (kill) return thread.terminate();
  expect(await thread.tell(COMMAND.STOP)).toMatchObject({ wrong: undefined });
}

it("no reader ever sees a byte that is not of its memtable", async () => {
  let pool = smallPool({ slots: 10, leaseMs: 20 });
  pool.activate(1);
  const start = async (i: number): Promise<PoolThread> => {
    const thread = await startPoolThread(pool, i % 4 === 3 ? "hold" : "read", i % 2 === 1);
    pool.watch(thread.worker);
    return thread;
  };
  const threads = await Promise.all(Array.from({ length: READERS }, (_, i) => start(i)));
  const end = performance.now() + 1_000 * SECONDS;
  let rounds = 0;
  while (performance.now() < end) {
    for (let i = 0; i < ROTATIONS; i++) {
      fill(pool, 1 + (i % 5));
      for (const { memtable } of pool.live) memtable.store.advanceDurable(memtable.store.length);
      while (pool.stats().free === 0 && pool.reclaim(1) === 0) await new Promise(setImmediate);
      rotate(pool, (pool.live.at(-1)?.generation ?? 0) + 1);
      while (pool.live.length > 2) pool.release(pool.live[0]?.generation ?? 0);
    }
    await new Promise(setImmediate);
    if (++rounds % 5 !== 0) continue;
    const place = rounds % READERS;
    const thread = threads[place];
    if (thread === undefined) throw new Error("a thread is missing");
    await stop(thread, rounds % 2 === 0);
    threads[place] = await start(rounds);
    const former = pool;
    if (rounds % 15 === 0) former.closeOwner();
    pool = MemtablePool.attachOwner(former.handle(), { takeover: rounds % 15 !== 0, prefault: false });
    former.closeOwner();
  }
  for (const thread of threads) await stop(thread, false);
  pool.reclaim();
  expect(pool.stats()).toMatchObject({ readers: 0, pinned: 0, released: 0, abandoned: 0 });
  expect(rounds).toBeGreaterThan(5);
});
