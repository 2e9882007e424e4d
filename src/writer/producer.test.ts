/** Producers: their handle is posted through a channel here; the crash tests have them in threads of their own. */
import { Dictionary, Field, Int32, Int64, type RecordBatch, Schema, Utf8, vectorFromArray } from "apache-arrow";
import { afterEach, describe, expect, it } from "vitest";
import { batchOf } from "../../test/arrow-arbitrary.js";
import { rowsOf } from "../../test/plain-model.js";
import { ClosedError, UsageError } from "../errors.js";
import { UNSHARDED_SHARD_ID } from "../lance/shard-id.js";
import { MemoryStore } from "../storage/memory-store.js";
import { Producer } from "./producer.js";
import { ShardWriter } from "./shard-writer.js";

const schema = new Schema([new Field("id", new Int64(), false), new Field("text", new Utf8(), true)]);
const tagged = new Schema([
  new Field("id", new Int64(), false),
  new Field("tag", new Dictionary(new Utf8(), new Int32(), 0), true),
]);

let opened: ShardWriter[] = [];
afterEach(async () => {
  for (const writer of opened) await writer.close().catch(() => {});
  opened = [];
});

async function open(store = new MemoryStore(), of: Schema = schema, flushIntervalMs = 0): Promise<ShardWriter> {
  const writer = await ShardWriter.open({
    log: { store },
    shardId: UNSHARDED_SHARD_ID,
    schema: of,
    primaryKey: ["id"],
    flushIntervalMs,
  });
  opened.push(writer);
  return writer;
}

function batch(from: number, rows: number): RecordBatch {
  const ids = vectorFromArray(
    Array.from({ length: rows }, (_, i) => BigInt(from + i)),
    new Int64(),
  );
  const texts = vectorFromArray(
    Array.from({ length: rows }, (_, i) => `text ${from + i}`),
    new Utf8(),
  );
  return batchOf(
    schema,
    rows,
    [ids.data[0], texts.data[0]].flatMap((data) => data ?? []),
  );
}

const idsIn = (writer: ShardWriter): bigint[] =>
  writer.memtables.flatMap(({ store }) =>
    store.batches().flatMap((stored) => rowsOf(stored).map(([id]) => id as bigint)),
  );
const numbers = (to: number): bigint[] => Array.from({ length: to }, (_, i) => BigInt(i));

describe("a producer", () => {
  it("puts batches, rows and deletes in the order of the calls", async () => {
    const writer = await open();
    const producer = Producer.attach(writer.producer({ maxPuts: 2, maxBytes: 2_000 }));
    const positions = await Promise.all([
      producer.put(batch(0, 100)),
      producer.put({ id: 100n, text: "one" }),
      producer.put([{ id: 101n }, { id: 102n }]),
      producer.put([batch(103, 2), batch(105, 70)]),
      producer.delete([175n]),
    ]);
    expect([...positions].sort()).toEqual(positions);
    expect(idsIn(writer)).toEqual(numbers(176));
    await producer.close();
  });

  it("leaves a batch that is copied as it was, and takes one that is given away", async () => {
    const writer = await open();
    const producer = Producer.attach(writer.producer());
    const kept = batch(0, 100);
    await producer.put(kept);
    expect(rowsOf(kept)[99]?.[0]).toBe(99n);
    for (const from of [100, 200, 300]) {
      const given = batch(from, 100);
      await producer.put(given, { transfer: true });
      expect(given.getChildAt(0)?.data[0]?.values.byteLength).toBe(0);
    }
    // What all batches share is still there.
    await producer.put(batch(400, 100));
    await writer.put(batch(500, 100));
    expect(idsIn(writer)).toEqual(numbers(600));
    await producer.close();
  });

  it("refuses what was given away before, and goes on", async () => {
    const writer = await open();
    const producer = Producer.attach(writer.producer());
    const given = batch(0, 100);
    const outcomes = await Promise.allSettled([
      producer.put(given.slice(0, 50), { transfer: true }),
      producer.put(given, { transfer: true }),
      producer.put(given),
    ]);
    expect(outcomes).toMatchObject([
      { status: "fulfilled" },
      { status: "rejected", reason: expect.any(UsageError) },
      { status: "rejected", reason: expect.any(UsageError) },
    ]);
    await producer.put({ id: 1_000n });
    await producer.close();
  });

  it("sends the same dictionary with batch after batch of rows", async () => {
    const writer = await open(new MemoryStore(), tagged);
    const producer = Producer.attach(writer.producer());
    for (let i = 0; i < 5; i++) await producer.put({ id: BigInt(i), tag: i % 2 === 0 ? "even" : "odd" });
    const tags = writer.memtables.flatMap(({ store }) => store.batches().map((stored) => rowsOf(stored)[0]?.[1]));
    expect(tags).toEqual(["even", "odd", "even", "odd", "even"]);
    await producer.close();
  });

  it("is told of its rows before it is told that the writer is closed", async () => {
    for (let round = 0; round < 5; round++) {
      const writer = await open(new MemoryStore(), schema, 20);
      const producer = Producer.attach(writer.producer());
      const theirs = producer.put({ id: 1n });
      while (writer.stats().pendingPuts === 0) await new Promise(setImmediate); // so that both share an entry
      await writer.put({ id: 2n });
      await writer.close();
      await theirs;
      await expect(producer.put({ id: 3n })).rejects.toThrow(ClosedError);
      await producer.close();
    }
  });

  it("refuses rows that are wrong, each alone", async () => {
    const writer = await open();
    const producer = Producer.attach(writer.producer());
    const outcomes = await Promise.allSettled([
      producer.put({ id: 1n }),
      producer.put({ id: "x" }),
      producer.put({ id: 2n, other: 1 }),
      producer.put({ id: 3n }),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
    expect(idsIn(writer)).toEqual([1n, 3n]);
    await producer.close();
    await expect(producer.put({ id: 4n })).rejects.toThrow(ClosedError);
  });

  it("is a producer's handle's, and nothing else's", () => {
    // @ts-expect-error no handle
    expect(() => Producer.attach({})).toThrow(UsageError);
  });
});
