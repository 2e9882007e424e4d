/** The memtable against its model: every type of key, snapshots of any age, growth, overwriting within a batch and across. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../../test/arrow-random-data.js";
import { NOT_FOUND } from "../kernels/key-index.js";
import {
  checkAnswers,
  indexOf,
  KEYS,
  KeyModel,
  keyBatch,
  keyData,
  keyMemtable,
  keyOf,
  plainTwin,
} from "./memtable.fixture.js";
import { Memtable } from "./memtable.js";

/** Appends of some batches each; keys are small numbers, so that many are overwritten. */
const arbitraryAppends = fc.array(fc.array(fc.array(fc.nat(400), { maxLength: 60 }), { maxLength: 3 }), {
  minLength: 1,
  maxLength: 12,
});

describe.each(Object.entries(KEYS))("a memtable with the key %s", (_name, types) => {
  it("answers as its model, with kernels and without, whose bytes are the same", () => {
    fc.assert(
      fc.property(arbitraryAppends, fc.nat(), (appends, seed) => {
        const random = new Random(seed);
        const memtable = keyMemtable(types);
        const twin = plainTwin(keyMemtable(types));
        expect([memtable.store.kernels.kind, twin.store.kernels.kind]).toEqual(["wasm", "plain"]);
        const reader = Memtable.attach(structuredClone(memtable.handle()));
        const model = new KeyModel();
        for (const append of appends) {
          const batches = append.map((keys) => keyBatch(types, keys));
          expect(twin.append(batches)).toEqual(memtable.append(batches));
          model.keys.push(...append.flat());
        }
        expect(twin.indexBytes).toBe(memtable.indexBytes);
        expect(indexOf(twin).equals(indexOf(memtable))).toBe(true);
        for (const each of [memtable, twin, reader]) checkAnswers(each, types, model, new Random(random.below(1e6)));
        for (const each of [memtable, twin, reader]) each.close();
      }),
      { numRuns: 6 },
    );
  });

  it("grows, and finds all that came before", () => {
    const memtable = keyMemtable(types, { maxRows: 9_000, bytes: 1 << 24 });
    const twin = plainTwin(keyMemtable(types, { maxRows: 9_000, bytes: 1 << 24 }));
    const model = new KeyModel();
    const random = new Random(7);
    for (let from = 1; from < 3_500; from += 500) {
      const keys = Array.from({ length: 500 }, (_, i) => (i % 10 === 0 ? random.below(from) : (from + i) * 83 + 1));
      for (const each of [memtable, twin]) each.append([keyBatch(types, keys)]);
      model.keys.push(...keys);
    }
    expect(indexOf(twin).equals(indexOf(memtable))).toBe(true);
    const asked = [...model.keys.slice(0, 1_000), 500_000, 500_001];
    const out = new Uint32Array(asked.length);
    for (const bound of [model.keys.length, 2_001]) {
      memtable.find(keyData(types, asked), bound, out);
      expect([...out]).toEqual(asked.map((key) => model.find(key, bound)));
    }
  });
});

describe("a lookup", () => {
  const types = KEYS["utf8, int32, binary"] ?? [];
  const model = new KeyModel();
  const memtable = keyMemtable(types);
  model.keys.push(...Array.from({ length: 300 }, (_, i) => i % 200));
  memtable.append([keyBatch(types, model.keys.slice(0, 150)), keyBatch(types, model.keys.slice(150))]);

  it("takes keys that lie in the arena, and slices", () => {
    const batch = memtable.store.recordBatch(1);
    if (batch === undefined) throw new Error("the batch is missing");
    for (const [from, to] of [
      [0, 150],
      [37, 90],
    ] as const) {
      const keys = types.map((_, i) => batch.data.children[i + 1]?.slice(from, to - from) ?? keyData(types, [])[0]);
      const out = new Uint32Array(to - from);
      memtable.find(
        keys.flatMap((key) => key ?? []),
        300,
        out,
      );
      expect([...out]).toEqual(model.keys.slice(150 + from, 150 + to).map((key) => model.find(key, 300)));
    }
  });

  it("does without kernels when all scratch regions are in use", () => {
    const readers = Array.from({ length: 17 }, () => Memtable.attach(memtable.handle()));
    const asked = [3, 83, 199, 777];
    const out = new Uint32Array(4);
    for (const reader of readers) {
      reader.find(keyData(types, asked), 300, out);
      expect([...out]).toEqual([203, 283, 199, NOT_FOUND]);
      expect(reader.findOne(keyOf(types, 83), 300)).toBe(283);
      const newest = new Uint32Array(150);
      expect(reader.newestRows(0, 300, newest)).toBe(50);
      expect([newest[0], newest[49]]).toEqual([100, 149]);
    }
    for (const reader of readers) reader.close();
  });

  it("of an empty memtable finds nothing", () => {
    const out = new Uint32Array(2);
    keyMemtable(types).find(keyData(types, [1, 2]), 0, out);
    expect([...out]).toEqual([NOT_FOUND, NOT_FOUND]);
  });
});

describe("recycling", () => {
  const types = KEYS["int64"] ?? [];

  it("leaves the index all zero, and the memtable as new", () => {
    const memtable = keyMemtable(types, { expectedRows: 900 });
    const fresh = indexOf(memtable).toString("hex");
    for (let use = 0; use < 3; use++) {
      const keys = Array.from({ length: 2_000 }, (_, i) => (i * 7) % (1_500 + use));
      memtable.append([keyBatch(types, keys.slice(0, 700)), keyBatch(types, keys.slice(700))]);
      expect(memtable.findOne(keyOf(types, 7), 2_000)).toBe(1_501 + use);
      expect(() => memtable.store.recycle()).toThrow("recycle the memtable");
      memtable.recycle({ expectedRows: 900 });
      expect(indexOf(memtable).toString("hex") === fresh).toBe(true);
      expect(memtable.snapshot()).toEqual({ batches: 0, rows: 0 });
      expect(memtable.findOne(keyOf(types, 7), 2_000)).toBe(NOT_FOUND);
    }
  });

  it("waits for readers", () => {
    const memtable = keyMemtable(types);
    memtable.append([keyBatch(types, [1, 2])]);
    const reader = Memtable.attach(memtable.handle());
    expect(() => memtable.recycle()).toThrow("readers are attached");
    expect(memtable.findOne(keyOf(types, 2), 2)).toBe(1);
    reader.close();
    memtable.recycle();
    expect(memtable.rows).toBe(0);
  });
});
