import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reverseBits } from "./reverse-bits.js";

describe("reverseBits", () => {
  it("mirrors any run of bits, and leaves the rest of the last word zero", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 40 }), fc.nat(), fc.nat(), (bitmap, at, size) => {
        const bits = bitmap.length * 8;
        const offset = bits === 0 ? 0 : at % bits;
        const length = size % (bits - offset + 1);
        const expected = Array.from(
          { length },
          (_, i) => ((bitmap[(offset + i) >> 3] ?? 0) >> ((offset + i) & 7)) & 1,
        ).reverse();
        const reversed = reverseBits(bitmap, offset, length);
        const actual = Array.from({ length: reversed.length * 8 }, (_, i) => ((reversed[i >> 3] ?? 0) >> (i & 7)) & 1);
        expect(actual.slice(0, length)).toEqual(expected);
        expect(actual.slice(length).every((bit) => bit === 0)).toBe(true);
        expect(reversed.length % 8).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it("reads bits past the end as zeros", () => {
    expect(Array.from(reverseBits(Uint8Array.of(0xff), 0, 16).subarray(0, 2))).toEqual([0, 0xff]);
    expect(Array.from(reverseBits(new Uint8Array(0), 3, 9))).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });
});
