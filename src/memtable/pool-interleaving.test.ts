/**
 * The protocol of a pool, step by step: between any two operations on shared memory of one side the other does all it can, or the thread
 * is terminated. Every one of these places is tried.
 */
import { threadId } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { betweenAtomics, terminateAt } from "./atomics.fixture.js";
import { fill, rotate, shape, smallPool, wrong } from "./pool.fixture.js";
import { MemtablePool } from "./pool.js";
import { PoolReader } from "./pool-reader.js";
import type { PoolSnapshot } from "./pool-snapshot.js";

const SLOTS = 5;
const LIVE = 3;
/** More operations than any of the actions here takes. */
const MANY = 5_000;

/** A pool with `LIVE` memtables, the last active, and a reader that has seen them, or has seen nothing yet. */
function start(seen: boolean): { pool: MemtablePool; reader: PoolReader } {
  const pool = smallPool({ slots: SLOTS });
  for (let generation = 1; generation <= LIVE; generation++) {
    rotate(pool, generation);
    fill(pool, generation);
  }
  const reader = PoolReader.attach(pool.handle());
  if (seen) reader.snapshot({ durableOnly: false }).release();
  return { pool, reader };
}

function next(pool: MemtablePool): number {
  return (pool.live.at(-1)?.generation ?? 0) + 1;
}

/** Releases the oldest memtable, activates another and fills it, so often that every arena that may be used is used again. */
function turn(pool: MemtablePool, times: number): void {
  for (let i = 0; i < times; i++) {
    const [oldest, ...others] = pool.live;
    if (oldest !== undefined && others.length > 0) pool.release(oldest.generation);
    if (pool.stats().free > 0 || pool.reclaim() > 0) {
      rotate(pool, next(pool));
      fill(pool, 2);
    } else {
      fill(pool, 1);
    }
  }
}

/** Checks a snapshot of moments at which `ranges` of generations were live; then once more, after the arenas around it were used again. */
function check(pool: MemtablePool, snapshot: PoolSnapshot, ranges: readonly (readonly number[])[]): void {
  const before = shape(snapshot);
  expect(ranges).toContainEqual(before.map(([generation]) => generation));
  expect(wrong(snapshot)).toBeUndefined();
  turn(pool, 2 * SLOTS);
  expect(shape(snapshot)).toEqual(before);
  expect(wrong(snapshot)).toBeUndefined();
}

/** Calls `at` for each place between two operations, until it says that the last was passed. */
function everywhere(at: (operation: number) => boolean): number {
  for (let operation = 0; operation < MANY; operation++) if (at(operation)) return operation;
  throw new Error(`there are more than ${MANY} operations`);
}

const bursts: [string, (pool: MemtablePool) => void][] = [
  ["rotates", (pool) => rotate(pool, next(pool))],
  [
    "appends and rotates",
    (pool) => {
      fill(pool, 3);
      rotate(pool, next(pool));
      fill(pool, 1);
    },
  ],
  ["releases", (pool) => pool.release(1)],
  [
    "releases all that are frozen",
    (pool) => {
      pool.release(1);
      pool.release(2);
      pool.reclaim();
    },
  ],
  ["uses an arena again", (pool) => turn(pool, 1)],
  ["uses all arenas again", (pool) => turn(pool, SLOTS)],
  ["uses all arenas again, to the same place of the table", (pool) => turn(pool, 2 * SLOTS)],
];

describe("a snapshot while the owner", () => {
  for (const seen of [false, true]) {
    it.each(bursts)(`%s, anywhere (memtables ${seen ? "" : "not "}read before)`, (_, burst) => {
      const operations = everywhere((operation) => {
        const { pool, reader } = start(seen);
        const ranges: number[][] = [];
        const note = () => void ranges.push(pool.live.map(({ generation }) => generation));
        note();
        let done = false;
        const snapshot = betweenAtomics(
          (current) => {
            if (current !== operation) return;
            burst(pool);
            note();
            done = true;
          },
          () => reader.snapshot({ durableOnly: false }),
        );
        check(pool, snapshot, ranges);
        snapshot.release();
        expect(pool.stats().pinned).toBe(0);
        reader.close();
        return !done;
      });
      expect(operations).toBeGreaterThan(10);
    });
  }

  it("makes rows durable in order, anywhere: what it sees is a prefix", () => {
    everywhere((operation) => {
      const { pool, reader } = start(true);
      let done = false;
      const snapshot = betweenAtomics(
        (current) => {
          if (current < operation || done) return;
          done = true;
          for (const { memtable } of pool.live) memtable.store.advanceDurable(memtable.store.length);
        },
        () => reader.snapshot(),
      );
      expect(wrong(snapshot)).toBeUndefined();
      const seen = shape(snapshot);
      const whole = seen.map(([generation, batches]) => batches === generation);
      // Whatever is whole comes before whatever is not.
      expect(whole).toEqual([...whole].sort((a, b) => Number(b) - Number(a)));
      reader.close();
      return !done;
    });
  });
});

describe("an owner while readers take snapshots, anywhere", () => {
  it.each([false, true])("never touches what they hold (all held: %s)", (hold) => {
    const { pool, reader } = start(false);
    const held: { snapshot: PoolSnapshot; shape: [number, number][] }[] = [];
    const generations: number[][] = [];
    betweenAtomics(
      () => {
        const snapshot = reader.snapshot({ durableOnly: false });
        expect(wrong(snapshot)).toBeUndefined();
        generations.push(snapshot.memtables.map(({ generation }) => generation));
        if (hold && held.length < 400) held.push({ snapshot, shape: shape(snapshot) });
        else snapshot.release();
      },
      () => turn(pool, 6),
    );
    expect(generations.length).toBeGreaterThan(100);
    for (const { snapshot, shape: before } of held) {
      expect(shape(snapshot)).toEqual(before);
      expect(wrong(snapshot)).toBeUndefined();
      snapshot.release();
    }
    // Neither end ever goes back.
    for (const [i, now] of generations.entries()) {
      const before = generations[i - 1];
      expect(now[0]).toBeGreaterThanOrEqual(before?.[0] ?? 0);
      expect(now.at(-1)).toBeGreaterThanOrEqual(before?.at(-1) ?? 0);
    }
    turn(pool, 2 * SLOTS);
    expect(pool.stats()).toMatchObject({ pinned: 0, abandoned: 0 });
    reader.close();
  });
});

describe("a thread that is terminated, anywhere,", () => {
  it("as owner leaves a pool with which the next goes on, no row missing, no arena lost", () => {
    const operations = everywhere((operation) => {
      const { pool, reader } = start(true);
      // Without appends: what a writer leaves that was terminated in one has its own tests in src/store.
      const finished = terminateAt(operation, () => {
        pool.release(1);
        pool.reclaim();
        rotate(pool, 4);
      });
      const owner = MemtablePool.attachOwner(pool.handle(), { takeover: true, prefault: false });
      const last = owner.live.at(-1);
      expect(last).toBeDefined();
      using snapshot = reader.snapshot({ durableOnly: false });
      expect(wrong(snapshot)).toBeUndefined();
      expect(snapshot.memtables.map(({ generation }) => generation)).toEqual(owner.live.map((live) => live.generation));
      for (const { generation, batches } of snapshot.memtables) {
        if (generation <= LIVE) expect(batches).toBeGreaterThanOrEqual(generation);
      }
      snapshot.release();
      if (last?.memtable.store.finished === false) owner.freeze(last.generation);
      for (const { generation } of owner.live) owner.release(generation);
      owner.reclaim();
      expect(owner.stats()).toMatchObject({ free: SLOTS });
      for (let i = 0; i < SLOTS; i++) {
        rotate(owner, (last?.generation ?? 0) + 1 + i);
        fill(owner, 1);
      }
      expect(wrong(reader.snapshot({ durableOnly: false }))).toBeUndefined();
      reader.close();
      return finished;
    });
    expect(operations).toBeGreaterThan(50);
  });

  it("as reader leaves pins that are cleared with its thread", () => {
    const operations = everywhere((operation) => {
      const { pool } = start(false);
      const finished = terminateAt(operation, () => {
        const reader = PoolReader.attach(pool.handle());
        const snapshot = reader.snapshot({ durableOnly: false });
        reader.snapshot({ durableOnly: false }).release();
        snapshot.release();
        reader.close();
      });
      pool.clearThread(threadId);
      expect(pool.stats()).toMatchObject({ pinned: 0, readers: 0 });
      turn(pool, 2 * SLOTS);
      return finished;
    });
    expect(operations).toBeGreaterThan(30);
  });
});
