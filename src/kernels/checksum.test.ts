import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KernelPair, PAIR_BYTES } from "./pair.fixture.js";
import { checksumBits, checksumFixed, checksumVar } from "./plain/checksum.js";

const pair = new KernelPair();
const VALIDITY_AT = 64;
const OFFSETS_AT = 4096;
const AT = 16_384;

const u32 = (value: number) => value >>> 0;
const bitOf = (bitmap: Uint8Array, i: number) => ((bitmap[i >> 3] ?? 0) >> (i & 7)) & 1;

/** The definition of mix.ts in BigInt, word for word. */
function rowHash(row: number, words: readonly number[] | undefined): number {
  const mask = 0xffffffffn;
  let h = (BigInt(row) * 0x9e3779b1n + 0x165667b1n) & mask;
  if (words === undefined) h ^= 0x27d4eb2fn;
  for (const word of words ?? []) {
    h = ((h ^ BigInt(u32(word))) * 0xcc9e2d51n) & mask;
    h = ((h << 15n) | (h >> 17n)) & mask;
  }
  const g = ((h ^ (h >> 16n)) * 0x85ebca6bn) & mask;
  return Number(g ^ (g >> 13n));
}

function wordsIn(bytes: Uint8Array): number[] {
  const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  padded.set(bytes);
  return Array.from(new Uint32Array(padded.buffer));
}

function total(rows: readonly (readonly number[] | undefined)[], firstRow: number): number {
  return rows.reduce((sum, words, i) => u32(sum + rowHash(u32(firstRow + i), words)), 0);
}

const bitmap = fc.option(fc.uint8Array({ minLength: 40, maxLength: 40 }), { nil: undefined });
const firstRow = fc.oneof(fc.nat(1000), fc.constantFrom(2 ** 31 - 3, 2 ** 32 - 5));

describe("checksumFixed", () => {
  const width = fc.oneof(fc.constantFrom(0, 1, 2, 4, 8, 16, 32, 12), fc.nat(37));

  it("is the definition, for any width, alignment, nulls and ordinals", () => {
    fc.assert(
      fc.property(width, fc.nat(300), fc.nat(9), bitmap, firstRow, fc.nat(), (w, rows, skew, validity, first, salt) => {
        const bytes = Uint8Array.from({ length: w * rows }, (_, i) => Math.imul(i + salt, 0x9e3779b1) >>> 24);
        pair.put(AT + skew, bytes);
        if (validity) pair.put(VALIDITY_AT, validity);
        const at = validity ? VALIDITY_AT : 0;
        const sum = pair.run((kernels) => kernels.checksumFixed(AT + skew, w, at, rows, first));
        const values = Array.from({ length: rows }, (_, i) =>
          validity && bitOf(validity, i) === 0 ? undefined : wordsIn(bytes.subarray(i * w, (i + 1) * w)),
        );
        expect(sum).toBe(total(values, first));
      }),
      { numRuns: 200 },
    );
  });

  it("does not depend on where a column is cut, but on where its values stand", () => {
    const values = Float64Array.from({ length: 100 }, (_, i) => i / 3);
    const whole = checksumFixed(new Uint8Array(values.buffer), 8, undefined, 0, 100, 7);
    for (let cut = 0; cut <= 100; cut++) {
      const head = checksumFixed(new Uint8Array(values.buffer), 8, undefined, 0, cut, 7);
      const tail = checksumFixed(new Uint8Array(values.buffer, 8 * cut), 8, undefined, 0, 100 - cut, 7 + cut);
      expect(u32(head + tail)).toBe(whole);
    }
    const swapped = values.with(3, values[4] ?? 0).with(4, values[3] ?? 0);
    expect(checksumFixed(new Uint8Array(swapped.buffer), 8, undefined, 0, 100, 7)).not.toBe(whole);
  });

  it("reads nothing past the end of the memory", () => {
    for (let w = 1; w <= 9; w++) {
      for (let rows = 0; rows < 9; rows++) {
        pair.run((kernels) => kernels.checksumFixed(PAIR_BYTES - w * rows, w, 0, rows, 0));
      }
    }
  });
});

describe("checksumBits", () => {
  it("is the definition, and the twin takes any bit offsets", () => {
    const bytes = fc.uint8Array({ minLength: 50, maxLength: 50 });
    fc.assert(
      fc.property(bytes, fc.nat(300), fc.nat(70), bitmap, firstRow, (source, rows, skip, validity, first) => {
        const count = Math.min(rows, 320 - skip);
        pair.put(AT, source);
        if (validity) pair.put(VALIDITY_AT, validity);
        const bits = Array.from({ length: rows }, (_, i) =>
          validity && bitOf(validity, i) === 0 ? undefined : [bitOf(source, i)],
        );
        const sum = pair.run((kernels) => kernels.checksumBits(AT, validity ? VALIDITY_AT : 0, rows, first));
        expect(sum).toBe(total(bits, first));
        const shifted = Array.from({ length: count }, (_, i) =>
          validity && bitOf(validity, i + skip) === 0 ? undefined : [bitOf(source, i + skip)],
        );
        expect(checksumBits(source, skip, validity, skip, count, first)).toBe(total(shifted, first));
      }),
      { numRuns: 200 },
    );
  });
});

describe("checksumVar", () => {
  const lengths = fc.array(fc.oneof({ weight: 6, arbitrary: fc.nat(20) }, { weight: 1, arbitrary: fc.nat(90) }), {
    maxLength: 150,
  });

  it("is the definition, wherever the offsets start", () => {
    fc.assert(
      fc.property(lengths, fc.nat(9), bitmap, firstRow, (sizes, start, validity, first) => {
        const offsets = [start];
        for (const size of sizes) offsets.push((offsets.at(-1) ?? 0) + size);
        const end = offsets.at(-1) ?? 0;
        const data = Uint8Array.from({ length: end }, (_, i) => Math.imul(i + end, 0x9e3779b1) >>> 24);
        const values = sizes.map((size, i) => {
          const from = offsets[i] ?? 0;
          if (validity && bitOf(validity, i) === 0) return undefined;
          return [size, ...wordsIn(data.subarray(from, from + size))];
        });
        const at = validity ? VALIDITY_AT : 0;
        if (validity) pair.put(VALIDITY_AT, validity);
        // At the very end of the memory: nothing may be read past the data.
        const dataAt = PAIR_BYTES - end;
        pair.put(dataAt, data);
        pair.put(OFFSETS_AT, Int32Array.from(offsets));
        const sum32 = pair.run((kernels) => kernels.checksumVar32(OFFSETS_AT, dataAt, at, sizes.length, first));
        pair.put(OFFSETS_AT, BigInt64Array.from(offsets, BigInt));
        const sum64 = pair.run((kernels) => kernels.checksumVar64(OFFSETS_AT, dataAt, at, sizes.length, first));
        const expected = total(values, first);
        expect([sum32, sum64]).toEqual([expected, expected]);
        expect(checksumVar(Int32Array.from(offsets), data, validity, 0, sizes.length, first)).toBe(expected);
      }),
      { numRuns: 200 },
    );
  });

  it("tells a value from the same bytes with a zero more, and null from empty", () => {
    const data = new Uint8Array([1, 0, 0, 0, 0]);
    const sum = (length: number) => checksumVar(Int32Array.from([0, length]), data, undefined, 0, 1, 0);
    const sums = [0, 1, 2, 3, 4, 5].map(sum);
    sums.push(checksumVar(Int32Array.from([0, 0]), data, new Uint8Array(1), 0, 1, 0));
    expect(new Set(sums).size).toBe(7);
  });
});
