import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { orderOfBytes, orderOfNumbers } from "./key-order.js";

describe("orderOfNumbers", () => {
  it("is that of the numbers, equal ones by row", () => {
    const number = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 70_000n }));
    fc.assert(
      fc.property(fc.array(number, { maxLength: 300 }), (numbers) => {
        const high = Uint32Array.from(numbers, (n) => Number(n >> 32n));
        const low = Uint32Array.from(numbers, (n) => Number(n & 0xffffffffn));
        const expected = [...numbers.keys()].sort((a, b) => {
          const [left = 0n, right = 0n] = [numbers[a], numbers[b]];
          return left === right ? a - b : left < right ? -1 : 1;
        });
        expect([...orderOfNumbers(high, low)]).toEqual(expected);
      }),
    );
  });
});

describe("orderOfBytes", () => {
  const hex = (keys: readonly Uint8Array[]): string[] => keys.map((key) => Buffer.from(key).toString("hex"));
  const order = (keys: readonly Uint8Array[]): string[] => {
    const offsets = new Float64Array(keys.length + 1);
    keys.forEach((key, i) => {
      offsets[i + 1] = (offsets[i] ?? 0) + key.length;
    });
    const names = hex(keys);
    return [...orderOfBytes({ bytes: Buffer.concat(keys), offsets })].map((row) => names[row] ?? "");
  };
  const sorted = (keys: readonly Uint8Array[]): string[] => hex([...keys].sort(Buffer.compare));

  it("is that of the bytes, a prefix first, zeros included", () => {
    const byte = fc.constantFrom(0, 1, 97, 255);
    const key = fc.oneof(
      fc.uint8Array({ maxLength: 3 }),
      fc.array(byte, { maxLength: 24 }).map((bytes) => Uint8Array.from(bytes)),
    );
    fc.assert(
      fc.property(fc.array(key, { maxLength: 400 }), (keys) => {
        expect(order(keys)).toEqual(sorted(keys));
      }),
      { numRuns: 200 },
    );
  });

  it("holds for many keys that share a long beginning", () => {
    const keys = Array.from({ length: 5_000 }, (_, i) =>
      Buffer.from(`${"the same, ".repeat(20)}${(i * 7919) % 5_000}`),
    );
    expect(order(keys)).toEqual(sorted(keys));
    const nested = Array.from({ length: 300 }, (_, i) => new Uint8Array((i * 7) % 300));
    expect(order(nested)).toEqual(sorted(nested));
  });
});
