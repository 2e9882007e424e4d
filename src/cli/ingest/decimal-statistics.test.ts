import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decimalStatistics } from "./decimal-statistics.js";

function wordsOf(values: readonly bigint[], words: number): Uint32Array {
  return Uint32Array.from(
    values.flatMap((value) =>
      Array.from({ length: words }, (_, w) => Number(BigInt.asUintN(32, value >> BigInt(32 * w)))),
    ),
  );
}

describe("decimalStatistics", () => {
  for (const words of [4, 8]) {
    it(`finds extremes and the exact sum of ${32 * words}-bit values`, () => {
      const most = 2n ** BigInt(32 * words - 1) - 1n;
      const value = fc.oneof(
        fc.bigInt({ min: -most - 1n, max: most }),
        fc.bigInt({ min: -3n, max: 3n }),
        fc.constantFrom(most, -most - 1n),
      );
      fc.assert(
        fc.property(fc.array(fc.tuple(value, fc.boolean()), { maxLength: 20 }), (rows) => {
          const bits = new Uint8Array(4);
          rows.forEach(([, isValid], i) => {
            if (isValid) bits[(i + 3) >> 3] = (bits[(i + 3) >> 3] ?? 0) | (1 << ((i + 3) & 7));
          });
          const data = wordsOf(
            rows.map(([number]) => number),
            words,
          );
          const valid = rows.filter(([, isValid]) => isValid).map(([number]) => number);
          const sorted = valid.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
          expect(decimalStatistics(data, words, bits, 3, rows.length)).toEqual({
            min: sorted[0],
            max: sorted.at(-1),
            sum: valid.reduce((sum, number) => sum + number, 0n),
          });
        }),
      );
    });
  }
});
