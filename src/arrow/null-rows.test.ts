import {
  Bool,
  type DataType,
  Dictionary,
  Field,
  Int32,
  LargeUtf8,
  List,
  makeData,
  RecordBatch,
  Schema,
  Table,
  Utf8,
  Vector,
  vectorFromArray,
} from "apache-arrow";
import { describe, expect, it } from "vitest";
import { rowsOf, valuesOf } from "../../test/plain-model.js";
import { emptyStore, MEMORY_KINDS, messageBytes } from "../../test/stores.js";
import { concatData } from "./concat.js";
import { areNull, firstNull } from "./null-rows.js";

const types: readonly DataType[] = [
  new Int32(),
  new Bool(),
  new Utf8(),
  new LargeUtf8(),
  new List(new Field("item", new Int32(), true)),
  new Dictionary(new Utf8(), new Int32(), 0),
];

function samples(type: DataType): Vector {
  if (type instanceof List) return vectorFromArray([[1], [2, 3], []], type);
  if (type instanceof Bool) return vectorFromArray([true, false, true], type);
  if (type instanceof Int32) return new Vector([makeData({ type, data: Int32Array.of(7, 8, 9) })]);
  return vectorFromArray(["x", "yy", "x"], type);
}

describe("rows that a source left out of the end of its buffers", () => {
  it.each(types.map((type) => [String(type), type] as const))("are null: %s", (_, type) => {
    const vector = samples(type);
    const [data] = vector.data;
    if (!data) throw new Error("no data");
    const numbers = Int32Array.from({ length: 100 }, (_, i) => i);
    // apache-arrow lengthens the shorter column to fit the other.
    const batch = new RecordBatch({ a: data, b: makeData({ type: new Int32(), data: numbers }) });
    expect(batch.numRows).toBe(100);
    const rows = Array.from(numbers, (i) => [i < 3 ? valuesOf(data)[i] : null, i]);
    const bytes = MEMORY_KINDS.map((kind) => {
      using store = emptyStore(batch.schema, kind);
      store.append(batch);
      store.append(batch.slice(1, 98));
      expect(store.batches().map(rowsOf)).toEqual([rows, rows.slice(1, 98)]);
      expect(store.column("a").nullCount(0)).toBe(97);
      const offsets = Array.from(store.column("a").offsets(0) ?? [], Number);
      expect(offsets.toSorted((x, y) => x - y)).toEqual(offsets);
      return messageBytes(store);
    });
    for (const other of bytes) expect(other.equals(bytes[0] ?? Buffer.alloc(0))).toBe(true);
  });

  // Of lists apache-arrow leaves the child out, too, and of dictionaries the values: there is nothing to go by.
  it.each(types.slice(0, 4).map((type) => [String(type), type] as const))("may be all there are: %s", (_, type) => {
    const schema = new Schema([new Field("a", new Int32(), true), new Field("b", type, true)]);
    // apache-arrow makes the missing column up.
    const table = new Table(schema, { a: vectorFromArray([1, 2, 3], new Int32()) });
    using store = emptyStore(schema);
    for (const batch of table.batches) store.append(batch);
    expect(store.batches().flatMap(rowsOf)).toEqual([1, 2, 3].map((value) => [value, null]));
    const missing = table.batches[0]?.data.children[1];
    const [full] = samples(type).data;
    if (!missing || !full) throw new Error("no data");
    expect(valuesOf(concatData(type, [missing, full, missing]))).toEqual([
      ...[null, null, null, ...valuesOf(full)],
      ...[null, null, null],
    ]);
  });

  it("are not null where the bitmap does not say so", () => {
    const data = { type: new Int32(), length: 4, offset: 3 };
    expect(areNull({ ...data, nullBitmap: Uint8Array.of(0b0000_1111) }, 1, 4)).toBe(true);
    expect(areNull({ ...data, nullBitmap: Uint8Array.of(0b0000_1111) }, 0, 4)).toBe(false);
    expect(areNull({ ...data, nullBitmap: Uint8Array.of(0) }, 0, 6)).toBe(false);
    expect(areNull({ ...data, nullBitmap: new Uint8Array() }, 0, 1)).toBe(false);
    expect(areNull(data, 0, 1)).toBe(false);
    expect(areNull(data, 2, 2)).toBe(true);
  });
});

describe("the first null row", () => {
  it("is found at every place, in slices too", () => {
    for (let length = 1; length <= 40; length++) {
      for (let row = -1; row < length; row++) {
        const values = Array.from({ length }, (_, i) => (i === row ? null : i));
        const [data] = vectorFromArray(values, new Int32()).data;
        if (!data) throw new Error("no data");
        expect(firstNull(data)).toBe(row);
        for (const from of [1, 7, 9].filter((start) => start < length)) {
          expect(firstNull(data.slice(from, length - from))).toBe(row < from ? -1 : row - from);
        }
      }
    }
  });
});
