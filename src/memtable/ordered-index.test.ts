/** Memtables whose keys ascend: no index, the same answers. */
import { describe, expect, it } from "vitest";
import { FullError, TooLargeError, UsageError } from "../errors.js";
import { NOT_FOUND } from "../kernels/key-index.js";
import { indexOf, KEYS, keyBatch, keyData, keyMemtable, keyOf } from "./memtable.fixture.js";
import { Memtable } from "./memtable.js";

/** Multiples of 5, whose keys ascend by the same step. */
const types = KEYS["int64"] ?? [];

describe("an ordered memtable", () => {
  it("finds keys below a bound, and takes no memory for it", () => {
    const memtable = keyMemtable(types, { ordered: true });
    const reader = Memtable.attach(structuredClone(memtable.handle()));
    const keys = Array.from({ length: 300 }, (_, i) => 5 * i + 10);
    memtable.append([keyBatch(types, keys.slice(0, 1)), keyBatch(types, []), keyBatch(types, keys.slice(1, 100))]);
    expect(reader.findOne(keyOf(types, 15), 100)).toBe(1);
    memtable.append([keyBatch(types, keys.slice(100))]);
    expect([memtable.indexBytes, indexOf(memtable).length, memtable.rows, reader.rows]).toEqual([0, 0, 300, 300]);
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
    memtable.append([keyBatch(types, [5, 10, 15])]);
    expect(() => memtable.append([keyBatch(types, Array(8).fill(20))])).toThrow(FullError);
    expect(() => memtable.append([keyBatch(types, Array(11).fill(20))])).toThrow(TooLargeError);
    expect(memtable.findOne(keyOf(types, 10), 3)).toBe(1);
    memtable.recycle();
    memtable.append([keyBatch(types, [10])]);
    expect(memtable.findOne(keyOf(types, 10), 1)).toBe(0);
    expect(memtable.findOne(keyOf(types, 5), 1)).toBe(NOT_FOUND);
  });

  it("takes one int64 column as its key", () => {
    for (const name of ["int32", "utf8", "int32, int64"]) {
      expect(() => keyMemtable(KEYS[name] ?? [], { ordered: true })).toThrow(UsageError);
    }
  });
});
