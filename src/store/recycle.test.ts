/** Using an arena again: the same memory under a new generation, no byte of the former use in it, dictionaries begun anew. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitrarySchema } from "../../test/arrow-arbitrary.js";
import {
  colorBatch,
  colorSchema,
  idsOf,
  pairBatch,
  pairSchema,
  seededBatch,
  thrown,
  wideSchema,
} from "../../test/batches.js";
import { rowsOf } from "../../test/plain-model.js";
import { ConflictError, GoneError } from "../errors.js";
import { arenaBuffer, publishedBytes, streamOf, word, words } from "./arena.fixture.js";
import { BatchStore } from "./batch-store.js";
import { RECYCLING, WORD } from "./layout.js";
import { startThread } from "./start-thread.fixture.js";

function pairStore(): BatchStore {
  const store = BatchStore.create({ schema: pairSchema, bytes: 65_536 });
  for (let i = 0; i < 3; i++) store.append(pairBatch(5, i));
  return store;
}

describe("recycle", () => {
  it("empties the store and uses the same memory", () => {
    const store = pairStore();
    store.advanceDurable(2);
    store.finish();
    const buffer = arenaBuffer(store);
    const { generation } = store.handle();
    const empty = BatchStore.create({ schema: pairSchema, bytes: 65_536 }).snapshot();
    store.recycle();
    expect(store.snapshot()).toEqual(empty);
    expect(store.durable).toBe(0);
    expect(store.finished).toBe(false);
    expect(store.isEmpty).toBe(true);
    expect(arenaBuffer(store)).toBe(buffer);
    expect(store.handle().generation).toBe(generation + 1);
    expect(store.append(pairBatch(2, 70))).toEqual({ position: 0, rowOffset: 0, bytes: 16 });
    expect(store.batches().map(idsOf)).toEqual([[70, 71]]);
    expect(idsOf(present(BatchStore.attach(store.handle()).recordBatch(0)))).toEqual([70, 71]);
  });

  it("gives the room back, again and again", () => {
    const store = BatchStore.create({ schema: pairSchema, bytes: 65_536 });
    const rows = Math.floor(store.remainingBytes / 8 - 200);
    for (let use = 0; use < 50; use++) {
      store.append(pairBatch(rows, use));
      expect(() => store.append(pairBatch(rows))).toThrow(/bytes of arena/);
      expect(store.recordBatch(0)?.getChildAt(0)?.get(0)).toBe(use);
      store.recycle();
    }
  });

  it("leaves nothing of the former bytes: it is as if the store were new", () => {
    const former = BatchStore.create({ schema: wideSchema, bytes: 4 << 20 });
    for (let seed = 0; seed < 40; seed++) former.append(seededBatch(wideSchema, seed, 100));
    const handle = former.handle();
    former.close();
    const store = BatchStore.attachWriter(handle);
    // Worse than anything that could be there.
    new Uint8Array(arenaBuffer(store)).fill(0xee, word(store, "DATA_START"), 64 * word(store, "DIRTY"));
    store.recycle();
    const fresh = BatchStore.create({ schema: wideSchema, bytes: 4 << 20 });
    for (let seed = 100; seed < 140; seed++) {
      for (const each of [store, fresh]) each.append(seededBatch(wideSchema, seed, seed % 33));
    }
    expect(publishedBytes(store).equals(publishedBytes(fresh))).toBe(true);
    expect(streamOf(store).equals(streamOf(fresh))).toBe(true);
  });

  it("leaves nothing of the former bytes, whatever the schema", () => {
    const cases = fc.tuple(arbitrarySchema({ maxColumns: 12, maxDepth: 2 }), fc.integer());
    fc.assert(
      fc.property(cases, ([schema, seed]) => {
        const store = BatchStore.create({ schema, bytes: 4 << 20, prefault: false });
        const fresh = BatchStore.create({ schema, bytes: 4 << 20, prefault: false });
        new Uint8Array(arenaBuffer(store)).fill(0xee, word(store, "DATA_START"), 1 << 20);
        Atomics.store(new Int32Array(arenaBuffer(store)), 8 * 16, (1 << 20) / 64);
        store.recycle();
        for (let i = 0; i < 4; i++) {
          for (const each of [store, fresh]) each.append(seededBatch(schema, seed + i, (5 * i) % 17));
        }
        expect(publishedBytes(store).equals(publishedBytes(fresh))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("leaves nothing of the former slots where messages come to lie", () => {
    const make = () => BatchStore.create({ schema: pairSchema, bytes: 4 << 20, prefault: false });
    const [store, fresh] = [make(), make()];
    store.appendAll(Array.from({ length: 3_000 }, (_, i) => pairBatch(1, i)));
    store.recycle();
    for (const each of [store, fresh]) {
      each.append(pairBatch(Math.floor((each.remainingBytes - 90_000) / 8)));
      while (each.remainingBytes > 1_000) each.append(pairBatch(3));
    }
    expect(publishedBytes(store).equals(publishedBytes(fresh))).toBe(true);
  });

  it("begins dictionaries anew", () => {
    const store = BatchStore.create({ schema: colorSchema, bytes: 65_536 });
    const reds = colorBatch(["red", "green"], [1, 0]);
    store.append(reds);
    expect(rowsOf(present(store.recordBatch(0)))).toEqual([["green"], ["red"]]);
    store.recycle();
    // At the same address, but longer.
    store.append(colorBatch(["RED", "ORANGE", "GREEN"], [2, 0]));
    expect(rowsOf(present(store.recordBatch(0)))).toEqual([["GREEN"], ["RED"]]);
    expect(store.column("color").dictionary(0)?.toArray()).toEqual(["RED", "ORANGE", "GREEN"]);
    store.recycle();
    store.append(reds);
    expect(rowsOf(present(store.recordBatch(0)))).toEqual([["green"], ["red"]]);
    const fresh = BatchStore.create({ schema: colorSchema, bytes: 65_536 });
    fresh.append(reds);
    expect(publishedBytes(store).equals(publishedBytes(fresh))).toBe(true);
  });

  it("is refused while readers are attached, and changes nothing then", () => {
    const store = pairStore();
    const readers = [1, 2].map(() => BatchStore.attach(store.handle()));
    for (const reader of readers) {
      const error = thrown(() => store.recycle());
      expect(error).toBeInstanceOf(ConflictError);
      expect(String(error)).toMatch(/\d readers? (is|are) attached/);
      expect(store.length).toBe(3);
      reader.close();
      reader.close(); // counted out once only
    }
    expect(store.readers).toBe(0);
    store.recycle();
    expect(store.length).toBe(0);
  });

  it("is refused while a reader in another thread waits", async () => {
    const store = pairStore();
    const reader = await startThread({ task: "holdWait", handle: store.handle() });
    expect(() => store.recycle()).toThrow(ConflictError);
    expect(store.append(pairBatch(1))).toMatchObject({ position: 3 });
    await reader.terminate();
    expect(() => store.recycle()).toThrow(ConflictError);
  });

  it("is not refused for readers that a pool's pins stand for, and they are not counted out either", () => {
    const store = pairStore();
    const { memory } = store.handle();
    const pinned = BatchStore.attachPinned(memory);
    expect([pinned.readers, pinned.length, pinned.writable]).toEqual([0, 3, false]);
    const counted = BatchStore.attach(store.handle());
    pinned.close();
    expect(store.readers).toBe(1);
    counted.close();
    const next = BatchStore.attachPinned(memory);
    store.recycle();
    expect(next.length).toBe(0);
    next.close();
    expect(store.readers).toBe(0);
    const { generation } = BatchStore.attachPinned(memory).handle();
    expect(generation).toBe(store.handle().generation);
  });

  it("is done by the next writer when the one at it was terminated", () => {
    const store = pairStore();
    const { memory } = store.handle();
    Atomics.store(words(store), WORD.READERS, RECYCLING);
    expect(() => BatchStore.attachWriter(store.handle(), { takeover: true })).toThrow(GoneError);
    expect(() => BatchStore.attachPinnedWriter(memory)).toThrow(ConflictError);
    const next = BatchStore.attachPinnedWriter(memory, { takeover: true });
    next.recycle();
    expect([next.length, next.readers]).toEqual([0, 0]);
    expect(next.append(pairBatch(2))).toMatchObject({ position: 0 });
  });

  it("makes handles of former uses worthless", () => {
    const store = pairStore();
    const old = store.handle();
    store.recycle();
    for (const action of [
      () => BatchStore.attach(old),
      () => BatchStore.attachWriter(old),
      () => BatchStore.attachWriter(old, { takeover: true }),
    ]) {
      const error = thrown(action);
      expect(error).toBeInstanceOf(GoneError);
      expect(String(error)).toContain("recycled for other data; ask the owner for a new handle");
    }
    expect(store.readers).toBe(0);
    expect(store.append(pairBatch(1))).toMatchObject({ position: 0 });
  });

  it("makes batches of former uses worthless, unless their rows were looked at", async () => {
    const store = pairStore();
    const [seen, unseen] = store.storedBatches();
    const rows = seen?.recordBatch.numRows;
    const following = store.follow({ from: 2 });
    await following.next();
    const pending = following.next();
    store.recycle();
    store.append(pairBatch(9, 9));
    store.append(pairBatch(9, 9));
    expect(seen?.recordBatch.numRows).toBe(rows);
    expect(thrown(() => unseen?.recordBatch)).toBeInstanceOf(GoneError);
    expect(store.get(1)?.recordBatch.numRows).toBe(9);
    await expect(pending).rejects.toThrow(GoneError);
  });
});

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("expected a value");
  return value;
}
