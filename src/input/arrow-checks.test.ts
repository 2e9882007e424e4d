import { DenseUnion, Field, Int32, makeData, Utf8, vectorFromArray } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { checkIndices, checkOffsets, checkUnion } from "./arrow-checks.js";

describe("checks of Arrow values", () => {
  it("takes offsets that rise inside their values, and no others", () => {
    checkOffsets(Int32Array.of(0, 0, 3), 3, "values");
    checkOffsets(BigInt64Array.of(1n, 2n), 3, "values");
    expect(() => checkOffsets(Int32Array.of(0, 3, 2, 3), 3, "values")).toThrow(/offsets must rise/);
    expect(() => checkOffsets(Int32Array.of(-1, 3), 3, "values")).toThrow(/offsets must rise/);
    expect(() => checkOffsets(Int32Array.of(0, 4), 3, "values")).toThrow(/end at 4/);
    expect(() => checkOffsets(BigInt64Array.of(0n, 3n, 2n), 3, "values")).toThrow(/offsets must rise/);
  });

  it("takes dictionary indices that name an entry, or belong to a null", () => {
    checkIndices(Int32Array.of(0, 9, 1), 2, Uint8Array.of(0b101));
    expect(() => checkIndices(Int32Array.of(0, 2), 2, undefined)).toThrow(/index 2 into a dictionary of 2/);
    expect(() => checkIndices(Int32Array.of(-1), 2, undefined)).toThrow(/index -1/);
  });

  it("takes union rows that name a child and a row of it", () => {
    const type = new DenseUnion([5, 9], [new Field("i", new Int32()), new Field("s", new Utf8())]);
    const ints = makeData({ type: new Int32(), length: 2, data: Int32Array.of(1, 2) });
    const texts = vectorFromArray(["a"], new Utf8()).data;
    const children = [ints, ...texts];
    checkUnion(type, 2, Int8Array.of(5, 9), Int32Array.of(1, 0), children);
    expect(() => checkUnion(type, 1, Int8Array.of(6), Int32Array.of(0), children)).toThrow(
      /type id 6, which names no child/,
    );
    expect(() => checkUnion(type, 1, Int8Array.of(9), Int32Array.of(1), children)).toThrow(
      /row 1 of a union child with 1 rows/,
    );
  });
});
