import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KernelPair } from "./pair.fixture.js";

const pair = new KernelPair();
const I64_MAX = 2n ** 63n - 1n;

describe("rebase", () => {
  it("subtracts from i32, wrapping", () => {
    fc.assert(
      fc.property(fc.int32Array({ maxLength: 300 }), fc.integer(), (values, delta) => {
        pair.put(64, values);
        pair.run((kernels) => kernels.rebase32(64, values.length, delta));
        const after = new Int32Array(pair.bytes(64, values.byteLength).buffer);
        expect(after).toEqual(values.map((value) => value - delta));
      }),
    );
  });

  it("subtracts a safe integer from i64, wrapping", () => {
    fc.assert(
      fc.property(fc.bigInt64Array({ maxLength: 300 }), fc.maxSafeInteger(), (values, delta) => {
        pair.put(64, values);
        pair.run((kernels) => kernels.rebase64(64, values.length, delta));
        const after = new BigInt64Array(pair.bytes(64, values.byteLength).buffer);
        expect(after).toEqual(values.map((value) => BigInt.asIntN(64, value - BigInt(delta))));
      }),
    );
  });
});

/** Sound offsets, each step given. */
const steps = fc.array(fc.nat(20), { minLength: 1, maxLength: 300 });

function sums(list: readonly number[]): number[] {
  let sum = 0;
  return list.map((value) => {
    sum += value;
    return sum;
  });
}

describe.each([32, 64] as const)("offsetsValid%i", (width) => {
  function valid(offsets: readonly (number | bigint)[], limit: number): boolean {
    const typed =
      width === 32 ? Int32Array.from(offsets.map(Number)) : BigInt64Array.from(offsets.map((offset) => BigInt(offset)));
    pair.put(64, typed);
    return pair.run((kernels) =>
      width === 32
        ? kernels.offsetsValid32(64, offsets.length, limit)
        : kernels.offsetsValid64(64, offsets.length, limit),
    );
  }

  it("accepts sound offsets up to the limit and no further", () => {
    fc.assert(
      fc.property(steps, (list) => {
        const offsets = sums(list);
        const last = offsets.at(-1) ?? 0;
        expect(valid(offsets, last)).toBe(true);
        expect(valid(offsets, 2 ** 32)).toBe(true);
        expect(valid(offsets, last - 1)).toBe(false);
      }),
    );
  });

  it("sees one step down anywhere, and a negative start", () => {
    fc.assert(
      fc.property(steps, fc.nat(), (list, place) => {
        const offsets = sums(list).map((offset) => offset + 1);
        expect(valid([-1, ...offsets], 2 ** 31)).toBe(false);
        if (offsets.length < 2) return;
        const at = 1 + (place % (offsets.length - 1));
        const broken = offsets.with(at, (offsets[at - 1] ?? 0) - 1);
        expect(valid(broken, 2 ** 31)).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it("refuses an empty list", () => {
    expect(valid([], 10)).toBe(false);
  });

  it("takes the extreme values", () => {
    const max = width === 32 ? 2 ** 31 - 1 : I64_MAX;
    expect(valid([0, max], 2 ** 31)).toBe(width === 32);
    expect(valid([max, 0], 2 ** 31)).toBe(false);
    expect(valid([0, width === 32 ? -(2 ** 31) : -I64_MAX], 2 ** 31)).toBe(false);
  });
});
