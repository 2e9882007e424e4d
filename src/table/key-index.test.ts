import { Binary, type DataType, Field, Int32, Int64, LargeBinary, LargeUtf8, Schema, Utf8 } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StorageRows } from "../arrow/rows/storage-rows.js";
import { UsageError } from "../errors.js";
import { storageSchema } from "../lance/storage-schema.js";
import { BatchStore } from "../store/batch-store.js";
import { KeyIndex } from "./key-index.js";

type Row = Record<string, unknown>;

/** Memtables that hold these rows, one batch for each list, two batches a memtable. */
function index(types: Record<string, DataType>, batches: readonly (readonly Row[])[]) {
  const names = Object.keys(types);
  const fields = Object.entries(types).map(([name, type]) => new Field(name, type, false));
  const storage = storageSchema(new Schema([new Field("payload", new Int32(), true), ...fields]), names);
  const rows = new StorageRows(storage, names);
  const memtables = Array.from({ length: Math.ceil(batches.length / 2) }, (_, number) => {
    const store = BatchStore.create({ schema: storage, bytes: 2 ** 22, prefault: false });
    for (const batch of batches.slice(2 * number, 2 * number + 2)) {
      for (const row of batch) rows.appendRow(row);
      store.append(rows.finish());
    }
    return { number, store, entries: [] };
  });
  return new KeyIndex(storage, names, () => memtables);
}

const text = fc.string({ unit: "grapheme", maxLength: 12 });
const bytes = fc.uint8Array({ maxLength: 12 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
/** Few values, so that keys come again; and values that differ in one half or one byte. */
const keys: readonly [string, Record<string, DataType>, fc.Arbitrary<Row>][] = [
  ["int32", { k: new Int32() }, fc.record({ k: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer()) })],
  ["int64", { k: new Int64() }, fc.record({ k: fc.oneof(fc.constantFrom(1n, 2n ** 32n, 2n ** 32n + 1n, -1n), int64) })],
  ["utf8", { k: new Utf8() }, fc.record({ k: fc.oneof(fc.constantFrom("", "a", "ab", "abcd", "abcde"), text) })],
  ["large utf8", { k: new LargeUtf8() }, fc.record({ k: text })],
  ["binary", { k: new Binary() }, fc.record({ k: bytes })],
  ["large binary", { k: new LargeBinary() }, fc.record({ k: bytes })],
  [
    "composite",
    { a: new Utf8(), b: new Int32(), c: new Utf8() },
    fc.record({
      a: fc.constantFrom("", "x", "xy"),
      b: fc.integer({ min: 0, max: 2 }),
      c: fc.constantFrom("", "y", "xy"),
    }),
  ],
];
const shown = (row: Row): string =>
  JSON.stringify(Object.values(row).map((value) => (value instanceof Uint8Array ? [...value] : String(value))));

describe("KeyIndex", () => {
  it.each(keys)("finds the newest row of each key, in every snapshot: %s", async (_, types, arbitrary) => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(arbitrary, { maxLength: 30 }), { maxLength: 6 }), async (batches) => {
        const filled = batches.filter((batch) => batch.length > 0);
        const rows = filled.flat();
        const found = index(types, filled);
        expect(found.committed).toBe(rows.length);
        await found.catchUp(rows.length);
        const newest = new Map(rows.map((row, number) => [shown(row), number]));
        for (const row of rows) {
          const single = Object.keys(types).length === 1;
          const { store, position, row: at } = found.find(single ? row["k"] : row) ?? { row: -1 };
          const number = [...found.newestFirst(rows.length)].find((b) => b.store === store && b.position === position);
          expect((number?.firstRow ?? Number.NaN) + at).toBe(newest.get(shown(row)));
        }
        for (const bound of [rows.length, Math.floor(rows.length / 2)]) {
          const last = new Map(rows.slice(0, bound).map((row, number) => [shown(row), number]));
          const expected = rows.slice(0, bound).map((row, number) => last.get(shown(row)) === number);
          expect(expected.map((_, number) => found.isNewest(number, bound))).toEqual(expected);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("tells keys with one hash apart", async () => {
    // Among so many some ten pairs have one hash of 32 bits.
    const count = 300_000;
    const batches = Array.from({ length: 6 }, (_, b) =>
      Array.from({ length: count / 6 }, (_, i) => ({
        k: (BigInt(b * (count / 6) + i) * 0x9e3779b97f4a7c15n) & 0x7fffffffffffffffn,
      })),
    );
    const found = index({ k: new Int64() }, batches);
    await found.catchUp(count);
    let newest = 0;
    for (let row = 0; row < count; row++) if (found.isNewest(row, count)) newest++;
    expect(newest).toBe(count);
  });

  it("finds nothing that is not there, and refuses what is no key", async () => {
    const found = index({ k: new Int64() }, [[{ k: 1n }]]);
    expect(found.find(1n)).toBeUndefined(); // not taken in yet
    await found.catchUp(1);
    expect(found.find(1)).toBeDefined();
    expect(found.find(2n)).toBeUndefined();
    for (const wrong of ["1", null, undefined, 1.5, 2 ** 60, [1n], {}])
      expect(() => found.find(wrong)).toThrow(UsageError);
    const both = index({ a: new Int32(), b: new Int32() }, [[{ a: 1, b: 2 }]]);
    await both.catchUp(1);
    expect(both.find([1, 2])).toBeDefined();
    expect(both.find({ b: 2, a: 1 })).toBeDefined();
    for (const wrong of [1, [1], [1, 2, 3], { a: 1 }, { a: 1, b: 2, c: 3 }])
      expect(() => both.find(wrong)).toThrow(UsageError);
  });
});
