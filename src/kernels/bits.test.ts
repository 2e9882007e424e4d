import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KernelPair } from "./pair.fixture.js";

const pair = new KernelPair();
const bytes = fc.uint8Array({ minLength: 48, maxLength: 48 });
const offset = fc.integer({ min: 0, max: 7 });
const length = fc.integer({ min: 0, max: 300 });
const alignment = fc.integer({ min: 0, max: 17 });

function bitsOf(source: Uint8Array, from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => ((source[(from + i) >> 3] ?? 0) >> ((from + i) & 7)) & 1);
}

/** The bits, then zeros up to the byte's end. */
function padded(bits: readonly number[]): number[] {
  return [...bits, ...Array.from({ length: -bits.length & 7 }, () => 0)];
}

describe("alignBits", () => {
  it("moves the bits down to bit 0 and clears what the move freed", () => {
    fc.assert(
      fc.property(bytes, offset, length, alignment, (source, bitOffset, bits, at) => {
        pair.clear(0xff);
        pair.put(64 + at, source);
        pair.run((kernels) => kernels.alignBits(64 + at, bitOffset, bits));
        const outBytes = Math.ceil(bits / 8);
        const inBytes = Math.ceil((bitOffset + bits) / 8);
        const after = pair.bytes(64 + at, 48);
        expect(bitsOf(after, 0, outBytes * 8)).toEqual(padded(bitsOf(source, bitOffset, bits)));
        if (bitOffset > 0) expect(after.subarray(outBytes, inBytes).every((byte) => byte === 0)).toBe(true);
        expect(after.subarray(inBytes)).toEqual(source.subarray(inBytes));
      }),
      { numRuns: 500 },
    );
  });
});

describe("countBits", () => {
  it("counts the set bits among the first ones", () => {
    fc.assert(
      fc.property(bytes, length, alignment, (source, bits, at) => {
        pair.put(64 + at, source);
        const ones = pair.run((kernels) => kernels.countBits(64 + at, bits));
        expect(ones).toBe(bitsOf(source, 0, bits).filter((bit) => bit === 1).length);
      }),
      { numRuns: 300 },
    );
  });
});

describe("reverseBits", () => {
  it("turns the bits round from any offset", () => {
    fc.assert(
      fc.property(bytes, fc.integer({ min: 0, max: 70 }), length, alignment, (source, bitOffset, bits, at) => {
        pair.clear(0xaa);
        pair.put(64 + at, source);
        pair.run((kernels) => kernels.reverseBits(64 + at, bitOffset, bits, 1024 + at));
        expect(bitsOf(pair.bytes(1024 + at, 40), 0, Math.ceil(bits / 8) * 8)).toEqual(
          padded(bitsOf(source, bitOffset, bits).reverse()),
        );
      }),
      { numRuns: 500 },
    );
  });
});

describe("gatherBits", () => {
  it("takes the bits at the indices", () => {
    const indices = fc.array(fc.integer({ min: 0, max: 383 }), { maxLength: 300 });
    fc.assert(
      fc.property(bytes, indices, alignment, (source, rows, at) => {
        pair.clear(0xaa);
        pair.put(64 + at, source);
        pair.put(1024, Uint32Array.from(rows));
        pair.run((kernels) => kernels.gatherBits(64 + at, 1024, rows.length, 4096 + at));
        const all = bitsOf(source, 0, 384);
        expect(bitsOf(pair.bytes(4096 + at, 40), 0, Math.ceil(rows.length / 8) * 8)).toEqual(
          padded(rows.map((row) => all[row] ?? -1)),
        );
      }),
      { numRuns: 300 },
    );
  });
});
