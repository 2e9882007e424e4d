import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KernelPair } from "./pair.fixture.js";

const pair = new KernelPair();

describe.each([1, 2, 4, 8] as const)("indicesValid, %i bytes", (width) => {
  const bits = BigInt(8 * width);

  function check(raw: readonly bigint[], signed: boolean, validity: readonly boolean[] | undefined, limit: number) {
    const bytes = new DataView(new ArrayBuffer(raw.length * width));
    const bitmap = new Uint8Array(Math.ceil(raw.length / 8) + 1);
    raw.forEach((value, i) => {
      for (let b = 0; b < width; b++) {
        bytes.setUint8(i * width + b, Number((BigInt.asUintN(64, value) >> BigInt(8 * b)) & 255n));
      }
      if (validity?.[i]) bitmap[i >> 3] = (bitmap[i >> 3] ?? 0) | (1 << (i & 7));
    });
    pair.put(64, bytes);
    pair.put(8192, bitmap);
    const validityAt = validity ? 8192 : 0;
    const result = pair.run((kernels) => kernels.indicesValid(64, width, signed, raw.length, validityAt, limit));
    const expected = raw.every((value, i) => {
      const index = signed ? BigInt.asIntN(Number(bits), value) : BigInt.asUintN(Number(bits), value);
      return validity?.[i] === false || (index >= 0n && index < BigInt(limit));
    });
    expect(result).toBe(expected);
    return result;
  }

  it("agrees with the definition on random indices, limits and nulls", () => {
    const edge = fc.constantFrom(
      0n,
      1n,
      127n,
      128n,
      255n,
      32767n,
      65535n,
      2n ** 31n,
      2n ** 32n - 1n,
      -1n,
      -(2n ** 63n),
    );
    const value = fc.oneof({ weight: 20, arbitrary: fc.bigInt(0n, 100n) }, { weight: 1, arbitrary: edge });
    const limit = fc.oneof(
      fc.nat(300),
      fc.constantFrom(0, 100, 128, 200, 256, 65536, 2 ** 31, 2 ** 32, 2 ** 40, Number.MAX_SAFE_INTEGER),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(value, fc.boolean()), { maxLength: 300 }),
        fc.boolean(),
        fc.boolean(),
        limit,
        (rows, signed, nullable, bound) => {
          const values = rows.map(([index]) => index);
          check(values, signed, nullable ? rows.map(([, valid]) => valid) : undefined, bound);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("finds a single bad index in any place, unless it is null", () => {
    for (let length = 1; length <= 40; length++) {
      const place = ((length * 7) % (length + 1)) % length;
      const rows = Array.from({ length }, (_, i) => (i === place ? 9n : 8n));
      expect(check(rows, true, undefined, 9)).toBe(false);
      const validity = rows.map((_, i) => i !== place);
      expect(check(rows, true, validity, 9)).toBe(true);
    }
  });
});

describe("typeIdsValid", () => {
  it("agrees with the set", () => {
    const sets = fc.uniqueArray(fc.integer({ min: 0, max: 127 }), { minLength: 1, maxLength: 128 });
    fc.assert(
      fc.property(
        sets,
        fc.array(fc.nat(), { maxLength: 300 }),
        fc.option(fc.integer({ min: -128, max: 127 })),
        fc.nat(),
        (allowed, picks, odd, place) => {
          const words = [0, 0, 0, 0];
          for (const id of allowed) words[id >> 5] = ((words[id >> 5] ?? 0) | (1 << (id & 31))) >>> 0;
          const [set0 = 0, set1 = 0, set2 = 0, set3 = 0] = words;
          const ids = Int8Array.from(picks, (pick) => allowed[pick % allowed.length] ?? 0);
          if (odd !== null && ids.length > 0) ids[place % ids.length] = odd;
          pair.put(65, ids);
          const result = pair.run((kernels) => kernels.typeIdsValid(65, ids.length, set0, set1, set2, set3));
          expect(result).toBe(ids.every((id) => allowed.includes(id)));
        },
      ),
      { numRuns: 500 },
    );
  });

  it("knows every single id", () => {
    for (let id = -128; id < 128; id++) {
      pair.put(65, new Int8Array(17).fill(id));
      const set = [0, 1, 2, 3].map((word) => (id >= 0 && id >> 5 === word ? 1 << (id & 31) : 0));
      const [set0 = 0, set1 = 0, set2 = 0, set3 = 0] = set;
      expect(pair.run((kernels) => kernels.typeIdsValid(65, 17, set0, set1, set2, set3))).toBe(id >= 0);
      expect(pair.run((kernels) => kernels.typeIdsValid(65, 17, ~set0, ~set1, ~set2, ~set3))).toBe(false);
    }
  });
});
