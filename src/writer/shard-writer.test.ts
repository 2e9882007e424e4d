import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Field, Float64, Int64, type RecordBatch, Schema, Table, TimeNanosecond, Utf8 } from "apache-arrow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rowsOf } from "../../test/plain-model.js";
import { ClosedError, ConflictError, CorruptError, type FullError, PennonError, UsageError } from "../errors.js";
import { ManifestStore } from "../lance/manifest-store.js";
import { manifestKey, walKey } from "../lance/names.js";
import { UNSHARDED_SHARD_ID } from "../lance/shard-id.js";
import { decodeShardManifest, encodeShardManifest } from "../lance/shard-manifest.js";
import { encodeSentinel } from "../lance/wal-entry.js";
import { MemoryStore } from "../storage/memory-store.js";
import { formatPosition } from "./position.js";
import { ShardWriter } from "./shard-writer.js";
import { batchOfRows, rowOf, schema } from "./writer.fixture.js";
import type { ShardWriterOptions } from "./writer-settings.js";

let store: MemoryStore;
let writers: ShardWriter[];

beforeEach(() => {
  store = new MemoryStore();
  writers = [];
});

afterEach(async () => {
  for (const writer of writers) await writer.close().catch(() => {});
});

async function open(options: Partial<ShardWriterOptions> = {}): Promise<ShardWriter> {
  const log = { store: store.view({ actor: `writer ${writers.length}` }) };
  const writer = await ShardWriter.open({ log, shardId: UNSHARDED_SHARD_ID, schema, primaryKey: ["id"], ...options });
  writers.push(writer);
  return writer;
}

/** What its own reads see: key, text, whether it is deleted. */
const seen = (writer: ShardWriter): unknown[][] =>
  writer.memtables.flatMap(({ store }) => store.batches().flatMap(rowsOf));

const idsIn = (writer: ShardWriter): unknown[] => seen(writer).map(([id]) => id);

async function errorOf(promise: Promise<unknown>): Promise<PennonError> {
  const error: unknown = await promise.catch((error: unknown) => error);
  if (error instanceof PennonError) return error;
  throw new Error(`expected an error, got ${String(error)}`);
}

describe("a writer that is opened again", () => {
  it("has all rows, in order, under the next epoch, and writes on behind them", async () => {
    const first = await open();
    expect(first.epoch).toBe(1);
    const positions = [
      await first.put(rowOf(0)),
      await first.put([rowOf(1), rowOf(2)]),
      await first.put(batchOfRows(3, 70)),
      await first.put(new Table([batchOfRows(73, 2), batchOfRows(75, 1)])),
      await first.delete([1, 2]),
    ];
    expect([...positions].sort()).toEqual(positions);
    const before = seen(first);
    await first.close();

    const second = await open();
    expect(second.epoch).toBe(2);
    expect(seen(second)).toEqual(before);
    expect(second.stats()).toMatchObject({
      nextEntry: 7,
      replayed: { entries: 6, batches: 6, rows: 78 },
      log: { rows: 78, batches: 6 },
    });
    const next = await second.put(rowOf(100));
    expect(next).toBe(formatPosition(7, 0));
    expect(next > (positions.at(-1) ?? "")).toBe(true);
    expect(idsIn(second).at(-1)).toBe(100);
  });

  it("has the counters of its newest rows", async () => {
    const first = await open();
    expect(first.counters.size).toBe(0);
    await first.put(rowOf(0), { counters: new Map([["ordinal", 2n ** 63n - 1n]]) });
    await first.put(rowOf(1));
    expect(first.counters.get("ordinal")).toBe(2n ** 63n - 1n);
    await first.close();
    expect((await open()).counters).toEqual(first.counters);
    expect((await open()).counters).toEqual(first.counters);
  });

  it("rotates memtables while it replays, and takes a log larger than one", async () => {
    const sizes = { memtableBytes: 65_536 };
    const first = await open(sizes);
    for (let i = 0; i < 40; i++) await first.put(batchOfRows(300 * i, 300));
    expect(first.memtables.length).toBeGreaterThan(3);
    await first.close();
    const second = await open(sizes);
    expect(second.memtables.length).toBeGreaterThan(3);
    expect(idsIn(second)).toEqual(Array.from({ length: 12_000 }, (_, i) => i));
    expect(second.memtables.map(({ store }) => store.durable === store.length)).not.toContain(false);
  });

  it("opens with as much as it has written, though the bound on memory is reached", async () => {
    const sizes = { memtableBytes: 65_536, maxMemoryBytes: 131_072 };
    const first = await open(sizes);
    let error: unknown;
    for (let i = 0; error === undefined; i++)
      error = (await first.put(batchOfRows(300 * i, 300)).catch((e) => e)) as FullError | undefined;
    await first.close();
    await (await open(sizes)).close();
  });
});

describe("a newer writer", () => {
  it("fences the older one, and has all that was acknowledged", async () => {
    const old = await open();
    await old.put(rowOf(0));
    const fresh = await open();
    expect(await errorOf(old.put(rowOf(1)))).toBeInstanceOf(ConflictError);
    expect(await errorOf(old.put(rowOf(2)))).toBeInstanceOf(ConflictError);
    expect(idsIn(fresh)).toEqual([0]);
    await fresh.put(rowOf(3));
    expect(idsIn(await open())).toEqual([0, 3]);
    expect(await errorOf(old.close())).toBeInstanceOf(ConflictError);
  });

  it("is refused by a sealed shard", async () => {
    await (await open()).close();
    const manifests = new ManifestStore(store, UNSHARDED_SHARD_ID);
    await manifests.commit((current) => {
      if (current === undefined) throw new Error("there must be one");
      return { ...current, status: "sealed" };
    });
    const error = await errorOf(open());
    expect(error).toBeInstanceOf(ConflictError);
    expect(error.message).toContain("sealed");
  });

  it("keeps what it does not know of the manifest", async () => {
    await (await open()).close();
    const version = (await new ManifestStore(store, UNSHARDED_SHARD_ID).load())?.version ?? 0;
    const bytes = await store.get(manifestKey(version));
    const next = encodeShardManifest({ ...decodeShardManifest(bytes, "it"), version: version + 1 });
    // Field 900, a varint of 17: nobody's yet.
    const unknown = Buffer.from([0xa0, 0x38, 17]);
    await store.putIfAbsent(manifestKey(version + 1), [next, unknown]);
    const writer = await open();
    await writer.put(rowOf(0));
    const newest = (await new ManifestStore(store, UNSHARDED_SHARD_ID).load())?.version ?? 0;
    expect(newest).toBeGreaterThan(version + 1);
    expect(Buffer.from(await store.get(manifestKey(newest))).includes(unknown)).toBe(true);
  });
});

describe("a log that is damaged", () => {
  const damages: [string, (bytes: Uint8Array) => Promise<void>][] = [
    ["torn", (bytes) => replace(2, bytes.subarray(0, bytes.length - 70))],
    ["altered", (bytes) => replace(2, bytes.with(bytes.length - 70, 0xee))],
    ["empty", () => replace(2, new Uint8Array())],
    ["missing", () => store.delete(walKey(2))],
    ["no Arrow", () => replace(2, Buffer.from("pennon".repeat(50)))],
  ];

  async function replace(entry: number, bytes: Uint8Array): Promise<void> {
    await store.delete(walKey(entry));
    await store.putIfAbsent(walKey(entry), [bytes]);
  }

  it.each(damages)("has an entry that is %s: it is named, and nothing is claimed", async (_, damage) => {
    const writer = await open();
    for (let id = 0; id < 3; id++) await writer.put(rowOf(id));
    await damage(await store.get(walKey(2)));
    const error = await errorOf(open());
    expect(error).toBeInstanceOf(CorruptError);
    expect(error.message).toContain(walKey(2));
    await writer.put(rowOf(3));
  });

  it("has fences, which are no rows", async () => {
    await store.putIfAbsent(walKey(1), [encodeSentinel(7)]);
    expect(idsIn(await open())).toEqual([]);
  });
});

describe("what cannot be put", () => {
  const wide = new Schema([
    new Field("id", new Int64(), false),
    new Field("price", new Float64(), false),
    new Field("name", new Utf8(), true),
  ]);

  it.each<[string, unknown, RegExp]>([
    ["no object", 17, /cannot put number/],
    ["null", null, /cannot put null/],
    ["a value of another type", { id: "1", price: 1, name: "" }, /id/],
    ["an unsafe integer", { id: 2 ** 53, price: 1, name: "" }, /id/],
    ["an integer that is too large", { id: 2n ** 63n, price: 1, name: "" }, /id/],
    ["a null key", { id: null, price: 1, name: "" }, /id/],
    ["no key", { price: 1, name: "" }, /id/],
    ["null where none may be", { id: 1n, price: null, name: "" }, /price/],
    ["nothing where something must be", { id: 1n, name: "" }, /price/],
    ["a field that there is not", { id: 1n, price: 1, name: "", colour: "red" }, /colour/],
    ["a row among rows that is none", [{ id: 1n, price: 1, name: "" }, 5], /row 1/],
    ["a batch of another schema", batchOfRows(0, 1), /schema/],
    ["a batch among rows", [{ id: 1n, price: 1, name: "" }, batchOfRows(0, 1)], /batch/],
  ])("is %s: the field is named, and nothing is written", async (_, rows, message) => {
    const writer = await open({ schema: wide });
    const error = await errorOf(writer.put(rows as object));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(message);
    await writer.put({ id: 5n, price: 1, name: null });
    expect(idsIn(writer)).toEqual([5n]);
    expect(writer.failure).toBeUndefined();
  });

  it("is a key to delete that is none", async () => {
    const writer = await open();
    await expect(writer.delete([1, null])).rejects.toThrow(UsageError);
    await expect(writer.delete(["one"])).rejects.toThrow(UsageError);
    await expect(writer.delete(17 as unknown as [])).rejects.toThrow(UsageError);
    await writer.delete([]);
    expect(idsIn(writer)).toEqual([]);
  });

  it("is more than a memtable holds", async () => {
    const writer = await open({ memtableBytes: 65_536 });
    expect(await errorOf(writer.put(batchOfRows(0, 5_000)))).toMatchObject({ code: "Full", bound: "bytes" });
    await writer.put(rowOf(1));
  });
});

describe("deletes", () => {
  it("append tombstones, with nulls for the rest", async () => {
    const writer = await open();
    await writer.put([rowOf(1), rowOf(2)]);
    await writer.delete([2]);
    expect(seen(writer)).toEqual([
      [1, rowOf(1).text, false],
      [2, rowOf(2).text, false],
      [2, null, true],
    ]);
  });

  it("take the parts of a composite key by name or in order", async () => {
    const two = new Schema([
      new Field("region", new Utf8(), false),
      new Field("id", new Int64(), false),
      new Field("x", new Float64(), true),
    ]);
    const writer = await open({ schema: two, primaryKey: ["id", "region"] });
    await writer.delete([[1n, "north"], { region: "south", id: 2n }]);
    expect(seen(writer)).toEqual([
      ["north", 1n, null, true],
      ["south", 2n, null, true],
    ]);
    await expect(writer.delete([1n])).rejects.toThrow(UsageError);
  });
});

describe("options", () => {
  it.each<[string, Partial<ShardWriterOptions>]>([
    ["memtableBytes", { memtableBytes: 1_000 }],
    ["memtableBytes", { memtableBytes: 2 ** 33 }],
    ["memtableBatches", { memtableBatches: 0 }],
    ["maxMemoryBytes", { memtableBytes: 131_072, maxMemoryBytes: 65_536 }],
    ["maxUnflushedBytes", { maxUnflushedBytes: 0 }],
    ["maxPendingPuts", { maxPendingPuts: 1.5 }],
    ["maxLogRows", { maxLogRows: -1 }],
    ["flushIntervalMs", { flushIntervalMs: -1 }],
    ["flushIntervalMs", { flushIntervalMs: Number.NaN }],
    ["flushBytes", { flushBytes: 2 ** 40 }],
    ["writerId", { writerId: "me" }],
    ["primary key", { primaryKey: [] }],
    ["_tombstone", { schema: new Schema([...schema.fields, new Field("_tombstone", new Utf8(), true)]) }],
    [
      "nanos",
      { schema: new Schema([...schema.fields, new Field("nanos", new TimeNanosecond(), true)]), primaryKey: ["nanos"] },
    ],
  ])("that make no sense are refused by name: %s", async (name, options) => {
    const error = await errorOf(open(options));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toContain(name);
    expect(await store.head(manifestKey(1))).toBeUndefined();
  });
});

describe("close", () => {
  it("waits for what was put, and ends all later calls", async () => {
    const writer = await open({ flushIntervalMs: 10_000 });
    const put = writer.put(rowOf(0));
    const closed = writer.close();
    expect(writer.close()).toBe(closed);
    await closed;
    expect(await put).toBe(formatPosition(1, 0));
    await expect(writer.put(rowOf(1))).rejects.toThrow(ClosedError);
    await expect(writer.delete([1])).rejects.toThrow(ClosedError);
    expect(() => writer.producer()).toThrow(ClosedError);
    expect(idsIn(await open())).toEqual([0]);
  });

  it("makes everything survive a loss of power", async () => {
    const writer = await open();
    await writer.put(rowOf(0), { durability: "os" });
    await writer.put(rowOf(1), { durability: "memory" });
    await writer.close();
    store.powerLoss("lost");
    expect(idsIn(await open())).toEqual([0, 1]);
  });

  it("is called at the end of a block", async () => {
    {
      await using writer = await open();
      void writer.put(rowOf(0));
    }
    expect(idsIn(await open())).toEqual([0]);
  });

  it("leaves the shard to others without a release", async () => {
    await (await open()).close();
    const manifest = await new ManifestStore(store, UNSHARDED_SHARD_ID).load();
    expect(manifest).toMatchObject({ writerEpoch: 1, status: "active" });
  });
});

describe("stats", () => {
  it("say what is where", async () => {
    const writer = await open();
    const put = writer.put(batchOfRows(0, 100));
    expect(writer.stats()).toMatchObject({
      epoch: 1,
      pendingPuts: 1,
      memtables: [{ generation: 1, rows: 100, frozen: false }],
      nextEntry: 2,
    });
    expect(writer.stats().unflushedBytes).toBeGreaterThan(1_000);
    await put;
    const { written, pendingPuts, unflushedBytes, memoryBytes, log } = writer.stats();
    expect({ written, pendingPuts, unflushedBytes }).toMatchObject({
      written: { entries: 1, rows: 100 },
      pendingPuts: 0,
      unflushedBytes: 0,
    });
    expect(memoryBytes).toBeGreaterThan(1_000);
    expect(log).toMatchObject({ rows: 100, batches: 1 });
  });
});

describe("a log in a directory", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "pennon-writer-"));
  });
  afterEach(async () => {
    for (const writer of writers) await writer.close().catch(() => {});
    await rm(directory, { recursive: true, force: true });
  });

  it("is written by a thread of its own, and replayed", async () => {
    const first = await open({ log: { directory } });
    const puts = Array.from({ length: 50 }, (_, i) => first.put(i % 2 === 0 ? rowOf(i) : batchOfRows(i, 1)));
    const positions = await Promise.all(puts);
    expect([...positions].sort()).toEqual(positions);
    expect(first.memtables.every(({ store }) => store.durable === store.length)).toBe(true);
    await first.close();
    expect((await readdir(join(directory, "wal"))).filter((name) => name.endsWith(".arrow")).length).toBeGreaterThan(0);
    const second = await open({ log: { directory } });
    expect(idsIn(second)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it("that is a file is refused", async () => {
    const path = join(directory, "file");
    await writeFile(path, "");
    const error = await errorOf(open({ log: { directory: path } }));
    expect(error.message).toContain(path);
  });

  it("has errors cross threads with their class", async () => {
    const first = await open({ log: { directory } });
    await first.put(rowOf(0));
    const second = await open({ log: { directory } });
    expect(await errorOf(first.put(rowOf(1)))).toBeInstanceOf(ConflictError);
    await second.put(rowOf(2));
    const batches: RecordBatch[] = second.memtables.flatMap(({ store }) => store.batches());
    expect(batches.flatMap(rowsOf).map(([id]) => id)).toEqual([0, 2]);
  });
});
