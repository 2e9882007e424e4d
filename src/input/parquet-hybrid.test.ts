import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeHybrid } from "./parquet-hybrid.js";

const decode = (bytes: number[], width: number, count: number): number[] => {
  const out = new Int32Array(count);
  decodeHybrid(Uint8Array.from(bytes), 0, bytes.length, width, out);
  return [...out];
};

/** Packs groups of eight values, lowest bits first. */
function packed(values: readonly number[], width: number): number[] {
  let bits = 0n;
  for (const [index, value] of values.entries()) bits |= BigInt(value) << BigInt(index * width);
  const bytes = Array.from({ length: (values.length / 8) * width }, (_, byte) =>
    Number((bits >> BigInt(byte * 8)) & 255n),
  );
  return [((values.length / 8) << 1) | 1, ...bytes];
}

describe("run lengths and packed bits", () => {
  it("decodes the example of the format", () => {
    expect(decode([0x03, 0x88, 0xc6, 0xfa], 3, 8)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(decode([3 << 1, 9, 0x03, 0x88, 0xc6, 0xfa], 3, 6)).toEqual([9, 9, 9, 0, 1, 2]);
    expect(decode([], 0, 3)).toEqual([0, 0, 0]);
  });

  it("decodes packed values of every width", () => {
    const values = fc
      .integer({ min: 1, max: 31 })
      .chain((width) =>
        fc.tuple(
          fc.constant(width),
          fc.array(fc.integer({ min: 0, max: 2 ** width - 1 }), { minLength: 8, maxLength: 8 }),
        ),
      );
    fc.assert(
      fc.property(values, ([width, eight]) => {
        expect(decode(packed(eight, width), width, 8)).toEqual(eight);
      }),
    );
  });

  it("writes no more than there is room for, and says when the bytes run out", () => {
    expect(decode([0xfe, 0xff, 0xff, 0xff, 0x0f, 1], 1, 2)).toEqual([1, 1]);
    expect(() => decode([3 << 1, 1], 1, 4)).toThrow(/cut off/);
    expect(() => decode([0x03, 0x88], 3, 8)).toThrow(/cut off/);
    expect(() => decode([0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 1, 1)).toThrow(/cut off/);
    expect(() => decode([2, 1], 33, 1)).toThrow(/33 bits/);
  });
});
