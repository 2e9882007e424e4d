/** Memtables that are made for ascending keys: no index as long as they ascend, then one as any other, and the same answers at all times. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../../test/arrow-random-data.js";
import { FullError, TooLargeError, UsageError } from "../errors.js";
import { INDEX_HEADER_BYTES, NOT_FOUND } from "../kernels/key-index.js";
import { betweenAtomics, terminateAt } from "./atomics.fixture.js";
import {
  checkAnswers,
  indexOf,
  indexWord,
  KEYS,
  KeyModel,
  keyBatch,
  keyData,
  keyMemtable,
  keyOf,
  plainTwin,
} from "./memtable.fixture.js";
import { Memtable } from "./memtable.js";
import { MemtablePool } from "./pool.js";
import { PoolReader } from "./pool-reader.js";

/** Multiples of 5, whose keys ascend by the same step. */
const types = KEYS["int64"] ?? [];
const batch = (...keys: number[]) => keyBatch(types, keys);

describe("an ordered memtable", () => {
  it("finds keys below a bound, and takes no memory for it", () => {
    const memtable = keyMemtable(types, { ordered: true });
    const reader = Memtable.attach(structuredClone(memtable.handle()));
    const keys = Array.from({ length: 300 }, (_, i) => 5 * i + 10);
    memtable.append([batch(...keys.slice(0, 1)), batch(), batch(...keys.slice(1, 100))]);
    expect(reader.findOne(keyOf(types, 15), 100)).toBe(1);
    memtable.append([batch(...keys.slice(100))]);
    expect([memtable.indexBytes, memtable.rows, reader.rows]).toEqual([INDEX_HEADER_BYTES, 300, 300]);
    expect([memtable.ordered, reader.ordered]).toEqual([true, true]);
    expect(
      indexOf(memtable)
        .subarray(INDEX_HEADER_BYTES)
        .every((byte) => byte === 0),
    ).toBe(true);
    const asked = [0, 5, ...keys, 1_515, 1_510];
    for (const each of [memtable, reader]) {
      for (const bound of [300, 299, 100, 50, 1, 0]) {
        const out = new Uint32Array(asked.length);
        each.find(keyData(types, asked), bound, out);
        const expected = asked
          .map((key) => keys.indexOf(key))
          .map((row) => (row >= 0 && row < bound ? row : NOT_FOUND));
        expect([...out]).toEqual(expected);
        expect(asked.map((key) => each.findOne(keyOf(types, key), bound))).toEqual(expected);
        expect(each.findOne([5 * 20 - 40], bound)).toBe(bound > 18 ? 18 : NOT_FOUND);
      }
      const newest = new Uint32Array(200);
      expect(each.newestRows(3, 130, newest)).toBe(30);
      expect([newest[0], newest[29]]).toEqual([0, 29]);
      expect([each.isNewest(3, 4), each.isNewest(4, 4)]).toEqual([true, false]);
      expect(each.locate(100)).toEqual({ position: 3, row: 0 });
    }
  });

  it("has bounds, and starts anew when it is recycled", () => {
    const memtable = keyMemtable(types, { ordered: true, maxRows: 10 });
    memtable.append([batch(5, 10, 15)]);
    expect(() => memtable.append([batch(...Array(8).fill(20))])).toThrow(FullError);
    expect(() => memtable.append([batch(...Array(11).fill(20))])).toThrow(TooLargeError);
    expect(memtable.findOne(keyOf(types, 10), 3)).toBe(1);
    memtable.recycle();
    memtable.append([batch(10)]);
    expect(memtable.findOne(keyOf(types, 10), 1)).toBe(0);
    expect(memtable.findOne(keyOf(types, 5), 1)).toBe(NOT_FOUND);
  });

  it("takes one int64 column as its key", () => {
    for (const name of ["int32", "utf8", "int32, int64"]) {
      expect(() => keyMemtable(KEYS[name] ?? [], { ordered: true })).toThrow(UsageError);
    }
  });

  it.each([
    ["the same key again, in a batch", [batch(5, 5)]],
    ["the same key again, in the next batch", [batch(5), batch(5)]],
    ["the same key again, behind an empty batch", [batch(5), batch(), batch(5)]],
    ["a lower key", [batch(5, 10), batch(), batch(15, 10)]],
    // Keys 4 and 6 lie 48 and 12 bits apart from those of 5 and 10: their order is decided in the high word.
    ["a key that is lower in its high word only", [batch(4, 6)]],
  ])("has an index from %s on", (_, batches) => {
    const memtable = keyMemtable(types, { ordered: true });
    memtable.append(batches);
    expect(memtable.ordered).toBe(false);
  });

  it("has none for the least and the greatest keys, and across the words of a key", () => {
    const memtable = keyMemtable(types, { ordered: true });
    // -40, -35, 20, then 2^48 - 40 and 6 * 2^48 - 40, whose low words are smaller than those before.
    memtable.append([batch(0, 5), batch(60, 9), batch(14)]);
    expect([memtable.ordered, memtable.findOne(keyOf(types, 9), 5), memtable.findOne(keyOf(types, 0), 5)]).toEqual([
      true,
      3,
      0,
    ]);
  });
});

/** Appends of batches whose keys ascend, except for those of a row in `one`. */
const arbitraryRun = (one: number) =>
  fc.array(
    fc.array(
      fc.array(
        fc.oneof(
          { weight: one, arbitrary: fc.integer({ min: 1, max: 2 }) },
          { weight: 1, arbitrary: fc.integer({ min: -60, max: 0 }) },
        ),
        { maxLength: 30 },
      ),
      { maxLength: 3 },
    ),
    { minLength: 1, maxLength: 10 },
  );

/** Keys from the distances between them; all are multiples of 5 below 440, so that they are looked up. */
function keysOf(run: readonly (readonly (readonly number[])[])[]): number[][][] {
  let key = -5;
  return run.map((append) =>
    append.map((rows) =>
      rows.flatMap((step) => {
        key = Math.max(0, key + 5 * step);
        return key < 2_000 ? [key] : [];
      }),
    ),
  );
}

function ascends(keys: readonly number[]): boolean {
  return keys.every((key, i) => i === 0 || key > (keys[i - 1] ?? 0));
}

describe("a memtable whose keys cease to ascend", () => {
  it("answers as its model, for readers from before and after, with kernels and without, and again once recycled", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(
        fc.array(fc.oneof(arbitraryRun(20), arbitraryRun(200)), { minLength: 1, maxLength: 3 }),
        fc.nat(),
        (runs, seed) => {
          const random = new Random(seed);
          const memtable = keyMemtable(types, { ordered: true });
          const twin = plainTwin(keyMemtable(types, { ordered: true }));
          expect([memtable.store.kernels.kind, twin.store.kernels.kind]).toEqual(["wasm", "plain"]);
          const fresh = indexOf(memtable).toString("hex");
          for (const run of runs.map(keysOf)) {
            const readers = [memtable, twin].map((each) => Memtable.attach(each.handle()));
            const model = new KeyModel();
            for (const append of run) {
              const batches = append.map((keys) => keyBatch(types, keys));
              expect(twin.append(batches)).toEqual(memtable.append(batches));
              model.keys.push(...append.flat());
              const late = Memtable.attach(memtable.handle());
              for (const each of [memtable, twin, late, ...readers]) {
                expect(each.ordered).toBe(ascends(model.keys));
                checkAnswers(each, types, model, new Random(random.below(1e6)));
              }
              late.close();
            }
            expect(indexOf(twin).equals(indexOf(memtable))).toBe(true);
            seen.add(memtable.ordered ? "ascended" : "indexed");
            for (const reader of readers) reader.close();
            for (const each of [memtable, twin]) {
              each.recycle();
              expect([each.ordered, indexOf(each).toString("hex") === fresh]).toEqual([true, true]);
            }
          }
          for (const each of [memtable, twin]) each.close();
        },
      ),
      { numRuns: 6 },
    );
    expect([...seen].sort()).toEqual(["ascended", "indexed"]);
  });

  it("has room for all the rows that it may hold, and the same index as any other, at whatever row that happens", () => {
    for (const at of [1, 700, 769, 2_999]) {
      const memtable = keyMemtable(types, { ordered: true, maxRows: 3_000 });
      const other = keyMemtable(types, { maxRows: 3_000 });
      for (let row = 0; row < 3_000; row += 100) {
        const keys = Array.from({ length: 100 }, (_, i) => (row + i === at ? 0 : 5 * (row + i)));
        for (const each of [memtable, other]) each.append([batch(...keys)]);
      }
      expect([memtable.ordered, memtable.rows]).toEqual([false, 3_000]);
      expect(memtable.findOne(keyOf(types, 0), 3_000)).toBe(at);
      expect(memtable.findOne(keyOf(types, 5 * 2_998), 3_000)).toBe(2_998);
      // Records, blocks and links.
      const [left, right] = [memtable, other].map((each) => {
        const index = indexOf(each);
        return index.subarray(INDEX_HEADER_BYTES, indexWord(each, "TABLES") - index.byteOffset);
      });
      expect(right !== undefined && left?.equals(right)).toBe(true);
    }
  });
});

/**
 * What is there before, and the append that ends the ascent: with its second batch, of which keys are new, old, and twice. The low first
 * keys of later ones would lead a binary search among all of them astray.
 */
const before = [[0, 5, 10, 15], [], [20, 40, 60]];
const after = [[80, 100], [5, 10, 60, 35, 10], [5, 200], [5], [210]];

function started(): { readonly memtable: Memtable; readonly reader: Memtable } {
  const memtable = plainTwin(keyMemtable(types, { ordered: true, maxRows: 100, batches: 10, bytes: 65_536 }));
  memtable.append(before.map((keys) => batch(...keys)));
  return { memtable, reader: Memtable.attach(memtable.handle()) };
}

function append(memtable: Memtable): void {
  memtable.append(after.map((keys) => batch(...keys)));
}

const FIRST = before.flat();
const BOTH = [...FIRST, ...after.flat()];
const ASKED = [...new Set([...BOTH, 3, 25, 500])];

/** Checks a reader at what it sees now, which is one append or both, and at a bound below. */
function checkNow(reader: Memtable): number {
  const { rows } = reader.snapshot();
  expect([FIRST.length, BOTH.length]).toContain(rows);
  const model = new KeyModel();
  model.keys.push(...BOTH);
  checkAt(reader, model, rows);
  checkAt(reader, model, 5);
  return rows;
}

function checkAt(reader: Memtable, model: KeyModel, bound: number): void {
  const out = new Uint32Array(ASKED.length);
  reader.find(keyData(types, ASKED), bound, out);
  expect([...out]).toEqual(ASKED.map((key) => model.find(key, bound)));
  expect(reader.findOne(keyOf(types, 10), bound)).toBe(model.find(10, bound));
  expect(FIRST.map((_, row) => row < bound && reader.isNewest(row, bound))).toEqual(
    FIRST.map((key, row) => row < bound && model.find(key, bound) === row),
  );
  const newest = new Uint32Array(4);
  const found = reader.newestRows(0, bound, newest);
  expect([...newest.subarray(0, found)]).toEqual(model.newest(0, 4, bound));
}

/** Calls `at` for each place between two operations, until it says that the last was passed. */
function everywhere(at: (operation: number) => boolean): number {
  for (let operation = 0; operation < 2_000; operation++) if (at(operation)) return operation;
  throw new Error("there are more operations than that");
}

describe("the first batch that does not ascend, between any two operations on shared memory", () => {
  it("is seen by readers either not at all or rightly", () => {
    const { memtable, reader } = started();
    const seen = new Set<number>();
    const roots = new Set<boolean>();
    betweenAtomics(
      () => {
        roots.add(reader.ordered);
        seen.add(checkNow(reader));
      },
      () => append(memtable),
    );
    seen.add(checkNow(reader));
    expect([...seen]).toEqual([FIRST.length, BOTH.length]);
    expect([...roots]).toEqual([true, false]);
    for (const each of [reader, memtable]) each.close();
  });

  it("may come in while a reader looks something up", () => {
    const model = new KeyModel();
    model.keys.push(...BOTH);
    const operations = everywhere((operation) => {
      const { memtable, reader } = started();
      const { rows } = reader.snapshot();
      let done = false;
      betweenAtomics(
        (current) => {
          if (current !== operation) return;
          append(memtable);
          done = true;
        },
        () => checkAt(reader, model, rows),
      );
      checkNow(reader);
      for (const each of [reader, memtable]) each.close();
      return !done;
    });
    expect(operations).toBeGreaterThan(5);
  });

  it("may be as far as its writer got that is gone: the next one ends what it began", () => {
    const whole = started();
    append(whole.memtable);
    const bytes = indexOf(whole.memtable);
    const left = new Set<string>();
    everywhere((operation) => {
      const { memtable, reader } = started();
      memtable.store.appendAll(after.map((keys) => batch(...keys)));
      const ended = terminateAt(operation, () => memtable.append([])); // indexes what is committed
      left.add(`${reader.ordered ? "no index" : "an index"}, ${checkNow(reader)} rows`);
      const next = betweenAtomics(
        () => checkNow(reader),
        () => Memtable.attachWriter(memtable.handle(), { takeover: true, prefault: false }),
      );
      expect(checkNow(reader)).toBe(BOTH.length);
      expect(indexOf(next).equals(bytes)).toBe(true);
      next.append([batch(10)]);
      expect(next.findOne(keyOf(types, 10), next.rows)).toBe(BOTH.length);
      reader.close();
      next.recycle();
      expect([
        next.ordered,
        indexOf(next)
          .subarray(INDEX_HEADER_BYTES)
          .every((byte) => byte === 0),
      ]).toEqual([true, true]);
      next.close();
      return ended;
    });
    expect([...left]).toEqual([
      `no index, ${FIRST.length} rows`,
      `an index, ${FIRST.length} rows`,
      `an index, ${BOTH.length} rows`,
    ]);
  });
});

describe("a writer that takes over", () => {
  it.each([
    ["ascends on", [65], true],
    ["does not", [60], false],
  ])("knows the last key, whether its first batch %s", (_, keys, ordered) => {
    const { memtable, reader } = started();
    memtable.append([batch()]);
    const handle = memtable.handle();
    memtable.close();
    const next = Memtable.attachWriter(handle, { prefault: false });
    expect(next.ordered).toBe(true);
    next.append([batch(...keys)]);
    expect([next.ordered, reader.ordered]).toEqual([ordered, ordered]);
    expect(reader.findOne(keyOf(types, keys[0] ?? 0), 8)).toBe(7);
    for (const each of [reader, next]) each.close();
  });
});

describe("a pool of such memtables", () => {
  it("uses arenas again, whether they had an index or not, by whatever owner", () => {
    const { schema } = batch();
    const sizes = { bytes: 65_536, batches: 20, maxRows: 100, slots: 2, prefault: false };
    let pool = MemtablePool.create({ schema, primaryKey: ["k0"], ordered: true, ...sizes });
    const reader = PoolReader.attach(pool.handle());
    for (let generation = 1; generation <= 12; generation++) {
      const memtable = pool.activate(generation);
      expect([memtable.ordered, memtable.rows]).toEqual([true, 0]);
      const disorder = generation % 3 !== 0;
      memtable.append([batch(5 * generation, 1_000, 2_000)]);
      const held = reader.snapshot({ durableOnly: false });
      memtable.append([batch(...(disorder ? [1_000, 500] : [3_000, 4_000]))]);
      expect(memtable.ordered).toBe(!disorder);
      const snapshot = reader.snapshot({ durableOnly: false });
      const seen = snapshot.memtables[0]?.memtable;
      expect(seen?.ordered).toBe(!disorder);
      expect([5, 3].map((rows) => seen?.findOne(keyOf(types, 1_000), rows))).toEqual([disorder ? 3 : 1, 1]);
      expect([5, 3].map((rows) => seen?.isNewest(1, rows))).toEqual([!disorder, true]);
      expect(seen?.findOne(keyOf(types, 5 * (generation - 1)), 5)).toBe(NOT_FOUND);
      for (const each of [held, snapshot]) each.release();
      if (generation % 4 === 0) {
        pool.closeOwner();
        pool = MemtablePool.attachOwner(pool.handle(), { prefault: false });
      }
      pool.freeze(generation);
      pool.release(generation);
    }
    reader.close();
    pool.close();
  });
});
