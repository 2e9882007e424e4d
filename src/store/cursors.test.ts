/**
 * The durable cursor: an exclusive count, so that none is never taken for batch 0 (mended point c); it only moves forward, never past the
 * committed length, and has one owner (mended point d).
 */
import { describe, expect, it } from "vitest";
import { pairBatch, pairSchema, thrown } from "../../test/batches.js";
import { ConflictError, UsageError } from "../errors.js";
import { word } from "./arena.fixture.js";
import { BatchStore } from "./batch-store.js";
import { runThread, startThread } from "./start-thread.fixture.js";

function storeOf(batches: number): BatchStore {
  const store = BatchStore.create({ schema: pairSchema, bytes: 1 << 20, capacity: 100 });
  for (let i = 0; i < batches; i++) store.append(pairBatch(1));
  return store;
}

describe("the durable cursor counts exclusively", () => {
  it("begins at 0, which makes no batch durable", () => {
    const store = storeOf(3);
    expect(store.durable).toBe(0);
    expect(store.pending).toEqual({ from: 0, to: 3 });
    expect(store.pendingCount).toBe(3);
    expect(store.isDurable).toBe(false);
    expect(store.positions({ to: store.durable })).toEqual([]);
    expect(store.isVisible(0, store.durable)).toBe(false);
  });

  it("stays there when it is set to 0, and 1 means batch 0 alone", () => {
    const store = storeOf(3);
    store.advanceDurable(0);
    expect(store.pending).toEqual({ from: 0, to: 3 });
    store.advanceDurable(1);
    expect(store.pending).toEqual({ from: 1, to: 3 });
    expect(store.positions({ to: store.durable })).toEqual([0]);
  });

  it("says that all is durable at the committed length, also of an empty store", () => {
    const store = storeOf(0);
    expect(store.isDurable).toBe(true);
    expect(store.pending).toBeUndefined();
    expect(store.pendingCount).toBe(0);
    store.append(pairBatch(1));
    expect(store.isDurable).toBe(false);
    store.advanceDurable(1);
    expect(store.isDurable).toBe(true);
    expect(store.pending).toBeUndefined();
  });
});

describe("the durable cursor moves forward only, and never past the committed length", () => {
  it.each([
    ["backward", 1],
    ["to nothing", 0],
    ["past the length", 4],
    ["to what the original took for none", 0xffff_ffff],
    ["below zero", -1],
    ["by halves", 2.5],
    ["nowhere", Number.NaN],
    ["to infinity", Number.POSITIVE_INFINITY],
  ])("not %s", (_, count) => {
    const store = storeOf(3);
    store.advanceDurable(2);
    const error = thrown(() => store.advanceDurable(count));
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toContain(`from 2 to ${count}; expected a whole number of batches from 2 to 3`);
    expect(store.durable).toBe(2);
    store.advanceDurable(3);
    expect(store.durable).toBe(3);
  });

  it("stays where it is without complaint", () => {
    const store = storeOf(3);
    store.advanceDurable(2);
    store.advanceDurable(2);
    expect(store.durable).toBe(2);
  });
});

describe("the durable cursor has one owner", () => {
  it("until that closes", () => {
    const store = storeOf(5);
    const log = BatchStore.attach(store.handle());
    log.advanceDurable(2);
    expect(thrown(() => store.advanceDurable(3))).toBeInstanceOf(ConflictError);
    expect(store.durable).toBe(2);
    log.close();
    store.advanceDurable(3);
    expect(store.durable).toBe(3);
  });

  it("and a move that was refused does not make one", () => {
    const store = storeOf(5);
    const other = BatchStore.attach(store.handle());
    expect(() => other.advanceDurable(6)).toThrow(UsageError);
    expect(word(store, "DURABLE_OWNER")).toBe(0);
    store.advanceDurable(1);
    expect(() => other.advanceDurable(2)).toThrow(ConflictError);
  });

  it("and one that was refused keeps its owner", () => {
    const store = storeOf(5);
    const other = BatchStore.attach(store.handle());
    store.advanceDurable(1);
    expect(() => store.advanceDurable(6)).toThrow(UsageError);
    expect(() => other.advanceDurable(2)).toThrow(ConflictError);
  });

  it("also in another thread, until it gives the cursor up", async () => {
    const store = storeOf(5);
    expect(await runThread({ task: "durable", handle: store.handle(), count: 3 })).toEqual({ durable: 3 });
    expect(store.durable).toBe(3);
    store.advanceDurable(5);
    await expect(runThread({ task: "durable", handle: store.handle(), count: 5 })).rejects.toThrow(
      /moved by another handle/,
    );
  });

  it("until it is taken over from a thread that has ended", async () => {
    const store = storeOf(5);
    const log = await startThread({ task: "holdDurable", handle: store.handle(), count: 2 });
    expect(store.durable).toBe(2);
    await log.terminate();
    expect(thrown(() => store.advanceDurable(3))).toBeInstanceOf(ConflictError);
    expect(() => store.advanceDurable(1, { takeover: true })).toThrow(UsageError);
    store.advanceDurable(3, { takeover: true });
    store.advanceDurable(4);
    expect(store.durable).toBe(4);
  });

  it("which passes to a writer that takes over from the one that had it", () => {
    const store = storeOf(5);
    store.advanceDurable(2);
    const next = BatchStore.attachWriter(store.handle(), { takeover: true });
    next.advanceDurable(4);
    expect(thrown(() => store.advanceDurable(5))).toBeInstanceOf(ConflictError);
    expect(next.durable).toBe(4);
    const reader = BatchStore.attach(next.handle());
    store.close(); // does not free what is no longer its own
    expect(word(reader, "DURABLE_OWNER")).not.toBe(0);
    next.close();
    expect(word(reader, "DURABLE_OWNER")).toBe(0);
  });
});
