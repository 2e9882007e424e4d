import {
  Bool,
  Data,
  type DataType,
  Dictionary,
  Field,
  FixedSizeBinary,
  Int8,
  Int32,
  List,
  makeData,
  Struct,
  Uint8,
  Union,
  UnionMode,
  Utf8,
  Vector,
} from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryData, arbitraryType } from "../../test/arrow-arbitrary.js";
import { foreignArrow } from "../../test/foreign-arrow.js";
import { valuesOf } from "../../test/plain-model.js";
import { UsageError } from "../errors.js";
import { concatData } from "./concat.js";

const int32 = (...values: number[]): Data<Int32> => makeData({ type: new Int32(), data: Int32Array.from(values) });

/** `count` one-letter strings. */
function letters(count: number): Data<Utf8> {
  const valueOffsets = Int32Array.from({ length: count + 1 }, (_, i) => i);
  return makeData({ type: new Utf8(), valueOffsets, data: new Uint8Array(count).fill(97) });
}

/** Rows 0 … `count` − 1 of a dictionary of its own with `count` values. */
function encoded(type: Dictionary, count: number): Data {
  const values = type.ArrayType.from({ length: count }, (_: unknown, i: number) => i);
  return new Data(type, 0, count, 0, { 1: values }, [], new Vector([letters(count)]));
}

describe("concatData", () => {
  it("has the rows of all chunks in order, for every type", () => {
    const chunks = arbitraryType().chain((type) => {
      const chunk = fc.nat({ max: 12 }).chain((length) => arbitraryData(type, length));
      return fc.record({ type: fc.constant(type), chunks: fc.array(chunk, { maxLength: 4 }) });
    });
    fc.assert(
      fc.property(chunks, ({ type, chunks }) => {
        const joined = concatData(type, chunks);
        expect(valuesOf(joined)).toStrictEqual(chunks.flatMap(valuesOf));
        expect(joined.length).toBe(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
      }),
      { numRuns: 500 },
    );
  });

  it("takes data of another copy of apache-arrow", () => {
    const foreign = foreignArrow.vectorFromArray(["a", null, "b"], new foreignArrow.Utf8()).data;
    const joined = concatData(new Utf8(), [...foreign, letters(1)]);
    expect(joined).toBeInstanceOf(Data);
    expect(valuesOf(joined)).toEqual(["a", null, "b", "a"]);
  });

  it("joins dictionaries as far as the indices reach", () => {
    const signed = new Dictionary(new Utf8(), new Int8(), 1);
    expect(concatData(signed, [encoded(signed, 100), encoded(signed, 28)]).dictionary?.length).toBe(128);
    expect(() => concatData(signed, [encoded(signed, 100), encoded(signed, 29)])).toThrow(
      "joined dictionaries have 129 values",
    );
    const unsigned = new Dictionary(new Utf8(), new Uint8(), 1);
    expect(concatData(unsigned, [encoded(unsigned, 128), encoded(unsigned, 128)]).dictionary?.length).toBe(256);
    expect(() => concatData(unsigned, [encoded(unsigned, 128), encoded(unsigned, 129)])).toThrow(UsageError);
  });

  it("joins a dictionary that chunks share only once", () => {
    const type = new Dictionary(new Utf8(), new Int8(), 1);
    const chunk = encoded(type, 100);
    const joined = concatData(type, [chunk, chunk.slice(50, 50), chunk]);
    expect(joined.dictionary?.length).toBe(100);
    expect(valuesOf(joined)).toHaveLength(250);
  });
});

describe("concatData refuses a chunk", () => {
  const item = new Field("item", new Int32(), true);
  const lists = (offsets: number[], child: Data): Data =>
    new Data(new List(item), 0, offsets.length - 1, 0, { 0: Int32Array.from(offsets) }, [child]);
  const union = new Union(
    UnionMode.Dense,
    [0, 1],
    [new Field("a", new Int32(), true), new Field("b", new Int32(), true)],
  );
  const unions = (ids: number[], offsets: number[]): Data =>
    new Data(union, 0, ids.length, -1, { 0: Int32Array.from(offsets), 3: Int8Array.from(ids) }, [
      int32(1, 2),
      int32(3),
    ]);

  const cases: [name: string, type: DataType, chunk: Data, said: string][] = [
    ["of another type", new Utf8(), int32(1), "holds int32 data; expected utf8"],
    [
      "with values that are too short",
      new Int32(),
      new Data(new Int32(), 0, 3, 0, { 1: Int32Array.of(1) }),
      "values buffer",
    ],
    ["without values", new FixedSizeBinary(3), new Data(new FixedSizeBinary(3), 0, 1, 0), "values buffer has 0 bytes"],
    ["with bits that are too few", new Bool(), new Data(new Bool(), 0, 9, 0, { 1: Uint8Array.of(1) }), "bitmap buffer"],
    [
      "with a bitmap that is too short",
      new Int32(),
      new Data(new Int32(), 0, 9, -1, { 1: new Int32Array(9), 2: Uint8Array.of(1) }),
      "bitmap buffer has 1 bytes where 2",
    ],
    [
      "with offsets that are too few",
      new List(item),
      lists([0], int32()).clone(new List(item), 0, 2),
      "offsets buffer",
    ],
    ["with negative offsets", new List(item), lists([-1, 1], int32(1)), "offsets run from -1 to 1"],
    ["with descending offsets", new List(item), lists([1, 0], int32(1)), "offsets run from 1 to 0"],
    ["with offsets past its child", new List(item), lists([0, 2], int32(1)), "has 1 rows"],
    [
      "with offsets past its bytes",
      new Utf8(),
      new Data(new Utf8(), 0, 1, 0, { 0: Int32Array.of(0, 9), 1: new Uint8Array(8) }),
      "values buffer has 8 bytes where 9",
    ],
    ["without its child", new Struct([item]), new Data(new Struct([item]), 0, 1, 0, {}, []), "lacks its child 0"],
    ["with an unknown type id", union, unions([0, 7], [0, 0]), "type id 7"],
    ["with an offset of a union into the next chunk's rows", union, unions([1], [1]), "type id 1 and offset 1"],
    ["with a negative offset of a union", union, unions([0], [-1]), "offset -1"],
    ["that starts before its bitmap", new Int32(), Object.assign(int32(1), { offset: -1 }), "offset -1"],
  ];

  it.each(cases)("%s", (_, type, chunk, said) => {
    expect(() => concatData(type, [chunk, chunk])).toThrow(UsageError);
    expect(() => concatData(type, [chunk, chunk])).toThrow(said);
  });
});
