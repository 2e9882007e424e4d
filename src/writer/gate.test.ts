/** Puts that wait for room, and puts that a neighbour must not harm. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Dictionary, Field, Int8, Int64, Schema, Utf8 } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { rowsOf } from "../../test/plain-model.js";
import { UNSHARDED_SHARD_ID } from "../lance/shard-id.js";
import { MemoryStore } from "../storage/memory-store.js";
import { BatchStore } from "../store/batch-store.js";
import { ShardWriter } from "./shard-writer.js";
import type { ShardWriterOptions } from "./writer-settings.js";

const schema = new Schema([new Field("id", new Int64(), false), new Field("text", new Utf8(), true)]);

function open(options: Partial<ShardWriterOptions> = {}): Promise<ShardWriter> {
  return ShardWriter.open({
    log: { store: new MemoryStore() },
    shardId: UNSHARDED_SHARD_ID,
    schema,
    primaryKey: ["id"],
    ...options,
  });
}

const rowsIn = (writer: ShardWriter): unknown[][] =>
  writer.memtables.flatMap(({ store }) => store.batches().flatMap(rowsOf));

describe("rows that wait for room", () => {
  it("are those of the call, whatever becomes of the object", async () => {
    await using writer = await open({ maxUnflushedBytes: 1 });
    const row = { id: 0n, text: "" };
    const puts: Promise<string>[] = [];
    for (let i = 0; i < 50; i++) {
      row.id = BigInt(i);
      row.text = `text ${i}`;
      puts.push(writer.put(row));
    }
    await Promise.all(puts);
    expect(rowsIn(writer)).toEqual(Array.from({ length: 50 }, (_, i) => [BigInt(i), `text ${i}`, false]));
  });

  it("are refused at once when they are wrong", async () => {
    await using writer = await open({ maxUnflushedBytes: 1 });
    const outcomes = await Promise.allSettled([
      writer.put({ id: 1n }),
      writer.put({ id: 2n }),
      writer.put({ id: "x" }),
      writer.put([]),
      writer.put({ id: 3n }),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    expect(rowsIn(writer).map(([id]) => id)).toEqual([1n, 2n, 3n]);
  });

  it("do not wait for the interval too", async () => {
    await using writer = await open({ maxUnflushedBytes: 1, flushIntervalMs: 60_000 });
    const start = performance.now();
    await Promise.all([1n, 2n, 3n].map((id) => writer.put({ id }, { durability: "memory" })));
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});

describe("puts of one turn", () => {
  it("do not fail because together they have more values than a dictionary's index can count", async () => {
    const tagged = new Schema([
      new Field("id", new Int64(), false),
      new Field("tag", new Dictionary(new Utf8(), new Int8(), 0), true),
    ]);
    await using writer = await open({ schema: tagged });
    await Promise.all(Array.from({ length: 300 }, (_, i) => writer.put({ id: BigInt(i), tag: `tag ${i}` })));
    expect(rowsIn(writer).map(([, tag]) => tag)).toEqual(Array.from({ length: 300 }, (_, i) => `tag ${i}`));
  });

  it("may be made by who is told of a rotation", async () => {
    await using writer = await open({ memtableBytes: 65_536, memtableBatches: 2 });
    const made: Promise<string>[] = [];
    const onRotate = (): void => {
      if (made.length < 3) made.push(writer.put([{ id: 1_000n + BigInt(made.length) }], { durability: "memory" }));
    };
    subscribe("pennon:rotate", onRotate);
    try {
      for (let i = 0; i < 10; i++) await writer.put({ id: BigInt(i) });
      expect(made.length).toBeGreaterThan(0);
      await Promise.all(made);
    } finally {
      unsubscribe("pennon:rotate", onRotate);
    }
  });
});

describe("close", () => {
  it("has readers in other threads come to their end", async () => {
    const writer = await open();
    await writer.put({ id: 1n });
    const [memtable] = writer.memtables;
    if (memtable === undefined) throw new Error("no memtable");
    using reader = BatchStore.attach(memtable.store.handle());
    await writer.close();
    expect(reader.finished).toBe(true);
    expect(() => writer.stats()).toThrow("the writer is closed");
  });
});
