/** Appending: results, groups, zero rows, slices, every kind of column, exact fits, and what a failed append leaves behind: nothing. */
import { type RecordBatch, Schema } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { batchOf } from "../../test/arrow-arbitrary.js";
import { int32, mixedSchema, pairBatch, pairSchema, seededBatch, wideSchema } from "../../test/batches.js";
import { rowsOf } from "../../test/plain-model.js";
import { FullError, TooLargeError } from "../errors.js";
import { publishedBytes, streamOf, tailOf } from "./arena.fixture.js";
import { BatchStore } from "./batch-store.js";

const BYTES = 1 << 20;

describe("append", () => {
  it("keeps every value of every kind of column", () => {
    const store = BatchStore.create({ schema: wideSchema, bytes: 4 * BYTES });
    const batches = Array.from({ length: 60 }, (_, seed) => seededBatch(wideSchema, seed, seed % 37));
    for (const batch of batches) store.append(batch);
    expect(store.batches().map(rowsOf)).toEqual(batches.map(rowsOf));
    expect(store.batches().map((batch) => batch.numRows)).toEqual(batches.map((batch) => batch.numRows));
  });

  it("takes a copy: the source may change afterwards", () => {
    const store = BatchStore.create({ schema: pairSchema, bytes: BYTES });
    const ids = Int32Array.of(1, 2, 3);
    store.append(batchOf(pairSchema, 3, [int32(ids), int32(Int32Array.of(4, 5, 6))]));
    ids.fill(0);
    expect(rowsOf(required(store.recordBatch(0)))).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
  });

  it("gives a slot to a batch without rows", () => {
    const store = BatchStore.create({ schema: mixedSchema, bytes: BYTES, capacity: 3 });
    const empty = seededBatch(mixedSchema, 1, 0);
    const two = seededBatch(mixedSchema, 2, 2);
    expect([empty, two, empty].map((batch) => store.append(batch))).toMatchObject([
      { position: 0, rowOffset: 0 },
      { position: 1, rowOffset: 0 },
      { position: 2, rowOffset: 2 },
    ]);
    expect(store.isFull).toBe(true);
    expect(store.totalRows).toBe(2);
    expect(store.batches().map(rowsOf)).toEqual([[], rowsOf(two), []]);
  });

  it("holds batches without columns", () => {
    const schema = new Schema([]);
    const store = BatchStore.create({ schema, bytes: BYTES });
    store.append(batchOf(schema, 5, []));
    store.append(batchOf(schema, 0, []));
    expect(store.snapshot()).toMatchObject({ length: 2, rows: 5, bytes: 0 });
    expect(store.batches().map((batch) => batch.numRows)).toEqual([5, 0]);
  });

  it("takes rows of slices of slices only", () => {
    const store = BatchStore.create({ schema: wideSchema, bytes: BYTES });
    const whole = seededBatch(wideSchema, 4, 50);
    const slices = [
      whole.slice(0, 50),
      whole.slice(1, 50),
      whole.slice(7, 8),
      whole.slice(3).slice(5, 30).slice(1, 2),
      whole.slice(50),
    ];
    for (const slice of slices) store.append(slice);
    expect(store.batches().map(rowsOf)).toEqual(slices.map(rowsOf));
  });

  it("counts rows past what 32 bits hold", () => {
    const schema = new Schema([]);
    const store = BatchStore.create({ schema, bytes: BYTES });
    const rows = 2_147_483_647;
    for (let i = 0; i < 5; i++) expect(store.append(batchOf(schema, rows, []))).toMatchObject({ rowOffset: i * rows });
    expect(store.totalRows).toBe(5 * rows);
    expect(store.get(4)).toMatchObject({ rows, rowOffset: 4 * rows });
  });

  it("can be filled to the last byte, exactly", () => {
    // Header 1,024; what is left when whole messages are in must be less than one message and its slot.
    const store = BatchStore.create({ schema: pairSchema, bytes: 65_536 });
    store.append(pairBatch(8));
    const perBatch = required(store.get(0)).arenaBytes + 32;
    while (store.remainingBytes >= perBatch) store.append(pairBatch(8));
    const before = publishedBytes(store);
    const error = catchFull(() => store.append(pairBatch(8)));
    expect(error.bound).toBe("bytes");
    expect(publishedBytes(store).equals(before)).toBe(true);
    expect(store.batches().map(rowsOf)).toEqual(Array.from({ length: store.length }, () => rowsOf(pairBatch(8))));
  });

  it("still takes a smaller batch after one that did not fit", () => {
    const store = BatchStore.create({ schema: pairSchema, bytes: 65_536 });
    const free = store.remainingBytes;
    const rows = Math.floor(free / 16);
    store.append(pairBatch(rows));
    expect(catchFull(() => store.append(pairBatch(rows))).bound).toBe("bytes");
    expect(store.append(pairBatch(3, 7))).toEqual({ position: 1, rowOffset: rows, bytes: 24 });
    expect(rowsOf(required(store.recordBatch(1)))).toEqual(rowsOf(pairBatch(3, 7)));
  });
});

describe("appendAll", () => {
  it("refuses a group that takes more than maxBytes, and leaves nothing of it", () => {
    const store = BatchStore.create({ schema: pairSchema, bytes: BYTES });
    store.append(pairBatch(1));
    const before = store.snapshot();
    const group = [pairBatch(10), pairBatch(10)];
    const taken = BatchStore.create({ schema: pairSchema, bytes: BYTES });
    taken.appendAll(group);
    const exact = taken.storedBatches().reduce((sum, batch) => sum + batch.arenaBytes, 0);
    expect(() => store.appendAll(group, { maxBytes: exact - 1 })).toThrow(TooLargeError);
    expect(store.snapshot()).toEqual(before);
    expect(store.appendAll(group, { maxBytes: exact })).toHaveLength(2);
  });

  it("publishes a group as single appends would lay it out, with one result each", () => {
    const batches = Array.from({ length: 9 }, (_, seed) => seededBatch(wideSchema, seed, 3 * seed));
    const single = BatchStore.create({ schema: wideSchema, bytes: BYTES });
    const grouped = BatchStore.create({ schema: wideSchema, bytes: BYTES });
    const results = batches.map((batch) => single.append(batch));
    expect(grouped.appendAll(batches)).toEqual(results);
    expect(streamOf(grouped).equals(streamOf(single))).toBe(true);
  });

  it("takes no batches for an answer", () => {
    const store = BatchStore.create({ schema: pairSchema, bytes: BYTES, capacity: 1 });
    store.append(pairBatch(1));
    expect(store.appendAll([])).toEqual([]);
    expect(store.length).toBe(1);
  });

  it.each([
    ["the first", 0],
    ["one in the middle", 2],
    ["the last", 4],
  ])("appends none when %s of a group is wrong, and then goes on as if nothing had been", (_, wrong) => {
    const good = Array.from({ length: 5 }, (_, seed) => seededBatch(wideSchema, 10 + seed, 20));
    const group: RecordBatch[] = good.map((batch, i) => (i === wrong ? broken(batch) : batch));
    const store = BatchStore.create({ schema: wideSchema, bytes: BYTES });
    const untroubled = BatchStore.create({ schema: wideSchema, bytes: BYTES });
    for (const each of [store, untroubled]) each.append(seededBatch(wideSchema, 1, 30));
    const before = store.snapshot();
    expect(() => store.appendAll(group)).toThrow(/"price" is malformed/);
    expect(store.snapshot()).toEqual(before);
    // Other ones than those of the failed group: their padding lies on its remains.
    const next = Array.from({ length: 5 }, (_, seed) => seededBatch(wideSchema, 50 + seed, 9));
    store.appendAll(next);
    untroubled.appendAll(next);
    expect(streamOf(store).equals(streamOf(untroubled))).toBe(true);
    expect(publishedBytes(store).equals(publishedBytes(untroubled))).toBe(true);
  });

  it("appends none when the last of a group does not fit", () => {
    const store = BatchStore.create({ schema: pairSchema, bytes: 65_536 });
    store.append(pairBatch(1));
    const rows = Math.floor(store.remainingBytes / 8 / 3);
    const tail = tailOf(store);
    expect(catchFull(() => store.appendAll([pairBatch(rows), pairBatch(rows), pairBatch(rows)])).bound).toBe("bytes");
    expect(store.length).toBe(1);
    expect(tailOf(store)).toBe(tail);
    expect(store.appendAll([pairBatch(rows), pairBatch(rows)])).toHaveLength(2);
  });

  it("refuses a group with a hole in it", () => {
    const store = BatchStore.create({ schema: pairSchema, bytes: BYTES });
    const group = [pairBatch(1), pairBatch(2), pairBatch(3)];
    delete group[1];
    expect(() => store.appendAll(group)).toThrow(/not an Arrow record batch/);
    expect(store.length).toBe(0);
  });
});

/** `batch` with a column whose values are too few. */
function broken(batch: RecordBatch): RecordBatch {
  const index = batch.schema.fields.findIndex((field) => field.name === "price");
  const children = batch.data.children.map((child, i) =>
    i === index ? Object.assign(child.clone(), { values: new Float64Array(3), nullBitmap: null }) : child,
  );
  return batchOf(batch.schema, batch.numRows, children);
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("expected a value");
  return value;
}

function catchFull(action: () => unknown): FullError {
  try {
    action();
  } catch (error) {
    if (error instanceof FullError) return error;
    throw error;
  }
  throw new Error("expected a FullError");
}
