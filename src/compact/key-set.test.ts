import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeySet } from "./key-set.js";

describe("KeySet", () => {
  it("knows which keys came before, as a Set does, while it grows", () => {
    const word = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer(), fc.constantFrom(0, -1, 2 ** 31 - 1));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(word, { maxLength: 400 }), (words, values) => {
        const keys = Int32Array.from([...values, ...values]);
        const set = new KeySet(words, 1000);
        const model = new Set<string>();
        for (let at = 0; at + words <= keys.length; at += words) {
          const text = keys.subarray(at, at + words).join();
          expect(set.add(keys, at)).toBe(model.has(text));
          model.add(text);
        }
        expect(set.size).toBe(model.size);
      }),
    );
  });

  it("finds all of 100,000 keys that count up, and none beside them", () => {
    const set = new KeySet(2, 1_000_000);
    const keys = new Int32Array(BigInt64Array.from({ length: 100_001 }, (_, i) => BigInt(i) * 1_000_003n).buffer);
    const found = (): number => {
      let count = 0;
      for (let i = 0; i < 100_000; i++) count += Number(set.add(keys, 2 * i));
      return count;
    };
    expect([found(), found()]).toEqual([0, 100_000]);
    expect(set.add(keys, 200_000)).toBe(false);
    expect(set.size).toBe(100_001);
  });

  it("takes no more keys than it may, and still finds those it has", () => {
    const set = new KeySet(1, 3);
    const keys = Int32Array.of(5, 6, 7, 8);
    for (let at = 0; at < 4; at++) expect(set.add(keys, at)).toBe(false);
    expect(set).toMatchObject({ size: 3, isFull: true });
    expect([0, 1, 2, 3].map((at) => set.add(keys, at))).toEqual([true, true, true, false]);
  });
});
