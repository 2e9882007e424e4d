/** One writer (mended point a): the original only promises it, here a second one is refused, in this thread and in others. */
import { describe, expect, it } from "vitest";
import { idsOf, pairBatch, pairSchema, thrown } from "../../test/batches.js";
import { ClosedError, ConflictError, UsageError } from "../errors.js";
import { word } from "./arena.fixture.js";
import { BatchStore } from "./batch-store.js";
import { runThread } from "./start-thread.fixture.js";

function storeOf(): BatchStore {
  const store = BatchStore.create({ schema: pairSchema, bytes: 1 << 20 });
  store.append(pairBatch(3));
  return store;
}

describe("the single writer", () => {
  it("is the handle that created the store; a second claim is refused", () => {
    const store = storeOf();
    const error = thrown(() => BatchStore.attachWriter(store.handle()));
    expect(error).toBeInstanceOf(ConflictError);
    expect(String(error)).toMatch(/already has a writer; close it first, or pass takeover/);
    expect(store.writable).toBe(true);
    expect(store.readers).toBe(0);
    expect(store.append(pairBatch(1))).toMatchObject({ position: 1 });
  });

  it("keeps readers from appending", () => {
    const store = storeOf();
    const reader = BatchStore.attach(store.handle());
    expect(reader.writable).toBe(false);
    for (const [action, name] of [
      [() => reader.append(pairBatch(1)), "append"],
      [() => reader.appendAll([pairBatch(1)]), "append"],
      [() => reader.appendAll([]), "append"],
      [() => reader.finish(), "finish the store"],
      [() => reader.recycle(), "recycle the store"],
    ] as const) {
      const error = thrown(action);
      expect(error).toBeInstanceOf(UsageError);
      expect(String(error)).toContain(`a reader cannot ${name}; expected the handle of the store's writer`);
    }
    expect(reader.length).toBe(1);
    expect(reader.finished).toBe(false);
    expect(store.append(pairBatch(1))).toMatchObject({ position: 1 });
  });

  it("is refused, or kept from appending, in another thread too", async () => {
    const store = storeOf();
    expect(await runThread({ task: "intrude", handle: store.handle() })).toEqual({
      codes: ["Conflict", "Usage", "Usage", "Usage", "Usage"],
      writable: false,
      length: 1,
    });
    expect(store.append(pairBatch(1))).toMatchObject({ position: 1 });
  });

  it("may be another thread, as long as this one has not got the claim", async () => {
    const store = storeOf();
    const handle = store.handle();
    await expect(runThread({ task: "appendPairs", handle, batches: 5, rows: 2, group: 1 })).rejects.toThrow(
      /already has a writer/,
    );
    store.close();
    expect(await runThread({ task: "appendPairs", handle, batches: 5, rows: 3, group: 1 })).toEqual({ length: 5 });
    const reader = BatchStore.attach(handle);
    expect(reader.batches().map(idsOf)).toEqual([0, 3, 6, 9, 12].map((id) => [id, id + 1, id + 2]));
  });

  it("hands over by closing; the next goes on behind the last batch", () => {
    const store = storeOf();
    const handle = store.handle();
    store.close();
    const next = BatchStore.attachWriter(handle);
    expect(next.writable).toBe(true);
    expect(next.append(pairBatch(2, 50))).toEqual({ position: 1, rowOffset: 3, bytes: 16 });
    expect(next.batches().map(idsOf)).toEqual([
      [0, 1, 2],
      [50, 51],
    ]);
    expect(thrown(() => store.append(pairBatch(1)))).toBeInstanceOf(ClosedError);
    store.close(); // a second time: must not free the claim of the other
    expect(thrown(() => BatchStore.attachWriter(handle))).toBeInstanceOf(ConflictError);
  });

  it("loses its claim to a takeover, and to nothing else it does afterwards", () => {
    const store = storeOf();
    const next = BatchStore.attachWriter(store.handle(), { takeover: true });
    for (const action of [
      () => store.append(pairBatch(1)),
      () => store.appendAll([pairBatch(1)]),
      () => store.finish(),
      () => store.recycle(),
    ]) {
      const error = thrown(action);
      expect(error).toBeInstanceOf(ConflictError);
      expect(String(error)).toContain("another writer has taken the store over");
    }
    expect([store.writable, next.writable]).toEqual([false, true]);
    expect(store.batches().map(idsOf)).toEqual([[0, 1, 2]]);
    store.close();
    expect(word(next, "WRITER")).not.toBe(0);
    expect(next.append(pairBatch(1))).toMatchObject({ position: 1 });
  });

  it("does not publish what was laid out when the claim is lost in the midst of an append", () => {
    const store = storeOf();
    const batch = pairBatch(3);
    const [first, second] = batch.data.children;
    // The second column's data is looked at when the first is written already.
    const children = [first];
    Object.defineProperty(children, 1, {
      get: () => {
        if (word(store, "DIRTY") > 0 && store.length === 1) BatchStore.attachWriter(store.handle(), { takeover: true });
        return second;
      },
      enumerable: true,
    });
    const odd = { schema: batch.schema, numRows: 3, data: { children, length: 3 } };
    expect(thrown(() => Reflect.apply(store.append, store, [odd]))).toBeInstanceOf(ConflictError);
    expect(store.length).toBe(1);
  });
});
