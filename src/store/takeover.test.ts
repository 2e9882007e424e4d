/**
 * A writer that dies in the midst of its work: what it published stays, what it did not is never seen, and the next writer lays out the
 * same bytes as one that was never disturbed, its padding zero over the remains.
 */
import { tableFromIPC } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { pairBatch, pairSchema, seededBatch, wideSchema } from "../../test/batches.js";
import { rowsOf } from "../../test/plain-model.js";
import { arenaBuffer, publishedBytes, streamOf, tailOf, word, words } from "./arena.fixture.js";
import { BatchStore } from "./batch-store.js";
import { SLOT_BYTES, WORD } from "./layout.js";
import { startThread } from "./start-thread.fixture.js";
import { wideBatch } from "./thread.fixture.js";

const BYTES = 16 << 20;
const CAPACITY = 5_000;

function wideStore(): BatchStore {
  return BatchStore.create({ schema: wideSchema, bytes: BYTES, capacity: CAPACITY, prefault: false });
}

/** A store that the batches at the first `length` positions were appended to, one after the other. */
function undisturbed(length: number): BatchStore {
  const store = wideStore();
  for (let position = 0; position < length; position++) store.append(wideBatch(position));
  return store;
}

describe("takeover", () => {
  it.each([1, 3, 5])("continues after a writing thread that was terminated, groups of %i whole", async (group) => {
    const store = wideStore();
    const handle = store.handle();
    store.close();
    const reader = BatchStore.attach(handle);
    let length = 0;
    for (let round = 0; round < 3; round++) {
      const writer = await startThread({ task: "appendWide", handle, group, takeover: round > 0 });
      const target = length + 40;
      while (reader.length < target) await reader.waitForLength(target, { timeout: 1_000 });
      await writer.terminate();
      length = reader.length;
      expect(length % group).toBe(0);
    }
    expect(word(reader, "WRITER")).not.toBe(0);
    expect(() => BatchStore.attachWriter(handle)).toThrow(/already has a writer/);
    const next = BatchStore.attachWriter(handle, { takeover: true });
    for (let i = 0; i < 6; i++) next.append(wideBatch(length + i));
    const expected = undisturbed(length + 6);
    expect(publishedBytes(reader).equals(publishedBytes(expected))).toBe(true);
    expect(streamOf(reader).equals(streamOf(expected))).toBe(true);
    expect(next.snapshot()).toEqual(expected.snapshot());
    for (let position = 0; position < length + 6; position += 7) {
      const batch = reader.recordBatch(position);
      expect(batch && rowsOf(batch)).toEqual(rowsOf(wideBatch(position)));
    }
    expect(tableFromIPC(streamOf(reader)).numRows).toBe(expected.totalRows);
  });

  it("writes zeros into padding that lies on the remains of an unfinished append", () => {
    const store = undisturbed(20);
    // What a writer could have left: anything up to the mark it raises before it writes, and slots that are not published.
    const bytes = new Uint8Array(arenaBuffer(store));
    const tail = tailOf(store);
    const mark = 64 * word(store, "DIRTY");
    expect(mark).toBeGreaterThan(tail);
    bytes.fill(0xab, tail, mark);
    bytes.fill(0xcd, bytes.length - 40 * SLOT_BYTES, bytes.length - 20 * SLOT_BYTES);
    const next = BatchStore.attachWriter(store.handle(), { takeover: true, prefault: false });
    expect(next.snapshot()).toEqual(undisturbed(20).snapshot());
    for (let position = 20; position < 60; position++) next.append(wideBatch(position));
    const expected = undisturbed(60);
    expect(publishedBytes(next).equals(publishedBytes(expected))).toBe(true);
    expect(next.batches().map(rowsOf)).toEqual(expected.batches().map(rowsOf));
  });

  it("clears the slots of a group that was not published, where messages come to lie", () => {
    const make = () => BatchStore.create({ schema: pairSchema, bytes: 4 << 20, prefault: false });
    const [store, fresh] = [make(), make()];
    store.appendAll(Array.from({ length: 3_000 }, (_, i) => pairBatch(1, i)));
    Atomics.store(words(store), WORD.COMMITTED, 5);
    for (let i = 0; i < 5; i++) fresh.append(pairBatch(1, i));
    const next = BatchStore.attachWriter(store.handle(), { takeover: true, prefault: false });
    expect(next.snapshot()).toEqual(fresh.snapshot());
    for (const each of [next, fresh]) {
      each.append(pairBatch(Math.floor((each.remainingBytes - 90_000) / 8)));
      while (each.remainingBytes > 1_000) each.append(pairBatch(3));
    }
    expect(publishedBytes(next).equals(publishedBytes(fresh))).toBe(true);
  });

  it("raises the mark before it writes, however large the append", () => {
    const store = BatchStore.create({ schema: pairSchema, bytes: 64 << 20, prefault: false });
    const bytes = new Uint8Array(arenaBuffer(store));
    for (const rows of [10, 200_000, 3, 1_000_000, 262_144, 100]) {
      store.append(pairBatch(rows));
      const mark = 64 * word(store, "DIRTY");
      expect(mark).toBeGreaterThanOrEqual(tailOf(store));
      expect(bytes.subarray(mark, mark + 4_096).every((byte) => byte === 0)).toBe(true);
    }
  });

  it("keeps the dictionaries in force, and replaces them when they change", () => {
    const store = undisturbed(3);
    const same = seededBatch(wideSchema, 2, 12);
    const next = BatchStore.attachWriter(store.handle(), { takeover: true });
    next.append(same);
    next.append(seededBatch(wideSchema, 99, 12));
    const expected = undisturbed(3);
    expected.append(same);
    expected.append(seededBatch(wideSchema, 99, 12));
    expect(streamOf(next).equals(streamOf(expected))).toBe(true);
    for (const from of [0, 2, 3, 4]) expect(streamOf(next, from).equals(streamOf(expected, from))).toBe(true);
  });

  it("works on an empty store, on a full one, and on one that is finished", () => {
    const empty = wideStore();
    expect(BatchStore.attachWriter(empty.handle(), { takeover: true }).append(wideBatch(0))).toMatchObject({
      position: 0,
    });
    const full = BatchStore.create({ schema: wideSchema, bytes: BYTES, capacity: 1 });
    full.append(wideBatch(0));
    const next = BatchStore.attachWriter(full.handle(), { takeover: true });
    expect(() => next.append(wideBatch(1))).toThrow(/holds 1 of at most 1 batches/);
    next.finish();
    const last = BatchStore.attachWriter(full.handle(), { takeover: true });
    expect(() => last.append(wideBatch(1))).toThrow(/finished/);
    last.recycle();
    expect(last.append(wideBatch(1))).toMatchObject({ position: 0 });
  });
});
