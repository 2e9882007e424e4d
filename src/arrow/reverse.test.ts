import { type Data, Field, Int32, makeData, RecordBatch, Schema, Struct, Utf8, Vector } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryBatch, arbitraryData, arbitraryType, batchOf } from "../../test/arrow-arbitrary.js";
import { rowsOf, valuesOf } from "../../test/plain-model.js";
import { CorruptError } from "../errors.js";
import { reverseBatch, reverseData } from "./reverse.js";
import { reverseFixed } from "./reverse-fixed.js";
import { reverseVar } from "./reverse-var.js";
import type { Reverser } from "./reverser.js";
import { expectPlain } from "./take.fixture.js";

function utf8(words: readonly string[]): Data {
  const bytes = words.map((word) => new TextEncoder().encode(word));
  let end = 0;
  const valueOffsets = Int32Array.from([0, ...bytes.map(({ byteLength }) => (end += byteLength))]);
  return makeData({ type: new Utf8(), valueOffsets, data: Uint8Array.from(bytes.flatMap((run) => Array.from(run))) });
}

describe("reverseData", () => {
  it("reverses every type, shared or not, sliced or not, into plain data", () => {
    const columns = fc
      .record({ type: arbitraryType(), length: fc.integer({ min: 0, max: 70 }), shared: fc.boolean() })
      .chain(({ type, length, shared }) => arbitraryData(type, length, { shared }));
    fc.assert(
      fc.property(columns, (data) => {
        const reversed = reverseData(data);
        expect(valuesOf(reversed)).toEqual(valuesOf(data).reverse());
        expect(reversed.type).toBe(data.type);
        expectPlain(reversed);
      }),
      { numRuns: 1000 },
    );
  });

  it("reverses only the rows of a struct, not the rest of a longer child", () => {
    const type = new Struct([new Field("n", new Int32()), new Field("s", new Utf8())]);
    const n = makeData({ type: new Int32(), data: Int32Array.of(1, 2, 3), nullBitmap: Uint8Array.of(0b011) });
    const data: Data = makeData({ type, length: 2, nullCount: 0, children: [n, utf8(["a", "bb", "ccc"])] });
    const reversed = reverseData(data);
    expect(valuesOf(reversed)).toEqual([
      { n: 2, s: "bb" },
      { n: 1, s: "a" },
    ]);
    expect(reversed.children[0]?.nullBitmap).toBeUndefined();
  });

  it("moves long rows, and bytes that are NaN as a float64", () => {
    for (const length of [7, 8, 9, 31, 127, 128, 129, 1000]) {
      for (const shared of [true, false]) {
        const rows = 9;
        const buffer = shared ? new SharedArrayBuffer(length * rows + 1) : new ArrayBuffer(length * rows + 1);
        const bytes = new Uint8Array(buffer, 1);
        for (let i = 0; i < bytes.length; i++) bytes[i] = i % 3 === 0 ? i : 0xff;
        const offsets = Int32Array.from({ length: rows + 1 }, (_, row) => row * length);
        const { data } = reverseVar(offsets, bytes, rows);
        const expected = Array.from({ length: rows }, (_, row) =>
          Array.from(bytes.subarray(length * (rows - 1 - row), length * (rows - row))),
        );
        expect(Array.from(data)).toEqual(expected.flat());
      }
    }
  });

  it("refuses broken offsets", () => {
    for (const offsets of [
      [0, 4, 2, 8],
      [-4, 0, 4, 8],
      [0, 4, 8, 9],
      [0, 9, 4, 8],
      [0, -1, 4, 8],
      [0, 4],
    ]) {
      const data = makeData({
        type: new Utf8(),
        length: 3,
        valueOffsets: Int32Array.from(offsets),
        data: new Uint8Array(8),
      });
      expect(() => reverseData(data)).toThrow(CorruptError);
    }
  });

  it("asks the hook for strings and for values of one width, wherever they lie, and does without it when it declines", () => {
    const words = utf8(["a", "bb", "ccc"]);
    const numbers = makeData({ type: new Int32(), data: Int32Array.of(1, 2, 3) });
    const type = new Struct([new Field("s", new Utf8()), new Field("n", new Int32())]);
    const nested: Data = makeData({ type, length: 3, nullCount: 0, children: [words, numbers] });
    const asked: (number | string)[] = [];
    const willing: Reverser = {
      reverse32(offsets, data, length) {
        asked.push(length);
        return reverseVar(offsets, data, length);
      },
      reverseFixed(source, array, bytesPerRow, rows) {
        asked.push(`${rows} of ${bytesPerRow}`);
        return reverseFixed(source, array, bytesPerRow, rows);
      },
    };
    const declining: Reverser = { reverse32: () => undefined, reverseFixed: () => undefined };
    const expected = [
      { s: "ccc", n: 3 },
      { s: "bb", n: 2 },
      { s: "a", n: 1 },
    ];
    expect(valuesOf(reverseData(nested, willing))).toEqual(expected);
    expect(asked).toEqual([3, "3 of 4"]);
    expect(valuesOf(reverseData(nested, declining))).toEqual(expected);
  });
});

describe("reverseBatch", () => {
  it("reverses the rows of every batch and keeps its schema", () => {
    fc.assert(
      fc.property(arbitraryBatch(), fc.boolean(), (batch, twice) => {
        const rows = rowsOf(batch);
        const reversed = reverseBatch(batch);
        expect(reversed.schema).toBe(batch.schema);
        expect(reversed.numRows).toBe(batch.numRows);
        expect(reversed).toBeInstanceOf(RecordBatch);
        expect(rowsOf(reversed)).toEqual(rows.toReversed());
        if (twice) expect(rowsOf(reverseBatch(reversed))).toEqual(rows);
      }),
      { numRuns: 500 },
    );
  });

  it("gives a batch that apache-arrow can work with", () => {
    const schema = new Schema([new Field("n", new Int32()), new Field("s", new Utf8())], new Map([["k", "v"]]));
    const n = makeData({ type: new Int32(), data: Int32Array.of(1, 2, 3) });
    const reversed = reverseBatch(batchOf(schema, 3, [n, utf8(["a", "bb", "ccc"])]));
    expect(reversed.getChild("s")?.toArray()).toEqual(["ccc", "bb", "a"]);
    expect(
      reversed
        .slice(1)
        .toArray()
        .map((row) => row?.toJSON()),
    ).toEqual([
      { n: 2, s: "bb" },
      { n: 1, s: "a" },
    ]);
    expect(reversed.schema.metadata.get("k")).toBe("v");
    expect(new Vector([reversed.data]).length).toBe(3);
    expect(reversed.dictionaries.size).toBe(0);
  });

  it("keeps the rows of a batch without columns, and the columns of a batch without rows", () => {
    expect(reverseBatch(batchOf(new Schema([]), 5, [])).numRows).toBe(5);
    const schema = new Schema([new Field("s", new Utf8())]);
    const none = reverseBatch(
      batchOf(schema, 0, [makeData({ type: new Utf8(), length: 0, valueOffsets: new Int32Array(0) })]),
    );
    expect(none.numRows).toBe(0);
    expect(none.getChildAt(0)?.length).toBe(0);
  });
});
