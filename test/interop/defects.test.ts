/** Defects that logs of this kind have had elsewhere; `docs/defects.md` lists them all. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  Bool,
  Field,
  Int64,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConflictError, CorruptError, FullError, StorageError, UsageError } from "../../src/errors.js";
import { ManifestStore } from "../../src/lance/manifest-store.js";
import { parseWalKey, shardDirectory, walKey } from "../../src/lance/names.js";
import { UNSHARDED_SHARD_ID } from "../../src/lance/shard-id.js";
import { LocalStore } from "../../src/storage/local-store.js";
import { MemoryStore } from "../../src/storage/memory-store.js";
import type { ObjectStore } from "../../src/storage/object-store.js";
import { replayLimits } from "../../src/table/replay-limits.js";
import { ShardWriter } from "../../src/writer/shard-writer.js";
import type { ShardWriterOptions } from "../../src/writer/writer-settings.js";
import { type LanceTable, lanceRows, lanceUpsert, makeLanceTable } from "../lancedb.js";
import { rowsOf } from "../plain-model.js";

const SCHEMA = new Schema([
  new Field("id", new Int64(), false),
  new Field("text", new Utf8(), true),
  new Field("flag", new Bool(), true),
]);

type Options = Partial<ShardWriterOptions>;

const writers: ShardWriter[] = [];
let root: string;
let lance: LanceTable | undefined;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "pennon-defects-"));
});
afterEach(async () => {
  for (const writer of writers.splice(0)) await writer.close().catch(() => {}); // most tests end with one that has stopped
  await lance?.close();
  lance = undefined;
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
});

/** @param place a shard's directory, or a store */
async function open(place: MemoryStore | string, options: Options = {}): Promise<ShardWriter> {
  // A writer closes its store.
  const store = typeof place === "string" ? new LocalStore(place) : place.view({});
  const common = { shardId: UNSHARDED_SHARD_ID, schema: SCHEMA, primaryKey: ["id"], memtableBytes: 65_536 };
  const writer = await ShardWriter.open({ log: { store }, ...common, ...options });
  writers.push(writer);
  return writer;
}

/** A table of LanceDB, and the directory of its shard. */
async function lanceTable(writerConfig: Record<string, string> = {}): Promise<{ lance: LanceTable; shard: string }> {
  lance = await makeLanceTable(root, { schema: SCHEMA, primaryKey: ["id"], writerConfig });
  return { lance, shard: shardDirectory(lance.directory, UNSHARDED_SHARD_ID) };
}

const row = (id: number, text: string | null = "text", flag: boolean | null = true) => ({ id: BigInt(id), text, flag });

function batch(ids: readonly number[], text = "text"): RecordBatch {
  const columns = [
    vectorFromArray(ids.map(BigInt), new Int64()),
    vectorFromArray(
      ids.map(() => text),
      new Utf8(),
    ),
    vectorFromArray(
      ids.map(() => true),
      new Bool(),
    ),
  ].map((vector) => {
    const [data] = vector.data;
    return data ?? makeData({ type: vector.type, length: 0 });
  });
  return new RecordBatch(SCHEMA, makeData({ type: new Struct(SCHEMA.fields), length: ids.length, children: columns }));
}

/** Rows in the memtables, oldest first. */
function rowsIn(writer: ShardWriter): unknown[][] {
  return writer.memtables.flatMap(({ store }) => store.batches().flatMap((one) => rowsOf(one)));
}

const idsIn = (writer: ShardWriter): number[] => rowsIn(writer).map(([id]) => Number(id));

async function entries(store: ObjectStore): Promise<number[]> {
  const positions: number[] = [];
  for await (const { key } of store.list("wal/")) positions.push(parseWalKey(key) ?? 0);
  return positions.sort((a, b) => a - b);
}

/** What LanceDB returns once it has opened a writer, which takes a row of its own; without that row. */
async function lanceReads(table: LanceTable["table"]): Promise<Record<string, unknown>[]> {
  await lanceUpsert(table, [row(-1)]);
  return (await lanceRows(table, "id >= 0")).sort((a, b) => Number(a["id"]) - Number(b["id"]));
}

describe("the log", () => {
  it("batches without rows make no entry, and those of others are passed over", async () => {
    const { lance, shard } = await lanceTable();
    const writer = await open(shard);
    await writer.put([]);
    await writer.put(batch([]));
    await writer.put([batch([]), batch([1]), batch([])]);
    await writer.delete([]);
    await writer.put([batch([])], { durability: "memory" });
    expect(await entries(new LocalStore(shard))).toEqual([1]);
    await writer.close();
    expect(await lanceReads(lance.table)).toEqual([row(1)]);

    const memory = new MemoryStore();
    const empty = batch([]);
    const schema = new Schema(empty.schema.fields, new Map([["writer_epoch", "1"]]));
    const foreign = new RecordBatchStreamWriter();
    foreign.reset(undefined, schema);
    foreign.write(new RecordBatch(schema, empty.data));
    await memory.putIfAbsent(walKey(1), [foreign.finish().toUint8Array(true)]);
    expect(idsIn(await open(memory))).toEqual([]);
  });

  it("a Bool column of nulls is replayed by LanceDB", async () => {
    const { lance, shard } = await lanceTable();
    const writer = await open(shard);
    await writer.put([row(1, null, null), row(2, null, null)]);
    const nulls = batch([3]);
    const flag = makeData({
      type: new Bool(),
      length: 1,
      nullCount: 1,
      data: new Uint8Array(0),
      nullBitmap: new Uint8Array(1),
    });
    const children = [...nulls.data.children.slice(0, 2), flag];
    await writer.put(new RecordBatch(SCHEMA, makeData({ type: new Struct(SCHEMA.fields), length: 1, children })));
    await writer.delete([2n]);
    await writer.close();
    expect(await lanceReads(lance.table)).toEqual([row(1, null, null), row(3, "text", null)]);
  });

  it("a log that has reached its bounds refuses single puts, and is replayed by LanceDB", async () => {
    const config = { max_memtable_rows: "1000", max_memtable_batches: "60" };
    const { lance, shard } = await lanceTable(config);
    const limits = replayLimits(config);
    const writer = await open(shard, { ...limits, memtableBytes: 1_048_576 });
    let id = 0;
    let refused = 0;
    const put = async (rows: number): Promise<void> => {
      const ids = Array.from({ length: rows }, (_, i) => id + i);
      try {
        await writer.put(batch(ids));
        id += rows;
      } catch (error) {
        expect(error).toBeInstanceOf(FullError);
        refused++;
      }
    };
    while (refused === 0) await put(100);
    // Fewer rows still have room, one by one until there are too many batches or rows.
    expect(id).toBe(900);
    while (refused < 2) await put(1);
    expect(writer.failure).toBeUndefined();
    expect(writer.stats().log).toMatchObject({ rows: id });
    await writer.close();
    expect(idsIn(await open(shard, { ...limits, memtableBytes: 1_048_576 }))).toHaveLength(id);
    expect(await lanceReads(lance.table)).toHaveLength(id);
    await lance.table.closeLsmWriters();
    expect(await lanceRows(await lance.open(), "id >= 0")).toHaveLength(id);
  });

  it("what LanceDB has flushed is not replayed again", async () => {
    const { lance, shard } = await lanceTable();
    await lanceUpsert(lance.table, [row(1), row(2)]);
    await lance.table.closeLsmWriters();
    expect((await new ManifestStore(new LocalStore(shard), UNSHARDED_SHARD_ID).load())?.replayAfter).toBeGreaterThan(0);
    for (let round = 0; round < 3; round++) {
      const writer = await open(shard);
      expect(idsIn(writer)).toEqual(Array.from({ length: round }, (_, i) => 10 + i));
      await writer.put(row(10 + round));
      await writer.close();
    }
    expect((await lanceReads(lance.table)).map(({ id }) => Number(id))).toEqual([1, 2, 10, 11, 12]);
  });

  it("of rows with one key the last one wins, for LanceDB too", async () => {
    const { lance, shard } = await lanceTable();
    let writer = await open(shard);
    await writer.put([row(1, "a"), row(2, "a"), row(1, "b")]);
    await Promise.all([writer.put(row(2, "c")), writer.delete([1n]), writer.put(row(1, "d")), writer.delete([2n])]);
    await writer.put(batch([3, 3], "e"));
    await writer.close();
    writer = await open(shard);
    await writer.put(row(3, "f"));
    expect(
      rowsIn(writer)
        .map(([id, text]) => `${id}${text ?? "-"}`)
        .join(" "),
    ).toBe("1a 2a 1b 2c 1- 1d 2- 3e 3e 3f");
    await writer.close();
    expect(await lanceReads(lance.table)).toEqual([row(1, "d"), row(3, "f")]);
  });
});

describe("a writer", () => {
  it("puts go on through many memtables, and so does their replay", async () => {
    const store = new MemoryStore();
    const writer = await open(store, { memtableBatches: 3 });
    for (let id = 0; id < 40; id++) await writer.put(row(id));
    expect(writer.memtables.length).toBeGreaterThan(10);
    await writer.close();
    const again = await open(store, { memtableBatches: 3 });
    expect(idsIn(again)).toEqual(Array.from({ length: 40 }, (_, id) => id));
    await again.put(row(40));
    expect(idsIn(again)).toHaveLength(41);
  });

  it("close tells of a failure that nobody has waited for", async () => {
    const store = new MemoryStore();
    const writer = await open(store);
    store.faults.add({ op: "putIfAbsent", key: "wal/", action: "failBefore" });
    const position = await writer.put(row(1), { durability: "memory" });
    expect(position).toMatch(/^[0-9a-f]{16}-[0-9a-f]{8}$/);
    await expect(writer.close()).rejects.toThrow(StorageError);
    expect(idsIn(await open(store))).toEqual([]);
  });

  it("close tells that what was written could not be made to survive a loss of power", async () => {
    const store = new MemoryStore();
    const writer = await open(store);
    await writer.put(row(1), { durability: "os" });
    store.faults.add({ op: "sync", key: "wal/", action: "failAfter", at: "sync" });
    await expect(writer.close()).rejects.toThrow(/durable|survive/);
    expect(idsIn(await open(store))).toEqual([1]);
  });

  it("rows of a failed entry never count as durable", async () => {
    const store = new MemoryStore();
    const writer = await open(store);
    await writer.put(row(1));
    store.faults.add({ op: "putIfAbsent", key: "wal/", action: "failBefore" });
    await expect(writer.put(row(2))).rejects.toThrow(StorageError);
    await expect(writer.put(row(3))).rejects.toThrow(/stopped/);
    const [memtable] = writer.memtables;
    expect([memtable?.store.length, memtable?.store.durable]).toEqual([2, 1]);
    expect(idsIn(await open(store))).toEqual([1]);
  });

  it("an open that must fail fences nobody", async () => {
    const store = new MemoryStore();
    const healthy = await open(store);
    for (let id = 0; id < 40; id++) await healthy.put(row(id, "t".repeat(9_000)));
    const epoch = (await new ManifestStore(store, UNSHARDED_SHARD_ID).load())?.writerEpoch;

    const otherColumns = new Schema([...SCHEMA.fields.slice(0, 2), new Field("flag", new Int64(), true)]);
    await expect(open(store, { schema: otherColumns })).rejects.toThrow(CorruptError);
    await expect(open(store, { maxMemoryBytes: 65_536 })).rejects.toThrow(FullError);
    await expect(open(store, { primaryKey: ["flag"] })).rejects.toThrow(UsageError);
    await expect(open(store, { memtableBytes: 1 })).rejects.toThrow(UsageError);

    await healthy.put(row(40));
    expect((await new ManifestStore(store, UNSHARDED_SHARD_ID).load())?.writerEpoch).toBe(epoch);
    await open(store);
    await expect(healthy.put(row(41))).rejects.toThrow(ConflictError);
  });

  it("slices of a large batch take their own bytes", async () => {
    const writer = await open(new MemoryStore(), { memtableBytes: 8 * 1_048_576 });
    const large = batch(
      Array.from({ length: 20_000 }, (_, id) => id),
      "x".repeat(100),
    );
    for (let first = 0; first < 20_000; first += 200) await writer.put(large.slice(first, first + 200));
    const { log, memtables } = writer.stats();
    expect(log.rows).toBe(20_000);
    // 8 bytes of id, 4 of offset, 100 of text, and bits.
    expect(log.bytes).toBeGreaterThan(20_000 * 112);
    expect(log.bytes).toBeLessThan(20_000 * 120);
    expect(memtables).toHaveLength(1);
  });

  it("memory ends at its bound, and what is there stays readable", async () => {
    const store = new MemoryStore();
    const writer = await open(store, { maxMemoryBytes: 4 * 65_536 });
    let rows = 0;
    const fill = async (): Promise<void> => {
      for (;;) {
        await writer.put(row(rows, "t".repeat(5_000)));
        rows++;
      }
    };
    await expect(fill()).rejects.toThrow(FullError);
    expect(writer.stats().memoryBytes).toBeLessThanOrEqual(4 * 65_536 + 16_384); // an index may grow past what the last one had
    expect(writer.failure).toBeUndefined();
    expect(idsIn(writer)).toHaveLength(rows);
    await writer.close();
    expect(idsIn(await open(store, { maxMemoryBytes: 4 * 65_536 }))).toHaveLength(rows);
  });
});

describe("docs/defects.md", () => {
  it("names tests that are there", () => {
    const project = fileURLToPath(new URL("../../", import.meta.url));
    const lines = readFileSync(join(project, "docs/defects.md"), "utf8").split("\n");
    const named = lines.flatMap((line) => {
      const [, file, name] = /\| `([^`]+\.test\.ts)`: (.+) \|$/.exec(line) ?? [];
      return file === undefined || name === undefined ? [] : [{ file, name }];
    });
    const tables = lines.filter((line) => line.startsWith("| ") && !/^\| defect \| here/.test(line));
    expect(named).toHaveLength(tables.length);
    const missing = named.filter(({ file, name }) => {
      const path = join(project, file);
      return !existsSync(path) || !readFileSync(path, "utf8").includes(name);
    });
    expect(missing).toEqual([]);
  });
});
