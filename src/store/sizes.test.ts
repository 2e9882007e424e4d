/**
 * Sizes are of the slice that was appended, not of the buffers it was cut from (mended point b), in two ledgers: bytes of rows, which
 * tell when to flush, and bytes of arena, which tell what fits.
 */
import { Bool, Field, type RecordBatch, Schema, Utf8, vectorFromArray } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { batchOf } from "../../test/arrow-arbitrary.js";
import { colorBatch, colorSchema, mixedSchema, pairBatch, pairSchema, seededBatch } from "../../test/batches.js";
import { BatchStore } from "./batch-store.js";

const BYTES = 1 << 20;

/** Header of a message with `nodes` field nodes and `buffers` buffers. */
function headerBytes(nodes: number, buffers: number): number {
  return Math.ceil((96 + 16 * (nodes + buffers)) / 64) * 64;
}

describe("bytes of rows", () => {
  it("are those of the slice", () => {
    const store = BatchStore.create({ schema: pairSchema, bytes: BYTES });
    const whole = pairBatch(1_000);
    expect(store.append(whole.slice(500, 510)).bytes).toBe(10 * 8);
    expect(store.append(whole.slice(999)).bytes).toBe(8);
    expect(store.append(whole.slice(7, 7)).bytes).toBe(0);
    expect(store.append(whole).bytes).toBe(1_000 * 8);
    expect(store.totalBytes).toBe(80 + 8 + 0 + 8_000);
    expect(store.storedBatches().map((batch) => batch.bytes)).toEqual([80, 8, 0, 8_000]);
  });

  it("count strings by their own length, one offset more than rows, bits by eighths, and bitmaps only when there are nulls", () => {
    const schema = new Schema([new Field("s", new Utf8(), true), new Field("b", new Bool(), true)]);
    const strings = vectorFromArray(["a", "bcd", null, "", "efghij"], new Utf8()).data[0];
    const bits = vectorFromArray([true, false, true, null, true], new Bool()).data[0];
    if (strings === undefined || bits === undefined) throw new Error("no data");
    const whole = batchOf(schema, 5, [strings, bits]);
    const store = BatchStore.create({ schema, bytes: BYTES });
    const sizes = [whole, whole.slice(1, 2), whole.slice(1, 3), whole.slice(4)].map(
      (batch) => store.append(batch).bytes,
    );
    expect(sizes).toEqual([
      1 + 6 * 4 + 10 + (1 + 1),
      2 * 4 + 3 + 1, // no null in either
      1 + 3 * 4 + 3 + 1,
      2 * 4 + 6 + 1,
    ]);
  });

  it("do not depend on where the rows were cut from", () => {
    const plain = BatchStore.create({ schema: mixedSchema, bytes: BYTES });
    const cut = BatchStore.create({ schema: mixedSchema, bytes: BYTES });
    for (let seed = 0; seed < 20; seed++) {
      const slice = seededBatch(mixedSchema, seed, 100).slice(33, 33 + seed);
      const { bytes } = plain.append(slice);
      const stored = plain.recordBatch(seed);
      if (stored === undefined) throw new Error("no batch");
      expect(cut.append(stored).bytes).toBe(bytes);
    }
    expect(cut.snapshot()).toEqual(plain.snapshot());
  });
});

describe("bytes of arena", () => {
  it("are header, padded buffers and a slot for each batch", () => {
    const store = BatchStore.create({ schema: pairSchema, bytes: BYTES });
    const empty = store.snapshot().arenaBytes;
    expect(empty).toBeGreaterThan(1_024);
    const message = headerBytes(2, 4) + 64 + 64;
    for (let i = 1; i <= 3; i++) {
      store.append(pairBatch(16));
      expect(store.snapshot().arenaBytes).toBe(empty + i * (message + 32));
      expect(store.get(i - 1)?.arenaBytes).toBe(message);
    }
    store.append(pairBatch(17));
    expect(store.get(3)?.arenaBytes).toBe(message + 128);
    expect(store.capacityBytes).toBe(BYTES);
    expect(store.remainingBytes).toBe(BYTES - store.snapshot().arenaBytes);
  });

  it("are those of the slice too", () => {
    const store = BatchStore.create({ schema: pairSchema, bytes: 65_536 });
    const whole = pairBatch(100_000);
    for (let i = 0; i < 20; i++) store.append(whole.slice(i, i + 16));
    expect(store.get(19)?.arenaBytes).toBe(headerBytes(2, 4) + 128);
  });

  it("hold the dictionaries once, which the bytes of rows do not", () => {
    const store = BatchStore.create({ schema: colorSchema, bytes: BYTES });
    const dictionary = vectorFromArray(["red", "green", "blue"], new Utf8());
    const batches: RecordBatch[] = [colorBatch(dictionary, [0, 1, 2]), colorBatch(dictionary, [2, 2])];
    const before = store.snapshot().arenaBytes;
    expect(store.appendAll(batches).map((result) => result.bytes)).toEqual([3, 2]);
    // The header of a dictionary message has 32 bytes more; then offsets, bytes, and the record of the dictionaries in force.
    const ofDictionary = Math.ceil((96 + 32 + 16 * (1 + 3)) / 64) * 64 + 64 + 64 + 64;
    const ofBatches = 2 * (headerBytes(1, 2) + 64 + 32);
    expect(store.snapshot().arenaBytes - before).toBe(ofDictionary + ofBatches);
    expect(store.totalBytes).toBe(5);
  });
});
