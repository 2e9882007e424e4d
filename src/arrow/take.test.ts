import {
  type Data,
  Dictionary,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float32,
  Int32,
  List,
  makeData,
  Utf8,
  Vector,
} from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryData, arbitraryType } from "../../test/arrow-arbitrary.js";
import { valuesOf } from "../../test/plain-model.js";
import { CorruptError, UsageError } from "../errors.js";
import { bytesOf } from "./fixed-layout.js";
import { reverseData } from "./reverse.js";
import { buffersOf, expectPlain } from "./take.fixture.js";
import { takeData } from "./take.js";

const arbitraryColumn = fc
  .record({ type: arbitraryType(), length: fc.integer({ min: 0, max: 30 }), shared: fc.boolean() })
  .chain(({ type, length, shared }) => arbitraryData(type, length, { shared }));

describe("takeData", () => {
  it("gives the rows asked for, of every type, shared or not, sliced or not", () => {
    fc.assert(
      fc.property(arbitraryColumn, fc.array(fc.nat(), { maxLength: 50 }), (data, picks) => {
        const indices = Uint32Array.from(data.length === 0 ? [] : picks, (pick) => pick % data.length);
        const taken = takeData(data, indices);
        const values = valuesOf(data);
        expect(valuesOf(taken)).toEqual(Array.from(indices, (index) => values[index]));
        expect(taken.type).toBe(data.type);
        expectPlain(taken);
      }),
      { numRuns: 1000 },
    );
  });

  it("leaves the source as it was", () => {
    fc.assert(
      fc.property(arbitraryColumn, (data) => {
        const before = buffersOf(data).map((buffer) => buffer && Array.from(bytesOf(buffer)));
        takeData(
          data,
          Uint32Array.from({ length: data.length }, (_, row) => row),
        );
        expect(buffersOf(data).map((buffer) => buffer && Array.from(bytesOf(buffer)))).toEqual(before);
      }),
      { numRuns: 100 },
    );
  });

  it("does not carry along what lies under a null", () => {
    const data = makeData({
      type: new Utf8(),
      length: 2,
      valueOffsets: Int32Array.of(0, 6, 8),
      data: new TextEncoder().encode("secretok"),
      nullBitmap: Uint8Array.of(0b10),
    });
    const taken = takeData(data, Uint32Array.of(1, 0));
    expect(new TextDecoder().decode(taken.values)).toBe("ok");
    expect(taken.nullCount).toBe(1);
  });

  it("moves long rows, and long rows among short ones, out of shared memory at odd addresses", () => {
    const runs = Array.from({ length: 40 }, (_, row) => new Uint8Array(row % 3 === 0 ? 5 : 300 + row).fill(row));
    const offsets = Int32Array.from([3, ...runs.map(() => 0)]);
    runs.forEach((run, row) => {
      offsets[row + 1] = (offsets[row] ?? 0) + run.byteLength;
    });
    const end = offsets.at(-1) ?? 0;
    for (const shared of [true, false]) {
      for (const slack of [0, 64]) {
        const buffer = shared ? new SharedArrayBuffer(1 + end + slack) : new ArrayBuffer(1 + end + slack);
        const bytes = new Uint8Array(buffer, 1, end);
        runs.forEach((run, row) => {
          bytes.set(run, offsets[row]);
        });
        const data: Data = makeData({ type: new Utf8(), valueOffsets: offsets, data: bytes });
        const taken = takeData(
          data,
          Uint32Array.from(runs, (_, row) => (row * 7) % 40),
        );
        const expected = runs.flatMap((_, row) => Array.from(runs[(row * 7) % 40] ?? []));
        expect(Array.from(taken.values)).toEqual(expected);
      }
    }
  });

  it("keeps the dictionary itself", () => {
    const dictionary = new Vector([makeData({ type: new Int32(), data: Int32Array.of(7, 8) })]);
    const type = new Dictionary(new Int32(), new Int32(), 0);
    const data = makeData({ type, data: Int32Array.of(0, 1, 1), dictionary });
    expect(takeData(data, Uint32Array.of(2)).dictionary).toBe(dictionary);
  });

  it("moves lists of a fixed size as blocks", () => {
    const child = makeData({ type: new Float32(), data: Float32Array.from({ length: 3 * 100 }, (_, i) => i) });
    const data = makeData({ type: new FixedSizeList(100, new Field("item", new Float32(), false)), length: 3, child });
    const taken = takeData(data.slice(1, 2), Uint32Array.of(1, 0));
    expect(Array.from(taken.children[0]?.values)).toEqual([
      ...child.values.subarray(200),
      ...child.values.subarray(100, 200),
    ]);
  });

  it("moves rows and lists without any width", () => {
    const nothing = makeData({ type: new FixedSizeBinary(0), length: 3, data: new Uint8Array(0) });
    const child = makeData({ type: new Int32(), data: new Int32Array(0) });
    const lists = makeData({ type: new FixedSizeList(0, new Field("item", new Int32())), length: 3, child });
    for (const data of [nothing, lists]) {
      expect(valuesOf(takeData(data, Uint32Array.of(2, 0)))).toEqual([[], []]);
      expect(valuesOf(reverseData(data))).toEqual([[], [], []]);
    }
  });

  it("refuses indices past the end", () => {
    const data = makeData({ type: new Int32(), data: Int32Array.of(1, 2) });
    expect(() => takeData(data, Uint32Array.of(0, 2))).toThrow(UsageError);
    expect(() => takeData(data, Uint32Array.of(0, 2))).toThrow("row 2 was asked of 2 rows");
  });

  it("refuses results that 32-bit offsets cannot address", () => {
    const text = makeData({ type: new Utf8(), valueOffsets: Int32Array.of(0, 1 << 20), data: new Uint8Array(1 << 20) });
    expect(() => takeData(text, new Uint32Array(2048))).toThrow(UsageError);
    const child = makeData({ type: new Int32(), data: new Int32Array(1 << 20) });
    const list = makeData({
      type: new List(new Field("item", new Int32())),
      valueOffsets: Int32Array.of(0, 1 << 20),
      child,
    });
    expect(() => takeData(list, new Uint32Array(2048))).toThrow(UsageError);
  });

  it("refuses broken offsets, type ids and children", () => {
    const bytes = new Uint8Array(8);
    const rows = Uint32Array.of(0, 1);
    for (const offsets of [
      [0, 4, 2],
      [-4, 0, 8],
      [0, 4, 9],
      [0, 4],
    ]) {
      const data = makeData({ type: new Utf8(), length: 2, valueOffsets: Int32Array.from(offsets), data: bytes });
      expect(() => takeData(data, rows)).toThrow(CorruptError);
      const child = makeData({ type: new Int32(), data: new Int32Array(8) });
      const type = new List(new Field("item", new Int32()));
      const list = makeData({ type, length: 2, valueOffsets: Int32Array.from(offsets), child });
      expect(() => takeData(list, rows)).toThrow(CorruptError);
    }
    const short = makeData({ type: new Int32(), data: new Int32Array(3) });
    const pairs = makeData({ type: new FixedSizeList(2, new Field("item", new Int32())), length: 2, child: short });
    expect(() => takeData(pairs, rows)).toThrow(CorruptError);
  });
});
