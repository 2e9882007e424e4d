/** Reading in other threads: handles posted to several of them, columns that lie on the arena, readers that come late, stop, or die. */
import { describe, expect, it } from "vitest";
import { mixedSchema, pairBatch, pairSchema, seededBatch, wideSchema } from "../../test/batches.js";
import { rowsOf } from "../../test/plain-model.js";
import { arenaBuffer, word } from "./arena.fixture.js";
import { BatchStore } from "./batch-store.js";
import { buffersOf, foreignBuffers } from "./buffers.fixture.js";
import { runThread, startThread } from "./start-thread.fixture.js";
import { wideBatch } from "./thread.fixture.js";

const LENGTH = 48;

function wideStore(): BatchStore {
  return BatchStore.create({ schema: wideSchema, bytes: 8 << 20, capacity: 1_000 });
}

describe("columns", () => {
  it("of every kind lie on the arena, with their children and dictionaries", () => {
    const store = wideStore();
    for (let position = 0; position < LENGTH; position++) store.append(wideBatch(position));
    const arena = arenaBuffer(store);
    let buffers = 0;
    for (const batch of store.batches()) {
      buffers += buffersOf(batch).length;
      expect(foreignBuffers(batch, arena)).toBe(0);
    }
    expect(buffers).toBeGreaterThan(1_000);
    const reader = BatchStore.attach(structuredClone(store.handle()));
    for (const batch of reader.batches()) expect(foreignBuffers(batch, arenaBuffer(reader))).toBe(0);
  });

  it("are the same memory for two handles: `values.buffer` is the arena", () => {
    const store = BatchStore.create({ schema: pairSchema, bytes: 1 << 20 });
    const reader = BatchStore.attach(store.handle());
    store.append(pairBatch(4));
    const values: unknown = reader.recordBatch(0)?.getChildAt(0)?.data[0]?.values;
    expect(values).toBeInstanceOf(Int32Array);
    expect(values instanceof Int32Array && values.buffer).toBe(arenaBuffer(store));
  });
});

describe("reading threads", () => {
  it("see every later append with no message, each value right, and copy nothing", async () => {
    const store = wideStore();
    const handle = store.handle();
    const readers = await Promise.all([1, 2, 3].map(() => startThread({ task: "readWide", handle, length: LENGTH })));
    expect(store.readers).toBe(3);
    for (let position = 0; position < LENGTH; position += 3) {
      if (position % 2 === 0) for (let i = 0; i < 3; i++) store.append(wideBatch(position + i));
      else store.appendAll([0, 1, 2].map((i) => wideBatch(position + i)));
    }
    for (const { answer } of readers) expect(await answer).toEqual({ wrong: 0, foreign: 0 });
    expect(store.readers).toBe(0);
  });

  it("attached late see all that came before", async () => {
    const store = wideStore();
    for (let position = 0; position < LENGTH / 2; position++) store.append(wideBatch(position));
    const late = await startThread({ task: "readWide", handle: store.handle(), length: LENGTH });
    for (let position = LENGTH / 2; position < LENGTH; position++) store.append(wideBatch(position));
    expect(await late.answer).toEqual({ wrong: 0, foreign: 0 });
    const handle = store.handle();
    store.finish();
    store.close();
    expect(await runThread({ task: "readWide", handle, length: LENGTH })).toEqual({ wrong: 0, foreign: 0 });
  });

  it("that stop or are terminated while they read do not disturb the others, nor the writer", async () => {
    const store = wideStore();
    const handle = store.handle();
    for (let position = 0; position < 10; position++) store.append(wideBatch(position));
    const holders = await Promise.all([1, 2].map(() => startThread({ task: "hold", handle })));
    const stopping = await startThread({ task: "readWide", handle, length: 20 });
    const staying = await startThread({ task: "readWide", handle, length: LENGTH });
    expect(store.readers).toBe(4);
    for (let position = 10; position < 40; position++) store.append(wideBatch(position));
    expect(await stopping.answer).toEqual({ wrong: 0, foreign: 0 });
    const scratch = bits(word(store, "SCRATCH_USE"));
    expect(scratch).toBeGreaterThanOrEqual(2);
    await Promise.all(holders.map((holder) => holder.terminate()));
    for (let position = 40; position < LENGTH; position++) store.append(wideBatch(position));
    expect(await staying.answer).toEqual({ wrong: 0, foreign: 0 });
    expect(store.batches().map(rowsOf)).toEqual(Array.from({ length: LENGTH }, (_, i) => rowsOf(wideBatch(i))));
    // Those that were closed are counted out; those that were terminated stay counted, and so does their scratch.
    expect(store.readers).toBe(2);
    expect(bits(word(store, "SCRATCH_USE"))).toBe(scratch);
    expect(() => store.recycle()).toThrow(/2 readers are attached/);
  });
});

describe("scratch regions", () => {
  it("run out after 16 handles; reversal then does without, and is right", () => {
    const store = BatchStore.create({ schema: mixedSchema, bytes: 4 << 20 });
    const batch = seededBatch(mixedSchema, 5, 300);
    store.append(batch);
    const expected = rowsOf(batch).reverse();
    const readers = Array.from({ length: 20 }, () => BatchStore.attach(store.handle()));
    for (const reader of readers) expect(reader.batches({ reverseRows: true }).map(rowsOf)).toEqual([expected]);
    expect(word(store, "SCRATCH_USE")).toBe(0xffff);
    for (const reader of readers) reader.close();
    expect(word(store, "SCRATCH_USE")).toBe(0);
    expect(store.readers).toBe(0);
  });
});

function bits(value: number): number {
  let count = 0;
  for (let rest = value; rest !== 0; rest &= rest - 1) count++;
  return count;
}
