import { DataType, Dictionary, Field, Int32, Int64, Utf8 } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryType } from "../../test/arrow-arbitrary.js";
import { UsageError } from "../errors.js";
import { rebuildField, rebuildType } from "./rebuild-type.js";
import type { TypeLike } from "./shape.js";
import { typeName } from "./type-name.js";

/** A type as nothing but its properties: what is left of one that came from elsewhere. */
function bare(type: TypeLike): TypeLike {
  const { typeId, bitWidth, isSigned, precision, scale, unit, timezone, byteWidth, listSize, mode, keysSorted } = type;
  return {
    ...{ typeId, bitWidth, isSigned, precision, scale, unit, timezone, byteWidth, listSize, mode, keysSorted },
    typeIds: type.typeIds && Array.from(type.typeIds),
    indices: type.indices && bare(type.indices),
    dictionary: type.dictionary && bare(type.dictionary),
    isOrdered: type.isOrdered,
    children: (type.children ?? []).map(({ name, type, nullable }) => ({ name, type: bare(type), nullable })),
  };
}

/** Numbers from 0. */
function counter(): () => number {
  let next = 0;
  return () => next++;
}

describe("rebuildType", () => {
  it("makes a type of this copy of apache-arrow out of its properties", () => {
    fc.assert(
      fc.property(arbitraryType(), (type) => {
        const found = rebuildType(bare(type), counter());
        expect(found).toBeInstanceOf(DataType);
        expect(found).not.toBe(type);
        expect(typeName(found)).toBe(typeName(type));
        // The layout hangs on these, too, and they are set by constructors only.
        expect(found.ArrayType).toBe(type.ArrayType);
      }),
      { numRuns: 300 },
    );
  });

  it("keeps what names do not tell: order of dictionaries, 64-bit indices, nullability, metadata", () => {
    const type: TypeLike = { typeId: -1, indices: new Int64(), dictionary: new Utf8(), isOrdered: true };
    const found = rebuildField({ name: "d", type, nullable: false, metadata: new Map([["k", "v"]]) }, () => 4);
    expect([found.name, found.nullable, [...found.metadata]]).toEqual(["d", false, [["k", "v"]]]);
    const rebuilt: unknown = found.type;
    if (!(rebuilt instanceof Dictionary)) throw new Error("no dictionary");
    expect([rebuilt.id, rebuilt.isOrdered, rebuilt.indices.bitWidth]).toEqual([4, true, 64]);
  });

  it.each<[string, TypeLike]>([
    ["an integer of an odd width", { typeId: 2, bitWidth: 12 }],
    ["a decimal of an odd width", { typeId: 7, precision: 5, scale: 2, bitWidth: 7 }],
    ["a decimal without precision", { typeId: 7, scale: 2 }],
    ["binary of a negative width", { typeId: 15, byteWidth: -3 }],
    ["a list of a fractional size", { typeId: 16, listSize: 0.5, children: [new Field("item", new Int32(), true)] }],
    ["a list of nothing", { typeId: 12, children: null }],
    ["a dictionary without values", { typeId: -1, indices: new Int32() }],
    ["a type from the future", { typeId: 26 }],
  ])("refuses %s", (_, type) => {
    expect(() => rebuildType(type, counter())).toThrow(UsageError);
  });
});
