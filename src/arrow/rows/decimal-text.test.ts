import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDecimal, parseDecimal } from "./decimal-text.js";

describe("decimals as text", () => {
  it.each<[string, number, bigint | undefined]>([
    ["1.5", 2, 150n],
    ["-0.05", 2, -5n],
    ["+.5", 1, 5n],
    ["5.", 0, 5n],
    ["1.500", 1, 15n],
    ["1.55", 1, undefined],
    ["12000", -3, 12n],
    ["12001", -3, undefined],
    ["-0", 5, 0n],
    ["", 2, undefined],
    [".", 2, undefined],
    ["-", 2, undefined],
    ["1e5", 2, undefined],
    [" 1", 2, undefined],
    ["1,5", 2, undefined],
    ["0x10", 0, undefined],
    ["١", 0, undefined],
    ["9".repeat(1_025), 0, undefined],
  ])("%j at scale %d", (text, scale, expected) => {
    expect(parseDecimal(text, scale)).toBe(expected);
  });

  it("come back as they were", () => {
    const digits = fc.bigInt({ min: -(10n ** 76n), max: 10n ** 76n });
    fc.assert(
      fc.property(digits, fc.integer({ min: -20, max: 80 }), (unscaled, scale) => {
        const text = formatDecimal(unscaled, scale);
        expect(parseDecimal(text, scale)).toBe(unscaled);
        expect((text.split(".")[1] ?? "").length).toBe(Math.max(0, scale));
      }),
    );
  });
});
