import { Field, Int64, Schema, Table, tableToIPC } from "apache-arrow";
import { beforeEach, describe, expect, it } from "vitest";
import { END_OF_STREAM } from "../arrow/message.js";
import { CorruptError, FullError, UsageError } from "../errors.js";
import { crc32 } from "../lance/crc32.js";
import { logSchema, storeWith } from "../lance/log.fixture.js";
import { walKey } from "../lance/names.js";
import { EntryHeader, encodeSentinel } from "../lance/wal-entry.js";
import { MemtablePool } from "../memtable/pool.js";
import { MemoryStore } from "../storage/memory-store.js";
import { BatchStore } from "../store/batch-store.js";
import { Replay, type ReplayOptions } from "./replay.js";
import { StorageBatches } from "./storage-batch.js";
import { batchOfRows, poolOf, type SetBounds, schema, storage } from "./writer.fixture.js";

const batches = new StorageBatches(schema, storage);
let store: MemoryStore;

beforeEach(() => {
  store = new MemoryStore();
});

interface Entry {
  readonly writer?: string;
  readonly sequence?: number;
  readonly durable?: boolean;
  readonly counters?: Record<string, bigint>;
}

/** Bytes of an entry with batches of so many rows, their ids counting up from `first`. */
function entryOf(first: number, sizes: readonly number[], entry: Entry = {}): Uint8Array {
  const { writer = "a", sequence = 1, durable = true, counters = {} } = entry;
  const memtable = BatchStore.create({ schema: storage, bytes: 1 << 20, capacity: 1_000, prefault: false });
  let id = first;
  for (const size of sizes) {
    memtable.append(batches.from(batchOfRows(id, size)));
    id += size;
  }
  const run = memtable.ipcParts().slice(1, -1);
  const header = new EntryHeader(storage, { writerEpoch: 1, writerId: writer.repeat(32) });
  const options = { sequence, crc32: crc32(run), durable, counters: new Map(Object.entries(counters)) };
  return Buffer.concat([header.bytes(options), ...run, END_OF_STREAM]);
}

/** Puts these entries, from position 1 on. */
async function log(...entries: readonly Uint8Array[]): Promise<void> {
  for (const [i, bytes] of entries.entries()) await store.putIfAbsent(walKey(i + 1), [bytes]);
}

type Options = SetBounds & Partial<Pick<ReplayOptions, "from" | "generation" | "pool">>;

function replay(options: Options = {}): Replay {
  const { from = 1, generation = 1, maxMemoryBytes = 1 << 30, pool = poolOf(options) } = options;
  return new Replay(store, { schema: storage, from, generation, pool, maxMemoryBytes });
}

async function replayed(to: number, options: Options = {}) {
  const pool = poolOf(options);
  const it = replay({ ...options, pool });
  await it.continueTo(to);
  return { ...it.finish(), stores: pool.live.map(({ memtable }) => memtable.store), pool };
}

const idsOf = (stores: readonly BatchStore[]): number[] =>
  stores.flatMap((memtable) => memtable.batches().flatMap((batch) => [...(batch.getChildAt(0) ?? [])].map(Number)));

const count = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe("replay", () => {
  it("lays the entries out again, in order, and says what there was", async () => {
    await log(entryOf(0, [2, 1]), entryOf(3, [70], { sequence: 2 }), entryOf(73, [1], { sequence: 3 }));
    const { stores, memtables, replayed: tally } = await replayed(4);
    expect(idsOf(stores)).toEqual(count(0, 74));
    expect(memtables).toMatchObject([
      {
        entries: [
          { entry: 1, from: 0, to: 2 },
          { entry: 2, from: 2, to: 3 },
          { entry: 3, from: 3, to: 4 },
        ],
      },
    ]);
    expect(tally).toMatchObject({ entries: 3, batches: 4, rows: 74 });
    expect(stores.map(({ durable }) => durable)).toEqual([4]);
  });

  it("begins behind what SSTables cover, and ends where it is told", async () => {
    await log(entryOf(0, [1]), entryOf(1, [1]), entryOf(2, [1]), entryOf(3, [1]));
    const { stores } = await replayed(4, { from: 2 });
    expect(idsOf(stores)).toEqual([1, 2]);
  });

  it("of nothing makes no memtable", async () => {
    expect(await replayed(1)).toMatchObject({ memtables: [], replayed: { entries: 0, rows: 0 } });
    await log(encodeSentinel(2));
    expect(await replayed(2)).toMatchObject({ memtables: [], replayed: { entries: 1, rows: 0 } });
  });

  it("goes on where it stopped", async () => {
    await log(entryOf(0, [1]), entryOf(1, [1]), entryOf(2, [1]));
    const pool = poolOf();
    const it = replay({ pool });
    await it.continueTo(3);
    await it.continueTo(3);
    await it.continueTo(4);
    const { replayed: tally } = it.finish();
    expect(idsOf(pool.live.map(({ memtable }) => memtable.store))).toEqual([0, 1, 2]);
    expect(tally.entries).toBe(3);
  });

  it("fills one memtable after the other, and splits no entry", async () => {
    await log(...count(0, 30).map((i) => entryOf(i * 150, [50, 50, 50], { sequence: i })));
    const { stores, memtables } = await replayed(31, { memtableBytes: 65_536 });
    expect(stores.length).toBeGreaterThan(2);
    expect(idsOf(stores)).toEqual(count(0, 4_500));
    for (const [i, { entries }] of memtables.entries()) {
      for (const { from, to } of entries) expect(to - from).toBe(3);
      expect(entries.at(-1)?.to).toBe(stores[i]?.length);
    }
    expect(memtables.flatMap(({ entries }) => entries.map(({ entry }) => entry))).toEqual(count(1, 31));
  });

  it("splits no entry where the places for batches run out", async () => {
    await log(...count(0, 4).map((i) => entryOf(3 * i, [1, 1, 1], { sequence: i })));
    const { stores } = await replayed(5, { memtableBatches: 5 });
    expect(stores.map(({ length }) => length)).toEqual([3, 3, 3, 3]);
  });

  it("gives up what it has replayed, and goes on with generations that none had", async () => {
    await log(entryOf(0, [3]), entryOf(3, [3], { sequence: 2 }));
    const pool = poolOf({ memtableBatches: 1 });
    const first = replay({ pool, generation: 5 });
    await first.continueTo(3);
    expect(first.discard()).toBe(7);
    const second = replay({ pool, from: 2, generation: 9 });
    await second.continueTo(3);
    expect(second.finish()).toMatchObject({ memtables: [{ generation: 9 }], nextGeneration: 10 });
    expect(idsOf(pool.live.map(({ memtable }) => memtable.store))).toEqual([3, 4, 5]);
  });

  it("gives the last memtable to be written on", async () => {
    await log(entryOf(0, [1]));
    const { pool } = await replayed(2);
    pool.closeOwner();
    const [live] = MemtablePool.attachOwner(pool.handle()).live;
    live?.memtable.append([batches.from(batchOfRows(1, 1))]);
    expect([live?.memtable.store.length, live?.memtable.store.durable]).toEqual([2, 1]);
  });

  it("has the counters of the newest entry that is ours and no fence", async () => {
    await log(
      entryOf(0, [1], { counters: { a: 1n, b: 1n } }),
      entryOf(1, [1], { counters: { a: 2n } }),
      encodeSentinel(2),
    );
    expect((await replayed(4)).counters).toEqual(new Map([["a", 2n]]));
  });

  it("leaves batches without rows out", async () => {
    await log(entryOf(0, [1, 0, 2]));
    const { stores, replayed: tally } = await replayed(2);
    expect(stores.map(({ length }) => length)).toEqual([2]);
    expect(tally).toMatchObject({ batches: 2, rows: 3 });
  });

  it("needs a larger memtable, or more places in it, than it may have", async () => {
    await log(entryOf(0, [3_000]));
    await expect(replayed(2, { memtableBytes: 65_536 })).rejects.toThrow(UsageError);
    store = new MemoryStore();
    await log(entryOf(0, [1, 1, 1]));
    await expect(replayed(2, { memtableBatches: 2 })).rejects.toThrow(UsageError);
  });

  it("of rows that need too much memory names the option as its user has set it", async () => {
    const entries = Array.from({ length: 8 }, (_, i) => ({ from: 1000 * i, rows: 1000 }));
    const pool = MemtablePool.create({
      schema: logSchema,
      primaryKey: ["id"],
      bytes: 65_536,
      batches: 100,
      maxRows: 1 << 20,
    });
    const bounds = { pool, generation: 1, maxMemoryBytes: 2 * 50_000 };
    const replay = new Replay(await storeWith(entries), { schema: logSchema, from: 1, ...bounds });
    const error = await replay.continueTo(9).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FullError);
    expect(String(error)).toMatch(
      /the rows of the log need more than twice maxMemoryBytes; maxMemoryBytes is 50000: open with a larger one$/,
    );
  });
});

describe("what replay makes durable before its rows count as that", () => {
  it.each<[string, readonly Uint8Array[], readonly number[]]>([
    ["the last entry", [entryOf(0, [1]), entryOf(1, [1], { sequence: 2 })], [2]],
    ["entries with a mark", [entryOf(0, [1], { durable: false }), entryOf(1, [1], { sequence: 2 })], [1, 2]],
    [
      "the last one of each writer",
      [entryOf(0, [1], { writer: "a" }), entryOf(1, [1], { writer: "b" }), entryOf(2, [1], { writer: "b" })],
      [1, 3],
    ],
    [
      "a fence, and what is before it",
      [entryOf(0, [1]), encodeSentinel(2), entryOf(1, [1], { writer: "b" })],
      [1, 2, 3],
    ],
  ])("is %s", async (_, entries, expected) => {
    for (const [i, bytes] of entries.entries()) {
      await store.putIfAbsent(walKey(i + 1), [bytes], { durable: !expected.includes(i + 1) });
    }
    expect(store.unsynced()).toHaveLength(expected.length);
    await replayed(entries.length + 1);
    expect(store.unsynced()).toEqual([]);
  });

  it("is nothing more, and in one request", async () => {
    await log(...count(0, 50).map((i) => entryOf(i, [1], { sequence: i })));
    const asked: (readonly string[])[] = [];
    const sync = store.sync.bind(store);
    store.sync = (keys) => {
      asked.push(keys);
      return sync(keys);
    };
    await replayed(51);
    expect(asked).toEqual([[walKey(50)]]);
  });
});

describe("a log that cannot be replayed", () => {
  const whole = entryOf(0, [5, 5]);

  it.each<[string, () => Uint8Array]>([
    ["torn", () => whole.subarray(0, whole.length - 100)],
    ["empty", () => new Uint8Array()],
    ["without its end", () => whole.subarray(0, whole.length - 8)],
    ["altered", () => Buffer.from(whole).fill(0xee, whole.length - 200, whole.length - 199)],
  ])("has an entry that is %s: it is named", async (_, bytes) => {
    await log(entryOf(0, [1]), bytes(), entryOf(1, [1]));
    const error: unknown = await replayed(4).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(CorruptError);
    expect(String(error)).toContain(walKey(2));
  });

  it("has a hole: it is named", async () => {
    await log(entryOf(0, [1]), entryOf(1, [1]), entryOf(2, [1]));
    await store.delete(walKey(2));
    const error: unknown = await replayed(4).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(CorruptError);
    expect(String(error)).toContain(`${walKey(2)} is missing`);
  });

  it("has an entry of another schema: it is named", async () => {
    const fields = [new Field("id", new Int64(), false), ...storage.fields.slice(1)];
    const other = new Schema(fields, new Map([["writer_epoch", "1"]]));
    await log(tableToIPC(new Table(other, []), "stream"));
    const error: unknown = await replayed(2).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(CorruptError);
    expect(String(error)).toContain(walKey(1));
  });
});
