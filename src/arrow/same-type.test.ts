import { Float16, Float32, Int32, Int64, Uint32, Utf8 } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryType } from "../../test/arrow-arbitrary.js";
import { sameType } from "./same-type.js";
import { typeName } from "./type-name.js";

describe("sameType", () => {
  it("says what a comparison of the names says", () => {
    fc.assert(
      fc.property(arbitraryType(), arbitraryType(), (a, b) => {
        expect(sameType(a, b)).toBe(typeName(a) === typeName(b));
      }),
    );
  });

  it("takes two objects of one type for the same", () => {
    fc.assert(fc.property(arbitraryType(), (type) => sameType(type, Object.create(type))));
  });

  it("tells widths, signs and precisions apart", () => {
    const types = [new Int32(), new Uint32(), new Int64(), new Float16(), new Float32(), new Utf8()];
    types.forEach((a, i) => {
      types.forEach((b, j) => {
        expect(sameType(a, b)).toBe(i === j);
      });
    });
  });
});
