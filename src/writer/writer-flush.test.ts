import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConflictError, FencedError, StorageError } from "../errors.js";
import { walKey } from "../lance/names.js";
import { UNSHARDED_SHARD_ID } from "../lance/shard-id.js";
import { encodeSentinel } from "../lance/wal-entry.js";
import { MemoryStore } from "../storage/memory-store.js";
import type { Flushed, Flusher, FlushPlan } from "./flusher.js";
import { ShardWriter } from "./shard-writer.js";
import { batchOfRows, HandTimers, outcomeOf, rowOf, schema, turn } from "./writer.fixture.js";
import type { ShardWriterOptions } from "./writer-settings.js";

/** Flushes wait until they are told what becomes of them. */
class HeldFlusher implements Flusher {
  readonly plans: FlushPlan[] = [];
  readonly #held: { resolve: (flushed: Flushed) => void; reject: (error: Error) => void }[] = [];

  flush(plan: FlushPlan): Promise<Flushed> {
    this.plans.push(plan);
    return new Promise((resolve, reject) => this.#held.push({ resolve, reject }));
  }

  get generations(): number[] {
    return this.plans.map(({ generation }) => generation);
  }

  async finish(): Promise<void> {
    this.#held.shift()?.resolve({ rows: 1, bytes: 1 });
    await turn();
  }

  async fail(error: Error): Promise<void> {
    this.#held.shift()?.reject(error);
    await turn();
  }
}

let store: MemoryStore;
let flusher: HeldFlusher;
let timers: HandTimers;
let writers: ShardWriter[];

beforeEach(() => {
  store = new MemoryStore();
  flusher = new HeldFlusher();
  timers = new HandTimers();
  writers = [];
});

afterEach(async () => {
  for (const writer of writers) {
    const closing = writer.close().catch(() => {});
    for (let i = 0; i < 10; i++) await flusher.finish();
    await closing;
  }
});

async function open(options: Partial<ShardWriterOptions> = {}): Promise<ShardWriter> {
  const writer = await ShardWriter.open({
    log: { store: store.view({ actor: "writer" }) },
    shardId: UNSHARDED_SHARD_ID,
    schema,
    primaryKey: ["id"],
    memtableBytes: 2 ** 20,
    flusher: () => flusher,
    timers,
    ...options,
  });
  writers.push(writer);
  return writer;
}

describe("a flush that is waited for", () => {
  it("ends when the writer stops, whose last rows never come into the log", async () => {
    const writer = await open();
    await writer.put(rowOf(1));
    // Somebody who does not claim has taken the next place in the log.
    await store.view({ actor: "somebody" }).putIfAbsent(walKey(writer.nextEntry), [encodeSentinel(1)]);
    const [put, flush] = await Promise.allSettled([writer.put(rowOf(2)), writer.flush()]);
    expect(put).toMatchObject({ status: "rejected", reason: expect.any(ConflictError) });
    expect(flush).toMatchObject({ status: "rejected", reason: expect.any(ConflictError) });
    expect(flusher.generations).toEqual([]);
  });

  it("ends when another flush has found the claim lost", async () => {
    const writer = await open();
    await writer.put(rowOf(1));
    const flush = expect(writer.flush()).rejects.toThrow(ConflictError);
    await turn();
    await flusher.fail(new FencedError("fenced"));
    await flush;
    await expect(writer.flush()).rejects.toThrow(ConflictError);
    await expect(writer.put(rowOf(2))).rejects.toThrow(ConflictError);
  });
});

describe("memory", () => {
  it("may be no more than one memtable: puts wait for its flush, again and again", async () => {
    const writer = await open({ memtableBytes: 65_536, maxMemoryBytes: 65_536 });
    for (let round = 1; round <= 3; round++) {
      await writer.put(batchOfRows(0, 100));
      const flush = writer.flush();
      await turn();
      await flusher.finish();
      await flush;
    }
    expect(flusher.generations).toEqual([1, 2, 3]);
  });
});

describe("the age of a memtable", () => {
  it("counts also when the first put into it was refused", async () => {
    const writer = await open({ memtableBytes: 65_536, memtableAgeMs: 1_000 });
    await expect(writer.put(batchOfRows(0, 5_000))).rejects.toMatchObject({ code: "Full" });
    await timers.advance(1_500);
    await writer.put(rowOf(1));
    await timers.advance(2_000);
    expect(flusher.generations).toEqual([1]);
  });

  it("freezes no further ones while flushes fail: arenas are few", async () => {
    const writer = await open({ memtableAgeMs: 1_000, memtableSlots: 3 });
    await writer.put(rowOf(1));
    await timers.advance(1_000);
    for (let i = 2; i < 12; i++) {
      await flusher.fail(new StorageError("the disk is full"));
      await writer.put(rowOf(i));
      await timers.advance(1_000);
    }
    expect(writer.memtables.length).toBeLessThanOrEqual(2);
    await timers.advance(60_000);
    await flusher.finish();
    await timers.advance(2_000);
    expect(flusher.generations.at(-1)).toBe(2);
  });
});

describe("room in the log", () => {
  it("is waited for: what it holds becomes an SSTable", async () => {
    const writer = await open({ maxLogRows: 100 });
    for (let i = 0; i < 4; i++) await writer.put(batchOfRows(20 * i, 20));
    const fits = writer.put(batchOfRows(80, 20));
    const waits = writer.put(batchOfRows(100, 20));
    const waitsLonger = writer.put(batchOfRows(120, 70));
    await fits;
    expect(await outcomeOf(waits)).toBe("pending");
    await flusher.finish();
    await waits;
    expect(await outcomeOf(waitsLonger)).toBe("pending");
    while ((await outcomeOf(waitsLonger)) === "pending") await flusher.finish();
    await waitsLonger;
    expect(writer.stats().log.rows).toBeLessThanOrEqual(100);
  });

  it("is not there for what the log could never hold, nor while flushes fail", async () => {
    const writer = await open({ maxLogRows: 100 });
    await expect(writer.put(batchOfRows(0, 101))).rejects.toMatchObject({ code: "Full", bound: "rows" });
    await writer.put(batchOfRows(0, 90));
    const waits = writer.put(batchOfRows(100, 20));
    expect(await outcomeOf(waits)).toBe("pending");
    await flusher.fail(new StorageError("the disk is full"));
    expect(await outcomeOf(waits)).toMatchObject({ code: "Full", bound: "rows" });
  });

  it("is not needed to flush", async () => {
    const writer = await open({ maxLogBytes: 100 });
    await writer.put(rowOf(1));
    const flush = writer.flush();
    await turn();
    await flusher.finish();
    await flush;
    expect(flusher.generations).toEqual([1]);
  });
});
