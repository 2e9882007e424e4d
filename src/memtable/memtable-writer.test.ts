/** What appends leave behind when they fail, and writers when they end: no entry that names a row of another. */
import { Bool, Field, Float64, Int16, Int64, Schema, Uint32, Utf8 } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { pairBatch, thrown } from "../../test/batches.js";
import { FullError, TooLargeError, UsageError } from "../errors.js";
import { NOT_FOUND } from "../kernels/key-index.js";
import { WORD } from "../store/layout.js";
import { betweenAtomics } from "./atomics.fixture.js";
import {
  bufferOf,
  indexOf,
  indexWord,
  KEYS,
  KeyModel,
  keyBatch,
  keyData,
  keyMemtable,
  keyOf,
  keySchema,
  plainTwin,
} from "./memtable.fixture.js";
import { Memtable } from "./memtable.js";

const types = KEYS["int64"] ?? [];

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

describe("an append that fails", () => {
  it.each([
    ["a bound of rows", { maxRows: 100 }, FullError, range(0, 60)],
    ["a bound of rows that no room makes fit", { maxRows: 100 }, TooLargeError, range(0, 101)],
    ["the bound of batches", { batches: 1 }, FullError, range(0, 3)],
    ["an arena that is too small", { bytes: 65_536, maxRows: 100_000 }, TooLargeError, range(0, 20_000)],
    ["a batch of another schema", {}, UsageError, undefined],
  ])("at %s leaves nothing, and the next succeeds as if it had not happened", (name, options, errorClass, keys) => {
    const memtable = keyMemtable(types, options);
    memtable.append([keyBatch(types, range(0, 50))]);
    const before = { rows: memtable.rows, keys: indexWord(memtable, "KEYS"), indexed: memtable.store.indexed };
    const batch = keys === undefined ? pairBatch(3) : keyBatch(types, keys);
    expect(thrown(() => memtable.append([batch]))).toBeInstanceOf(errorClass);
    expect({ rows: memtable.rows, keys: indexWord(memtable, "KEYS"), indexed: memtable.store.indexed }).toEqual(before);
    const out = new Uint32Array(2);
    memtable.find(keyData(types, [10, 55]), 1_000, out);
    expect([...out]).toEqual([10, NOT_FOUND]);
    if (name === "the bound of batches") return;
    memtable.append([keyBatch(types, [10, 55])]);
    memtable.find(keyData(types, [10, 55]), 1_000, out);
    expect([...out]).toEqual([50, 51]);
    memtable.find(keyData(types, [10, 55]), 50, out);
    expect([...out]).toEqual([10, NOT_FOUND]);
  });

  it("is atomic over its batches", () => {
    const memtable = keyMemtable(types);
    expect(() => memtable.append([keyBatch(types, [1, 2]), pairBatch(1)])).toThrow(UsageError);
    expect([memtable.rows, memtable.store.length, indexWord(memtable, "KEYS")]).toEqual([0, 0, 0]);
    expect(() => memtable.append([keyBatch(types, range(0, 500))], { maxBytes: 1_000 })).toThrow(TooLargeError);
    memtable.append([keyBatch(types, [2]), keyBatch(types, [1, 2])]);
    expect([1, 2].map((n) => memtable.findOne(keyOf(types, n), 3))).toEqual([1, 2]);
  });
});

/** What a writer leaves that was terminated in the middle: the words of the index as they were at that moment. */
describe("a writer that takes over", () => {
  const first = range(0, 640);
  const second = [...range(600, 710), 3, 3, 3];

  function expected(): { readonly whole: Buffer; readonly model: KeyModel } {
    const memtable = keyMemtable(types);
    memtable.append([keyBatch(types, first)]);
    memtable.append([keyBatch(types, second)]);
    const model = new KeyModel();
    model.keys.push(...first, ...second);
    return { whole: indexOf(memtable), model };
  }

  /** A memtable whose writer committed the second batch and is gone; `leave` makes of the index what it left. */
  function abandoned(leave: (before: Buffer, after: Buffer, index: Buffer) => void): Memtable {
    const memtable = keyMemtable(types);
    memtable.append([keyBatch(types, first)]);
    const index = indexOf(memtable);
    const before = Buffer.from(index);
    memtable.append([keyBatch(types, second)]);
    const after = Buffer.from(index);
    leave(before, after, index);
    Atomics.store(new Int32Array(bufferOf(memtable)), WORD.INDEXED, 1);
    return memtable;
  }

  it("inserts what was committed and not indexed, whatever of it had been inserted", () => {
    const { whole, model } = expected();
    const changed: number[] = [];
    abandoned((before, after) => {
      for (let at = 0; at < after.length; at += 4)
        if (before.readUInt32LE(at) !== after.readUInt32LE(at)) changed.push(at);
    });
    expect(changed.length).toBeGreaterThan(150);
    // The keys of the second batch need no growth here: the words below are records, blocks, links and slots.
    for (let rows = 0; rows <= second.length; rows += 7) {
      const part = keyMemtable(types);
      part.append([keyBatch(types, first)]);
      part.append([keyBatch(types, second.slice(0, rows))]);
      const inserted = indexOf(part);
      const memtable = abandoned((before, after, index) => {
        before.copy(index);
        for (const at of changed) if (at >= 256) index.writeUInt32LE(inserted.readUInt32LE(at), at);
        // The record was written whole before the first row was inserted.
        const directory = before.readUInt32LE(12) - addressOfIndex(part);
        after.copy(index, directory + 16, directory + 16, directory + 32);
      });
      const next = Memtable.attachWriter(memtable.handle(), { takeover: true, prefault: false });
      expect(next.snapshot()).toEqual({ batches: 2, rows: model.keys.length });
      expect(indexOf(next).equals(whole)).toBe(true);
      expect([...model.keys].map((n) => next.findOne(keyOf(types, n), model.keys.length))).toEqual(
        model.keys.map((n) => model.find(n, model.keys.length)),
      );
    }
  });

  it("clears a table that was being built", () => {
    const memtable = keyMemtable(types);
    memtable.append([keyBatch(types, range(0, 760))]);
    const index = indexOf(memtable);
    const tables = indexWord(memtable, "TABLES") - addressOfIndex(memtable);
    index.fill(0xab, tables + 4_096, tables + 4_096 + 8_192);
    index.writeUInt32LE(index.readUInt32LE(4 * 48) + 8_192 / 64, 4 * 48);
    const next = Memtable.attachWriter(memtable.handle(), { takeover: true, prefault: false });
    next.append([keyBatch(types, range(700, 1_400))]);
    const keys = [0, 699, 700, 759, 760, 1_399, 1_400];
    expect(keys.map((n) => next.findOne(keyOf(types, n), 1_460))).toEqual([0, 699, 760, 819, 820, 1_459, NOT_FOUND]);
  });

  it.each([
    ["with kernels", (memtable: Memtable) => memtable],
    ["without", plainTwin],
  ])("hides no key from readers while it makes a larger table, %s", (_, made) => {
    // Of at most 768 keys 725, and the 70 rows that are inserted again are counted once more: the table grows.
    const memtable = made(keyMemtable(types));
    memtable.append([keyBatch(types, range(0, 690))]);
    for (let from = 0; from < 110; from += 55) memtable.append([keyBatch(types, range(from, from + 55))]);
    memtable.append([keyBatch(types, [...range(690, 725), ...range(300, 335)])]);
    Atomics.store(new Int32Array(bufferOf(memtable)), WORD.INDEXED, 3);
    const reader = Memtable.attach(memtable.handle());
    const slots = indexWord(memtable, "ROOT") & 31;
    const asked = keyData(types, [0, 300, 334, 689]);
    const out = new Uint32Array(4);
    const next = betweenAtomics(
      () => {
        reader.find(asked, 800, out);
        expect([...out]).toEqual([690, 300, 334, 689]);
      },
      () => Memtable.attachWriter(memtable.handle(), { takeover: true, prefault: false }),
    );
    expect([indexWord(next, "ROOT") & 31, indexWord(next, "KEYS")]).toEqual([slots + 1, 725]);
    next.find(asked, next.rows, out);
    expect([...out]).toEqual([690, 835, 869, 689]);
    for (const each of [reader, next, memtable]) each.close();
  });

  it("makes the former one throw, and appends behind it", () => {
    const memtable = keyMemtable(types);
    memtable.append([keyBatch(types, [1, 2])]);
    expect(() => Memtable.attachWriter(memtable.handle())).toThrow("already has a writer");
    const next = Memtable.attachWriter(memtable.handle(), { takeover: true, prefault: false });
    expect(() => memtable.append([keyBatch(types, [9])])).toThrow("another writer has taken the store over");
    next.append([keyBatch(types, [2, 3])]);
    expect([1, 2, 3, 9].map((n) => next.findOne(keyOf(types, n), 4))).toEqual([0, 2, 3, NOT_FOUND]);
  });
});

function addressOfIndex(memtable: Memtable): number {
  return indexOf(memtable).byteOffset;
}

describe("options that are refused", () => {
  const base = { schema: keySchema(types), primaryKey: ["k0"], bytes: 65_536, batches: 10, maxRows: 100 };
  const nullable = new Schema([new Field("k0", new Int64(), true), new Field("f", new Utf8(), false)]);

  it.each([
    ["a key that is not there", { primaryKey: ["x"] }, /"x" is not in the schema/],
    ["no key", { primaryKey: [] }, /1 to 16/],
    ["a key twice", { primaryKey: ["k0", "k0"] }, /twice/],
    ["a nullable key", { schema: nullable }, /is nullable/],
    ["rows without a bound", { maxRows: Number.POSITIVE_INFINITY }, /maxRows is Infinity/],
    ["more rows than fit an arena", { maxRows: 2 ** 28 - 1 }, /4 GiB/],
    ["expected rows that are no number", { expectedRows: Number.NaN }, /expectedRows is NaN/],
    [
      "an order of a key that is no int64",
      { ordered: true, schema: keySchema(KEYS["utf8"] ?? []) },
      /one int64 column/,
    ],
  ])("%s", (_name, wrong, message) => {
    const error = thrown(() => Memtable.create({ ...base, ...wrong }));
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toMatch(message);
  });

  it.each([new Float64(), new Uint32(), new Bool(), new Int16()])("a key of type %s", (type) => {
    const schema = new Schema([new Field("k0", type, false)]);
    const error = thrown(() => Memtable.create({ ...base, schema }));
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toMatch(/expected int32, int64, utf8/);
  });

  it("keys looked up that are not the memtable's", () => {
    const memtable = keyMemtable(types);
    const out = new Uint32Array(2);
    const wrong = [
      () => memtable.find(keyData(KEYS["int32"] ?? [], [1, 2]), 0, out),
      () => memtable.find(keyData(types, [1]), 0, out),
      () => memtable.find([], 0, out),
      () => memtable.findOne(["1"], 0),
      () => memtable.findOne([1.5], 0),
      () => memtable.findOne([2n ** 63n], 0),
      () => memtable.findOne([], 0),
      () => memtable.newestRows(0, 0, out),
      () => memtable.locate(0),
    ];
    for (const action of wrong) expect(thrown(action)).toBeInstanceOf(UsageError);
  });
});
