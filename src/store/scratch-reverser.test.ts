import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FixedArrayConstructor } from "../arrow/fixed-layout.js";
import { reverseFixed } from "../arrow/reverse-fixed.js";
import { reverseVar } from "../arrow/reverse-var.js";
import { Arena } from "./arena.js";
import { ScratchReverser } from "./scratch-reverser.js";

const arena = Arena.allocate(65_536);
const OFFSETS_AT = 1_024;
const DATA_AT = 16_384;
const REGION = { address: 60_416, bytes: 1_024 };

/** Lays the rows out in the arena, their bytes starting at any address. */
function inArena(rows: readonly Uint8Array[], shift: number): { offsets: Int32Array; data: Uint8Array } {
  const offsets = new Int32Array(arena.buffer, OFFSETS_AT, rows.length + 1);
  let end = 0;
  offsets[0] = 0;
  rows.forEach((row, i) => {
    arena.u8.set(row, DATA_AT + shift + end);
    end += row.length;
    offsets[i + 1] = end;
  });
  return { offsets, data: new Uint8Array(arena.buffer, DATA_AT + shift, end) };
}

function bytesOf(offsets: Int32Array | undefined): Uint8Array {
  return offsets === undefined
    ? new Uint8Array(0)
    : new Uint8Array(offsets.buffer, offsets.byteOffset, offsets.byteLength);
}

describe("ScratchReverser", () => {
  it("gives what the plain loop gives, over as many pieces as it takes, and writes to its region alone", () => {
    const rows = fc.array(fc.uint8Array({ maxLength: 40, size: "max" }), { minLength: 1, maxLength: 300, size: "max" });
    fc.assert(
      fc.property(rows, fc.nat(7), (strings, shift) => {
        const { offsets, data } = inArena(strings, shift);
        const before = arena.u8.slice(0, REGION.address);
        const behind = arena.u8.slice(REGION.address + REGION.bytes);
        const reversed = new ScratchReverser(arena, REGION).reverse32(offsets, data, strings.length);
        const expected = reverseVar(offsets, data, strings.length);
        expect(Buffer.from(reversed?.data ?? []).equals(expected.data)).toBe(true);
        expect(Buffer.compare(bytesOf(reversed?.offsets), bytesOf(expected.offsets))).toBe(0);
        expect(Buffer.compare(arena.u8.slice(0, REGION.address), before)).toBe(0);
        expect(Buffer.compare(arena.u8.slice(REGION.address + REGION.bytes), behind)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it("reverses values of any width as the plain loop does, in one piece or several", () => {
    const kinds: readonly FixedArrayConstructor[] = [Uint8Array, Int16Array, Float32Array, BigInt64Array];
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(300),
        fc.nat(),
        (array, perRow, rows, seed) => {
          const bytesPerRow = perRow * array.BYTES_PER_ELEMENT;
          const source = arena.u8.subarray(DATA_AT, DATA_AT + rows * bytesPerRow);
          source.forEach((_, i) => {
            source[i] = (seed + i * 31 + (i >> 8)) & 0xff;
          });
          const reversed = new ScratchReverser(arena, REGION).reverseFixed(source, array, bytesPerRow, rows);
          if (rows === 0) {
            expect(reversed).toBeUndefined();
            return;
          }
          expect(reversed).toBeInstanceOf(array);
          const expected = reverseFixed(source, array, bytesPerRow, rows);
          const found = new Uint8Array(reversed?.buffer ?? new ArrayBuffer(0));
          expect(Buffer.compare(found, new Uint8Array(expected.buffer))).toBe(0);
        },
      ),
      { numRuns: 80 },
    );
    const reverser = new ScratchReverser(arena, REGION);
    expect(reverser.reverseFixed(Uint8Array.of(1, 2), Uint8Array, 1, 2)).toBeUndefined();
    expect(reverser.reverseFixed(arena.u8.subarray(0, 4_096), Uint8Array, 2_048, 2)).toBeUndefined();
  });

  it("puts the results of one batch into one block, those that do not fit into their own, and never two into one place", () => {
    const reverser = new ScratchReverser(arena, REGION);
    const source = arena.u8.subarray(DATA_AT, DATA_AT + 60);
    source.forEach((_, i) => {
      source[i] = i;
    });
    reverser.startBatch(72);
    const results = [12, 5, 40, 24].map((rows) => reverser.reverseFixed(source, Uint8Array, 1, rows));
    const [a, b, c, d] = results.map((result) => result?.buffer);
    expect(b).toBe(a);
    expect(c).toBe(a);
    expect(d).not.toBe(a);
    reverser.startBatch(72);
    expect(reverser.reverseFixed(source, Uint8Array, 1, 60)?.buffer).not.toBe(a);
    [12, 5, 40, 24].forEach((rows, i) => {
      expect(results[i]).toEqual(Uint8Array.from({ length: rows }, (_, row) => rows - 1 - row));
    });
  });

  it("declines a row that is larger than its region, no rows, and rows that lie elsewhere", () => {
    const reverser = new ScratchReverser(arena, REGION);
    const large = inArena([new Uint8Array(2_000)], 0);
    expect(reverser.reverse32(large.offsets, large.data, 1)).toBeUndefined();
    expect(reverser.reverse32(large.offsets, large.data, 0)).toBeUndefined();
    expect(reverser.reverse32(Int32Array.of(0, 1), Uint8Array.of(7), 1)).toBeUndefined();
  });
});
