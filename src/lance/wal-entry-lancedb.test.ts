/**
 * Log entries between us and LanceDB: it replays ours, we read its own.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Bool,
  Data,
  DateDay,
  DateMillisecond,
  Decimal,
  Dictionary,
  DurationMicrosecond,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  List,
  Map_,
  makeData,
  Null,
  type RecordBatch,
  Schema,
  Struct,
  TimeMicrosecond,
  TimeSecond,
  Timestamp,
  TimeUnit,
  Type,
  Uint8,
  Uint64,
  Utf8,
} from "apache-arrow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { batchOf } from "../../test/arrow-arbitrary.js";
import { DataBuilder, Random } from "../../test/arrow-random-data.js";
import {
  type LanceTable,
  type LanceTableOptions,
  lanceShards,
  lanceUpsert,
  makeLanceTable,
} from "../../test/lancedb.js";
import { rowsOf } from "../../test/plain-model.js";
import { normaliseSchema } from "../arrow/schema.js";
import { CorruptError } from "../errors.js";
import { entryOf, storeOf } from "./entry.fixture.js";
import { parseWalKey, shardDirectory, walKey } from "./names.js";
import { UNSHARDED_SHARD_ID } from "./shard-id.js";
import { storageSchema } from "./storage-schema.js";
import { encodeSentinel } from "./wal-entry.js";
import { inspectEntry, readEntry, type WalEntry } from "./wal-entry-reader.js";

let directory = "";
const open: LanceTable[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pennon-entry-"));
});

afterEach(async () => {
  for (const lance of open.splice(0)) await lance.close();
  rmSync(directory, { recursive: true, force: true });
});

async function lanceTable(options: LanceTableOptions): Promise<LanceTable> {
  const lance = await makeLanceTable(directory, options);
  open.push(lance);
  return lance;
}

/** Puts entries of ours into the log, from position 1 on. */
function putEntries(lance: LanceTable, entries: readonly Uint8Array[]): void {
  entries.forEach((entry, i) => {
    const path = join(shardDirectory(lance.directory, UNSHARDED_SHARD_ID), walKey(i + 1));
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, entry);
  });
}

/** All entries in the table's log, by position. */
function entriesOf(lance: LanceTable): Map<number, Buffer> {
  const entries = new Map<number, Buffer>();
  for (const shard of lanceShards(lance.directory)) {
    const wal = join(shardDirectory(lance.directory, shard), "wal");
    for (const name of existsSync(wal) ? readdirSync(wal) : []) {
      const position = parseWalKey(`wal/${name}`);
      if (position !== undefined) entries.set(position, readFileSync(join(wal, name)));
    }
  }
  return new Map([...entries].sort(([a], [b]) => a - b));
}

/** What a query of LanceDB returns, by the first column, which is the key. */
async function rowsByKey(lance: LanceTable): Promise<Map<unknown, unknown[]>> {
  const { batches } = await lance.table.query().toArrow();
  return new Map(batches.flatMap(rowsOf).map((row) => [row[0], row]));
}

const field = (name: string, type: Field["type"], nullable = true): Field => new Field(name, type, nullable);
const ids = (from: number, count: number): Data<Int64> =>
  makeData({
    type: new Int64(),
    length: count,
    data: BigInt64Array.from({ length: count }, (_, i) => BigInt(from + i)),
  });
const tombstones = (rows: number, deleted: boolean): Data<Bool> =>
  makeData({ type: new Bool(), length: rows, nullCount: 0, data: new Uint8Array(rows).fill(deleted ? 255 : 0) });

/** `data` with all its rows null. */
function nullsOf(data: Data): Data {
  if (data.type.typeId === Type.Null) return data;
  const { type, length, values, valueOffsets, children, dictionary } = data;
  return new Data(
    type,
    0,
    length,
    length,
    [valueOffsets, values, new Uint8Array(Math.ceil(length / 8))],
    children,
    dictionary,
  );
}

describe("LanceDB replays entries of ours", () => {
  // A column for every kind of type that Lance holds, and for what has gone wrong before.
  const logical = normaliseSchema(
    new Schema([
      field("id", new Int64(), false),
      field("required", new Int32(), false),
      ...[new Int8(), new Int16(), new Uint8(), new Uint64(), new Float16(), new Float64()].map((type, i) =>
        field(`n${i}`, type),
      ),
      ...[new Bool(), new DateDay(), new DateMillisecond(), new TimeSecond(), new TimeMicrosecond()].map((type, i) =>
        field(`t${i}`, type),
      ),
      ...[
        new Timestamp(TimeUnit.NANOSECOND, "Europe/Berlin"),
        new DurationMicrosecond(),
        new Decimal(3, 20, 128),
        new Decimal(3, 50, 256),
      ].map((type, i) => field(`u${i}`, type)),
      field("text", new Utf8()),
      field("bytes", new FixedSizeBinary(3)),
      field("nothing", new Null()),
      field("vector", new FixedSizeList(4, new Field("x", new Float32(), false))),
      field("tags", new List(field("tag", new Dictionary(new Utf8(), new Int32(), 0)))),
      field("kind", new Dictionary(new Utf8(), new Int8(), 1)),
      field(
        "place",
        new Struct([field("name", new Utf8()), field("at", new FixedSizeList(2, field("item", new Float64())))]),
      ),
      field(
        "counts",
        new Map_(
          new Field(
            "entries",
            new Struct<{ key: Utf8; value: Int32 }>([
              new Field("key", new Utf8(), false),
              new Field("value", new Int32(), true),
            ]),
            false,
          ),
          false,
        ),
      ),
    ]),
  );
  const schema = storageSchema(logical, ["id"]);

  /** Rows with ids from `from` on; every other column at random, or null. */
  function batch(from: number, rows: number, seed: number, what: "rows" | "nulls" | "deletes" = "rows"): RecordBatch {
    const builder = new DataBuilder(new Random(seed), { plain: true });
    const columns = schema.fields.slice(1, -1).map(({ name, type }) => {
      if (name === "required" && what !== "deletes") return builder.build(type, rows, false);
      const data = builder.build(type, rows, true);
      return what === "rows" ? data : nullsOf(data);
    });
    return batchOf(schema, rows, [ids(from, rows), ...columns, tombstones(rows, what === "deletes")]);
  }

  it("of several batches, with every type, dictionaries that are replaced, columns of nulls, and deletes", async () => {
    const lance = await lanceTable({ schema: logical, primaryKey: ["id"] });
    const batches = [
      [batch(0, 40, 1), batch(20, 30, 2), batch(45, 1, 3)],
      [batch(60, 3, 0, "nulls"), batch(10, 5, 0, "deletes"), batch(12, 1, 4), batch(100, 1, 0, "deletes")],
      [batch(70, 20, 5)],
    ];
    const entries = batches.map((group, i) => {
      using store = storeOf(schema, group);
      return entryOf(store, { writerEpoch: 1, sequence: i, durable: i !== 1, counters: new Map([["rows", 1n]]) });
    });
    const [first = Buffer.of(), ...later] = entries;
    // A sentinel among them; and a file that is longer than its entry, as one that was made ahead of its contents.
    putEntries(lance, [first, encodeSentinel(1), ...later.map((entry) => Buffer.concat([entry, Buffer.alloc(4096)]))]);

    const expected = new Map<unknown, unknown[]>();
    for (const row of batches.flat().flatMap(rowsOf)) {
      const [id] = row;
      if (row.at(-1) === true) expected.delete(id);
      else expected.set(id, row.slice(0, -1));
    }
    // A writer replays when it opens, which is when it is written to. (LanceDB's Node package cannot write a Bool that is null.)
    const others = Object.fromEntries(logical.fields.map(({ name }) => [name, null]));
    await lanceUpsert(lance.table, [{ ...others, id: -1n, required: 5, t0: true }]);
    const found = await rowsByKey(lance);
    expect(found.get(-1n)?.[1]).toBe(5);
    found.delete(-1n);
    expect(new Map([...found].sort())).toEqual(new Map([...expected].sort()));
  });
});

describe("entries of LanceDB are read", () => {
  const logical = new Schema([
    field("id", new Int64(), false),
    field("required", new Float64(), false),
    field("text", new Utf8()),
    field("kind", new Dictionary(new Utf8(), new Int32(), 0)),
    field("tags", new List(field("tag", new Utf8()))),
    field("vector", new FixedSizeList(3, field("x", new Float32(), false))),
    field("place", new Struct([field("name", new Utf8()), field("rank", new Int16())])),
  ]);
  const row = (id: number) => ({
    id: BigInt(id),
    required: id / 2,
    text: id % 3 === 0 ? null : "é".repeat(id % 4),
    kind: id % 5 === 0 ? null : `kind ${id % 2}`,
    tags: id % 4 === 0 ? null : Array.from({ length: id % 3 }, (_, i) => (i === 1 ? null : `tag ${i}`)),
    vector: id % 7 === 0 ? null : [id, 0, -id],
    place: id % 6 === 0 ? null : { name: `place ${id}`, rank: id % 2 === 0 ? null : id },
  });
  const plain = (id: number): unknown[] => Object.values(row(id));

  /** The entries read, and what a store makes of their batches. */
  function readAll(lance: LanceTable, schema: Schema): { entries: WalEntry[]; rows: unknown[][] } {
    const entries = [...entriesOf(lance)].map(([position, bytes]) => {
      const key = walKey(position);
      const entry = readEntry(bytes, { key, schema });
      const { writerEpoch, sentinel, rows } = entry;
      const batches = entry.batches.length;
      expect(inspectEntry(bytes, key)).toMatchObject({ writerEpoch, sentinel, rows, batches, checksum: "absent" });
      return entry;
    });
    using store = storeOf(
      schema,
      entries.flatMap(({ batches }) => batches),
    );
    return { entries, rows: store.batches().flatMap(rowsOf) };
  }

  it("with nulls, lists, dictionaries, several batches in one", async () => {
    const writerConfig = { max_wal_flush_interval_ms: "30" };
    const lance = await lanceTable({ schema: logical, primaryKey: ["id"], writerConfig });
    const groups = [[1, 2, 3], [4], [5, 6], [7, 8, 9, 10, 11, 12], [13]];
    await lanceUpsert(lance.table, (groups[0] ?? []).map(row));
    await Promise.all(groups.slice(1).map((group) => lanceUpsert(lance.table, group.map(row))));

    const { entries, rows } = readAll(lance, storageSchema(await lance.table.schema(), ["id"]));
    const byId = new Map(rows.map((found) => [found[0], found]));
    expect(rows).toHaveLength(13);
    expect(entries.some(({ batches }) => batches.length > 1)).toBe(true);
    for (const id of groups.flat()) expect(byId.get(BigInt(id))).toEqual([...plain(id), false]);
    for (const { writerEpoch, sentinel, own } of entries) {
      expect({ writerEpoch, sentinel, own }).toEqual({ writerEpoch: 1, sentinel: false, own: undefined });
    }
  });

  it("with the fence sentinel of a second writer", async () => {
    const lance = await lanceTable({ schema: logical, primaryKey: ["id"] });
    await lanceUpsert(lance.table, [row(1)]);
    await lanceUpsert(await lance.open(), [row(2)]);
    const { entries, rows } = readAll(lance, storageSchema(logical, ["id"]));
    expect(entries.map(({ writerEpoch, sentinel, rows }) => [writerEpoch, sentinel, rows])).toEqual([
      [1, false, 1],
      [2, true, 0],
      [2, false, 1],
    ]);
    expect(rows).toEqual([
      [...plain(1), false],
      [...plain(2), false],
    ]);
  });

  it("without the column of tombstones, as LanceDB writes them when it has no memtable", async () => {
    const lance = await lanceTable({ schema: logical, primaryKey: ["id"], writerConfig: { enable_memtable: "false" } });
    await lanceUpsert(lance.table, [row(1), row(2)]);
    const { rows } = readAll(lance, storageSchema(logical, ["id"]));
    expect(rows).toEqual([
      [...plain(1), false],
      [...plain(2), false],
    ]);
  });

  it("and refused when the table has other columns", async () => {
    const lance = await lanceTable({ schema: logical, primaryKey: ["id"] });
    await lanceUpsert(lance.table, [row(1)]);
    const [bytes = Buffer.of()] = entriesOf(lance).values();
    const other = new Schema(logical.fields.map((f) => (f.name === "kind" ? field("kind", new Utf8()) : f)));
    const read = (): unknown => readEntry(bytes, { key: "wal/1.arrow", schema: storageSchema(other, ["id"]) });
    expect(read).toThrow(CorruptError);
    expect(read).toThrow(/^wal\/1\.arrow: bytes 0 to \d+: .*"kind" is dictionary.*expected utf8/);
  });
});
