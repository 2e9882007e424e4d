/** Gather and reverse of fixed-width and of variable-length values. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Kernels } from "./kernels.js";
import { KernelPair, PAIR_BYTES } from "./pair.fixture.js";

const pair = new KernelPair();
const INDICES_AT = 64;
const SRC_AT = 4096;
const DST_AT = 65_536;

describe("copy and fill", () => {
  it("move overlapping bytes and set bytes, at any alignment", () => {
    const place = fc.integer({ min: 0, max: 700 });
    fc.assert(
      fc.property(place, place, fc.nat(300), fc.nat(255), (dst, src, bytes, byte) => {
        const source = Uint8Array.from({ length: 1024 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24);
        pair.put(SRC_AT, source);
        pair.run((kernels) => kernels.copy(SRC_AT + dst, SRC_AT + src, bytes));
        source.copyWithin(dst, src, src + bytes);
        expect(pair.bytes(SRC_AT, 1024)).toEqual(source);
        pair.run((kernels) => kernels.fill(SRC_AT + dst, byte, bytes));
        expect(pair.bytes(SRC_AT, 1024)).toEqual(source.fill(byte, dst, dst + bytes));
      }),
    );
  });
});

describe("fixed width", () => {
  const width = fc.oneof(fc.constantFrom(1, 2, 4, 8, 16), fc.nat(75));

  it("gathers and reverses values at any alignment", () => {
    fc.assert(
      fc.property(width, fc.nat(300), fc.nat(9), fc.nat(9), fc.nat(), (w, rows, skew, dstSkew, salt) => {
        const source = Uint8Array.from({ length: w * rows }, (_, i) => Math.imul(i + salt, 0x9e3779b1) >>> 24);
        const value = (row: number) => Array.from(source.subarray(row * w, (row + 1) * w));
        const indices = Uint32Array.from({ length: rows }, (_, i) => (Math.imul(i + salt, 0x85ebca6b) >>> 0) % rows);
        pair.clear(0x55);
        pair.put(SRC_AT + skew, source);
        pair.put(INDICES_AT, indices);
        pair.run((kernels) => kernels.gatherFixed(SRC_AT + skew, w, INDICES_AT, rows, DST_AT + dstSkew));
        expect(Array.from(pair.bytes(DST_AT + dstSkew, w * rows))).toEqual(Array.from(indices, value).flat());
        pair.clear(0x55);
        pair.put(SRC_AT + skew, source);
        pair.run((kernels) => kernels.reverseFixed(SRC_AT + skew, w, rows, DST_AT + dstSkew));
        const reversed = Array.from({ length: rows }, (_, i) => value(rows - 1 - i)).flat();
        expect(Array.from(pair.bytes(DST_AT + dstSkew, w * rows))).toEqual(reversed);
        // Behind the output nothing was written: the pair compares all bytes, and the twin writes only these.
        expect(pair.bytes(DST_AT + dstSkew + w * rows, 32)).toEqual(new Uint8Array(32).fill(0x55));
      }),
      { numRuns: 150 },
    );
  });
});

describe.each([32, 64] as const)("variable length, offsets of %i bits", (bits) => {
  const offsetBytes = bits / 8;
  const OUT_OFFSETS_AT = 8192;
  const lengths = fc.array(
    fc.oneof(
      { weight: 8, arbitrary: fc.nat(18) },
      { weight: 1, arbitrary: fc.integer({ min: 100, max: 160 }) },
      { weight: 1, arbitrary: fc.nat(60) },
    ),
    { minLength: 1, maxLength: 120 },
  );

  function offsetArray(offsets: readonly number[]): Int32Array | BigInt64Array {
    return bits === 32 ? Int32Array.from(offsets) : BigInt64Array.from(offsets, BigInt);
  }

  /**
   * Runs one kernel with a capacity and returns the values it gave, checking offsets and the bytes around the output.
   */
  function taken(capacity: number, call: (kernels: Kernels) => number): Uint8Array[] {
    const done = pair.run(call, DST_AT, DST_AT + capacity);
    const offsetsView = new DataView(pair.bytes(OUT_OFFSETS_AT, (done + 1) * offsetBytes).buffer);
    const offsets = Array.from({ length: done + 1 }, (_, i) =>
      bits === 32 ? offsetsView.getInt32(4 * i, true) : Number(offsetsView.getBigInt64(8 * i, true)),
    );
    expect(offsets[0]).toBe(0);
    expect(offsets.at(-1) ?? 0).toBeLessThanOrEqual(capacity);
    expect(pair.bytes(DST_AT + capacity, 64)).toEqual(new Uint8Array(64).fill(0x55));
    expect(pair.bytes(DST_AT - 64, 64)).toEqual(new Uint8Array(64).fill(0x55));
    const data = pair.bytes(DST_AT, offsets.at(-1) ?? 0);
    return Array.from({ length: done }, (_, i) => data.subarray(offsets[i], offsets[i + 1]));
  }

  function gather(kernels: Kernels, count: number, offsetsAt: number, dataAt: number, capacity: number): number {
    const take = bits === 32 ? "gatherVar32" : "gatherVar64";
    return kernels[take](offsetsAt, dataAt, INDICES_AT, count, OUT_OFFSETS_AT, DST_AT, capacity);
  }

  function reverse(
    kernels: Kernels,
    firstRow: number,
    count: number,
    offsetsAt: number,
    dataAt: number,
    capacity: number,
  ): number {
    const take = bits === 32 ? "reverseVar32" : "reverseVar64";
    return kernels[take](offsetsAt, dataAt, firstRow, count, OUT_OFFSETS_AT, DST_AT, capacity);
  }

  it("takes the values until the capacity is full, near the end of the memory as well", () => {
    const property = fc.property(
      lengths,
      fc.nat(20),
      fc.boolean(),
      fc.nat(),
      fc.nat(3000),
      (sizes, start, atEnd, salt, capacity) => {
        const offsets = [start];
        for (const size of sizes) offsets.push((offsets.at(-1) ?? 0) + size);
        const end = offsets.at(-1) ?? 0;
        const data = Uint8Array.from({ length: end }, (_, i) => Math.imul(i + salt, 0x9e3779b1) >>> 24);
        const value = (row: number) => data.subarray(offsets[row], offsets[row + 1]);
        const dataAt = atEnd ? PAIR_BYTES - end : 32_768;
        const rows = sizes.length;
        const indices = Uint32Array.from({ length: rows }, (_, i) => (Math.imul(i + salt, 0x85ebca6b) >>> 0) % rows);
        const fitting = (order: readonly number[]) => {
          let used = 0;
          const values = order.map(value);
          const over = values.findIndex((bytes) => {
            used += bytes.length;
            return used > capacity;
          });
          return over < 0 ? values : values.slice(0, over);
        };
        const prepare = () => {
          pair.clear(0x55);
          pair.put(dataAt, data);
          pair.put(SRC_AT, offsetArray(offsets));
          pair.put(INDICES_AT, indices);
        };

        prepare();
        const gathered = taken(capacity, (kernels) => gather(kernels, rows, SRC_AT, dataAt, capacity));
        expect(gathered).toEqual(fitting(Array.from(indices)));

        prepare();
        const first = salt % rows;
        const order = Array.from({ length: rows - first }, (_, i) => rows - 1 - i);
        const reversed = taken(capacity, (kernels) => reverse(kernels, first, rows - first, SRC_AT, dataAt, capacity));
        expect(reversed).toEqual(fitting(order));
      },
    );
    fc.assert(property, { numRuns: 200 });
  });

  it("does nothing but the first offset for no rows", () => {
    pair.clear(0x55);
    pair.put(SRC_AT, offsetArray([5]));
    expect(pair.run((kernels) => gather(kernels, 0, SRC_AT, 32_768, 10))).toBe(0);
    expect(pair.bytes(OUT_OFFSETS_AT, offsetBytes)).toEqual(new Uint8Array(offsetBytes));
    expect(pair.run((kernels) => reverse(kernels, 0, 0, SRC_AT, 32_768, 10))).toBe(0);
  });

  it("goes on where the capacity ran out", () => {
    pair.put(SRC_AT, offsetArray([0, 6, 12, 18, 24]));
    pair.put(
      32_768,
      Uint8Array.from({ length: 24 }, (_, i) => i),
    );
    const seen: number[] = [];
    for (let left = 4; left > 0; ) {
      const done = pair.run((kernels) => reverse(kernels, 0, left, SRC_AT, 32_768, 13), DST_AT, DST_AT + 13);
      expect(done).toBe(2);
      seen.push(...pair.bytes(DST_AT, 12));
      left -= done;
    }
    expect(seen).toEqual([3, 2, 1, 0].flatMap((row) => [0, 1, 2, 3, 4, 5].map((i) => 6 * row + i)));
  });
});
