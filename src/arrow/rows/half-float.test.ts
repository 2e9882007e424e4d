import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeHalf, encodeHalf } from "./half-float.js";

const ALL = Array.from({ length: 0x1_0000 }, (_, bits) => bits);
const isNaNBits = (bits: number): boolean => (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;
/** Every number there is, in ascending order; both zeros. */
const NUMBERS = ALL.filter((bits) => !isNaNBits(bits))
  .map(decodeHalf)
  .sort((a, b) => a - b);

describe("half-precision numbers", () => {
  it("decode to what the format says", () => {
    expect(
      [0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x0400, 0x7c00, 0xfc00, 0x7e00].map(decodeHalf),
    ).toEqual([
      0,
      -0,
      1,
      -2,
      65_504,
      2 ** -24,
      1_023 * 2 ** -24,
      2 ** -14,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
    ]);
  });

  it("encode to the bits they were decoded from, all of them", () => {
    expect(ALL.filter((bits) => !isNaNBits(bits) && encodeHalf(decodeHalf(bits)) !== bits)).toEqual([]);
    expect(isNaNBits(encodeHalf(Number.NaN))).toBe(true);
  });

  it("a number in the middle of two goes to the one whose last bit is 0", () => {
    const wrong = ALL.slice(0, 0x7bff).filter((bits) => {
      const middle = (decodeHalf(bits) + decodeHalf(bits + 1)) / 2;
      const even = bits % 2 === 0 ? bits : bits + 1;
      return encodeHalf(middle) !== even || encodeHalf(-middle) !== (0x8000 | even);
    });
    expect(wrong).toEqual([]);
    expect([65_519.99, 65_520, -65_520, 65_537, 1e300].map((value) => decodeHalf(encodeHalf(value)))).toEqual([
      65_504,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
  });

  it("any number goes to the nearest", () => {
    const within = fc.oneof(
      fc.double({ min: -65_519, max: 65_519, noNaN: true }),
      fc.double({ min: -1e-4, max: 1e-4, noNaN: true }),
    );
    fc.assert(
      fc.property(within, (value) => {
        const nearest = decodeHalf(encodeHalf(value));
        const [below, above] = neighbours(value);
        expect(Math.abs(nearest - value)).toBe(Math.min(value - below, above - value));
      }),
      { numRuns: 2_000 },
    );
  });
});

/** The numbers next to `value` on both sides, itself if it is one. */
function neighbours(value: number): [number, number] {
  let low = 0;
  let high = NUMBERS.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((NUMBERS[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  const above = NUMBERS[low] ?? 0;
  return [above === value ? value : (NUMBERS[low - 1] ?? 0), above];
}
