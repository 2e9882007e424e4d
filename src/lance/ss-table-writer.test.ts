import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Field, FixedSizeList, Float32, Int64, LargeUtf8, Schema, Utf8 } from "apache-arrow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StorageError, UsageError } from "../errors.js";
import { readKeyFilter } from "./bloom-filter.js";
import { KeyHasher } from "./key-hasher.js";
import { type LanceDb, loadLanceDb } from "./lancedb-module.js";
import { type StorageRow, storageBatch } from "./ss-table.fixture.js";
import { listSsTableDirectories, newSsTableName, parseSsTableName } from "./ss-table-files.js";
import { type SsTableOptions, writeSsTable } from "./ss-table-writer.js";
import { storageSchema } from "./storage-schema.js";

const vector = new FixedSizeList(2, new Field("item", new Float32(), true));
const schema = storageSchema(
  new Schema([new Field("id", new Int64(), false), new Field("text", new Utf8(), true), new Field("v", vector, true)]),
  ["id"],
);

let lancedb: LanceDb;
let shard: string;

beforeEach(async () => {
  lancedb = await loadLanceDb();
  shard = mkdtempSync(join(tmpdir(), "pennon-ss-table-writer-"));
});
afterEach(() => rmSync(shard, { recursive: true, force: true, maxRetries: 5 }));

const row = (id: number): StorageRow => ({ values: { id: BigInt(id), text: `row ${id}`, v: [id, 0] } });
const deleted = (id: number): StorageRow => ({ deleted: BigInt(id) });

function write(rows: readonly StorageRow[], options: Partial<SsTableOptions> = {}) {
  return writeSsTable({
    lancedb,
    shardDirectory: shard,
    generation: 1,
    schema,
    primaryKey: ["id"],
    batches: () => [storageBatch(schema, ["id"], rows)],
    rows: rows.length,
    vectorIndexes: [],
    inMemoryBytes: 1,
    ...options,
  });
}

/** What a Lance reader finds in the SSTable itself. */
async function idsIn(path: string): Promise<number[]> {
  rmSync(join(shard, "copy.lance"), { recursive: true, force: true });
  cpSync(join(shard, path), join(shard, "copy.lance"), { recursive: true });
  const connection = await lancedb.connect(shard);
  const table = await connection.openTable("copy");
  const rows = await table.query().toArray();
  connection.close();
  return rows.map(({ id }) => Number(id));
}

describe("writeSsTable", () => {
  it("writes the rows in their order, with index, filters and nothing else", async () => {
    const table = await write([row(5), deleted(3), row(-4)]);
    expect(table).toMatchObject({ generation: 1, inMemoryBytes: 1, physicalRows: 3, primaryKeyBytes: 24 });
    expect(await listSsTableDirectories(shard)).toEqual([table.path]);
    const directory = join(shard, table.path);
    expect(readdirSync(directory).sort()).toEqual([
      "_pk_index",
      "_transactions",
      "_versions",
      "bloom_filter.bin",
      "data",
      "pennon_filter.bin",
    ]);
    expect(readdirSync(join(directory, "_pk_index")).sort()).toEqual(["page_data.lance", "page_lookup.lance"]);
    expect(await idsIn(table.path)).toEqual([5, 3, -4]);
    const filter = await readKeyFilter(directory);
    const hashes = new Uint32Array(6);
    KeyHasher.forPennon([new Int64()]).hash(
      storageBatch(schema, ["id"], [row(5), row(3), row(-4)]).data.children,
      3,
      hashes,
    );
    for (let i = 0; i < 6; i += 2) expect(filter?.mightHold(hashes[i] ?? 0, hashes[i + 1] ?? 0)).toBe(true);
  });

  it("takes batches that come one by one", async () => {
    const table = await write([], {
      rows: 2,
      batches: async function* () {
        yield storageBatch(schema, ["id"], [row(1)]);
        yield storageBatch(schema, ["id"], []);
        yield storageBatch(schema, ["id"], [row(2)]);
      },
    });
    expect(await idsIn(table.path)).toEqual([1, 2]);
  });

  it("writes several at once", async () => {
    const tables = await Promise.all([1, 2, 3].map((n) => write([row(n), row(10 * n)], { generation: n })));
    for (const { generation, path } of tables) expect(await idsIn(path)).toEqual([generation, 10 * generation]);
  });

  it("takes nothing but tombstones, with vectors to index too", async () => {
    const table = await write([deleted(1), deleted(2)], { vectorIndexes: [{ column: "v", distanceType: "l2" }] });
    expect(readdirSync(join(shard, table.path))).not.toContain("_indices");
    expect(await idsIn(table.path)).toEqual([1, 2]);
  });

  it.each([1, 3])("indexes vectors, though only %i rows have one", async (count) => {
    const rows = Array.from({ length: count }, (_, i) => row(i + 1));
    const table = await write([...rows, deleted(9)], { vectorIndexes: [{ column: "v", distanceType: "cosine" }] });
    expect(readdirSync(join(shard, table.path, "_indices"))).toHaveLength(1);
  });

  it.each([
    ["l2", [Number.NaN, 1]],
    ["dot", [1, Number.POSITIVE_INFINITY]],
    ["cosine", [0, 0]],
    ["cosine", [1e-42, 0]],
  ] as const)("goes without an index by %s where no search could find a vector: %j", async (distanceType, v) => {
    const table = await write([{ values: { id: 1n, text: null, v } }], {
      vectorIndexes: [{ column: "v", distanceType }],
    });
    expect(await idsIn(table.path)).toEqual([1]);
  });

  it.each([1, 3])("refuses %i rows where 2 were announced, and writes nothing", async (rows) => {
    const batch = Array.from({ length: rows }, (_, i) => row(i));
    await expect(write(batch, { rows: 2 })).rejects.toThrow(UsageError);
    await expect(write(batch, { rows: 0 })).rejects.toThrow(UsageError);
    expect(readdirSync(shard)).toEqual([]);
  });

  it("refuses a key that is not there, and rows of another schema", async () => {
    await expect(write([row(1)], { primaryKey: ["other"] })).rejects.toThrow(/"other" is not in the schema/);
    const other = storageSchema(new Schema([new Field("id", new LargeUtf8(), false)]), ["id"]);
    await expect(write([row(1)], { schema: other })).rejects.toThrow(UsageError);
    expect(readdirSync(shard)).toEqual([]);
  });

  it("removes what it has written when LanceDB fails", async () => {
    // There is no vector in this column; by then the dataset is written.
    const failing = write([row(1)], { vectorIndexes: [{ column: "text", distanceType: "l2" }] });
    await expect(failing).rejects.toThrow(StorageError);
    expect(readdirSync(shard)).toEqual([]);
  });

  it("ends with the signal's reason, and writes nothing", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const batches = function* () {
      yield storageBatch(schema, ["id"], [row(1)]);
      controller.abort(reason);
      yield storageBatch(schema, ["id"], [row(2)]);
    };
    await expect(write([], { rows: 2, batches, signal: controller.signal })).rejects.toBe(reason);
    expect(readdirSync(shard)).toEqual([]);
  });
});

describe("names of SSTables", () => {
  it("are made and known", async () => {
    const name = newSsTableName(17);
    expect(name).toMatch(/^[0-9a-f]{8}_gen_17$/);
    expect(parseSsTableName(name)).toBe(17);
    expect(parseSsTableName(`${name}.lance`)).toBe(17);
    for (const other of ["wal", "manifest", "x_gen_1", "0123abcd_gen_", "0123abcd_gen_1.tmp", "0123abcd_gen_1e3"]) {
      expect(parseSsTableName(other)).toBeUndefined();
    }
    mkdirSync(join(shard, `${name}.lance`));
    mkdirSync(join(shard, "wal"));
    expect(await listSsTableDirectories(shard)).toEqual([`${name}.lance`]);
    expect(await listSsTableDirectories(join(shard, "absent"))).toEqual([]);
  });
});
