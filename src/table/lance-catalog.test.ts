import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { connect, Index } from "@lancedb/lancedb";
import {
  Field,
  FixedSizeList,
  Float32,
  Int32,
  Int64,
  LargeBinary,
  LargeUtf8,
  List,
  Schema,
  TimestampMillisecond,
  Utf8,
} from "apache-arrow";
import { afterAll, describe, expect, it } from "vitest";
import { bundle } from "../../test/bundle.js";
import { hasStrace, straced } from "../../test/crash/strace.js";
import { ConflictError, StorageError, UsageError } from "../errors.js";
import { readBaseManifest } from "../lance/base-manifest.js";
import { LocalStore } from "../storage/local-store.js";
import { openLanceTable } from "./lance-catalog.js";

const isTraced = hasStrace("what a new table fsyncs");
const root = realpathSync(mkdtempSync(join(tmpdir(), "pennon-catalog-")));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const fresh = () => join(root, `db${count++}`);

const schema = new Schema([
  new Field("id", new Int64(), true),
  new Field("at", new TimestampMillisecond(), true),
  new Field("text", new Utf8(), false),
  new Field("v", new FixedSizeList(4, new Field("item", new Float32(), true)), true),
]);
const rows = (n: number) =>
  Array.from({ length: n }, (_, i) => ({ id: BigInt(i), vector: [i, 1, 2, 3], text: `word${i}` }));

describe("openLanceTable", () => {
  it("creates a table that LanceDB and we open again", async () => {
    const database = join(fresh(), "deep", "er");
    const made = await openLanceTable({ path: join(database, "notes"), schema, primaryKey: ["id"] });
    expect(made).toMatchObject({
      database,
      name: "notes",
      tableDirectory: join(database, "notes.lance"),
      primaryKey: ["id"],
      appendOnly: false,
      shardId: "aa48498d-ac91-59e2-8452-69f46010ace2",
      shardDirectory: join(database, "notes.lance", "_mem_wal", "aa48498d-ac91-59e2-8452-69f46010ace2"),
    });
    expect(made.limits.maxLogRows).toBe(19_000_000);
    expect(made.schema.fields.map(({ name, nullable }) => `${name}${nullable ? "?" : ""}`)).toEqual([
      "id",
      "at?",
      "text",
      "v?",
    ]);

    for (const options of [{}, { schema }, { primaryKey: ["id"] }, { schema, primaryKey: ["id"] }]) {
      if ("schema" in options && !("primaryKey" in options)) continue;
      const again = await openLanceTable({ path: join(database, "notes.lance"), ...options });
      expect(again.schema.fields.map(String)).toEqual(made.schema.fields.map(String));
      expect(again.primaryKey).toEqual(["id"]);
      expect(again.limits).toEqual(made.limits);
    }

    const table = await (await connect(database)).openTable("notes");
    expect(await table.getLsmWriteSpec()).toMatchObject({ specType: "unsharded", maintainedIndexes: [] });
    const upsert = table.mergeInsert("id").whenMatchedUpdateAll().whenNotMatchedInsertAll().useLsm(true);
    await upsert.execute([{ id: 1n, at: null, text: "a", v: [1, 2, 3, 4] }]);
    expect((await table.query().toArray()).map((row) => row.text)).toEqual(["a"]);
    await table.closeLsmWriters();
  });

  it("creates append-only tables and composite keys", async () => {
    const database = fresh();
    const log = await openLanceTable({ path: join(database, "log"), schema });
    expect([log.primaryKey, log.appendOnly]).toEqual([["_row_id"], true]);
    expect(log.schema.fields[0]?.name).toBe("_row_id");
    expect((await openLanceTable({ path: join(database, "log"), schema })).appendOnly).toBe(true);
    expect((await openLanceTable({ path: join(database, "log") })).appendOnly).toBe(true);

    const both = { path: join(database, "both"), schema, primaryKey: ["text", "id"] };
    await openLanceTable(both);
    expect((await openLanceTable(both)).primaryKey).toEqual(["text", "id"]);
    expect((await openLanceTable({ path: both.path })).primaryKey).toEqual(["text", "id"]);
    await expect(openLanceTable({ ...both, primaryKey: ["id", "text"] })).rejects.toThrow(ConflictError);
  });

  it("keeps metadata of the schema and of its fields", async () => {
    const path = join(fresh(), "t");
    const tagged = new Schema(
      [new Field("id", new Int32(), false, new Map([["unit", "m"]]))],
      new Map([["made-by", "me"]]),
    );
    const made = await openLanceTable({ path, schema: tagged, primaryKey: ["id"] });
    expect(made.schema.metadata.get("made-by")).toBe("me");
    expect([...(made.schema.fields[0]?.metadata ?? [])]).toEqual([["unit", "m"]]);
  });

  it("creates tables with large strings and large binary, which LanceDB knows in its own copy of apache-arrow only", async () => {
    const large = new Schema([
      new Field("id", new LargeUtf8(), false),
      new Field("bytes", new LargeBinary(), true),
      new Field("list", new List(new Field("item", new LargeUtf8(), true)), true),
    ]);
    const made = await openLanceTable({ path: join(fresh(), "large"), schema: large, primaryKey: ["id"] });
    expect(made.schema.fields.map(({ type }) => String(type))).toEqual(["LargeUtf8", "LargeBinary", "List<LargeUtf8>"]);
  });

  it("names the field in which the schema differs, and both keys", async () => {
    const path = join(fresh(), "t");
    await openLanceTable({ path, schema, primaryKey: ["id"] });
    const other = new Schema(schema.fields.map((f) => (f.name === "text" ? new Field("text", new Int32(), false) : f)));
    const wrongType = openLanceTable({ path, schema: other, primaryKey: ["id"] });
    await expect(wrongType).rejects.toThrow(ConflictError);
    await expect(wrongType).rejects.toThrow(/field "text" is int32; expected utf8/);
    const nullable = new Schema(
      schema.fields.map((f) => (f.name === "text" ? new Field("text", new Utf8(), true) : f)),
    );
    await expect(openLanceTable({ path, schema: nullable, primaryKey: ["id"] })).rejects.toThrow(/"text".*nullable/);
    const wrongKey = openLanceTable({ path, schema, primaryKey: ["text"] });
    await expect(wrongKey).rejects.toThrow(ConflictError);
    await expect(wrongKey).rejects.toThrow(/primary key "id"; asked for was "text"/);
    await expect(openLanceTable({ path, schema })).rejects.toThrow(/"id"; asked for was _row_id/);
  });

  it("refuses what is not a table, and leaves it as it was", async () => {
    const database = fresh();
    mkdirSync(join(database, "foreign.lance"), { recursive: true });
    writeFileSync(join(database, "foreign.lance", "readme.txt"), "x");
    writeFileSync(join(database, "file.lance"), "x");
    mkdirSync(join(database, "plain"));
    const refused = async (name: string, message: RegExp) => {
      const opened = openLanceTable({ path: join(database, name), schema, primaryKey: ["id"] });
      await expect(opened).rejects.toThrow(UsageError);
      await expect(opened).rejects.toThrow(message);
    };
    await refused("foreign", /is not a Lance table: it has "readme.txt"/);
    await refused("file", /is a file/);
    await refused("plain", /exists and is not a table/);
    await refused("file.lance/t", /a part of .* is a file/);
    await refused("missing part/ä", /letters, digits/);
    expect(existsSync(join(database, "plain.lance"))).toBe(false);
    await expect(openLanceTable({ path: "s3://bucket/t" })).rejects.toThrow(UsageError);
    const missing = openLanceTable({ path: join(database, "none", "t") });
    await expect(missing).rejects.toThrow(/there is no table .*; give a schema/);
    expect(existsSync(join(database, "none"))).toBe(false);
    await expect(openLanceTable({ path: join(database, "t"), schema, primaryKey: ["no"] })).rejects.toThrow(UsageError);
    expect(existsSync(join(database, "t.lance"))).toBe(false);
  });

  it("goes on with a creation that was cut short", async () => {
    const database = fresh();
    mkdirSync(join(database, "half.lance", "_versions"), { recursive: true });
    mkdirSync(join(database, "half.lance", "_transactions"));
    writeFileSync(join(database, "half.lance", "_transactions", "0-x.txn"), "");
    await openLanceTable({ path: join(database, "half"), schema, primaryKey: ["id"] });

    // With the key and without the spec; without both.
    const connection = await connect(database);
    const plain = new Schema([new Field("id", new Int64(), false)]);
    await (await connection.createEmptyTable("keyed", plain)).setUnenforcedPrimaryKey("id");
    expect((await openLanceTable({ path: join(database, "keyed") })).limits.maxLogRows).toBe(19_000_000);
    await connection.createEmptyTable("bare", plain);
    await expect(openLanceTable({ path: join(database, "bare") })).rejects.toThrow(/has no primary key/);
    await expect(openLanceTable({ path: join(database, "bare"), schema: plain })).rejects.toThrow(/has no primary key/);
    const bare = await openLanceTable({ path: join(database, "bare"), schema: plain, primaryKey: ["id"] });
    expect(bare.primaryKey).toEqual(["id"]);
  });

  it("sets up tables of others where that is safe", async () => {
    const database = fresh();
    const connection = await connect(database);
    const nullableKey = new Schema([new Field("id", new Int64(), true), new Field("b", new Int64(), false)]);
    await connection.createEmptyTable("t", nullableKey);
    const open = (name: string, primaryKey: string[]) => openLanceTable({ path: join(database, name), primaryKey });
    await expect(open("t", ["b", "id"])).rejects.toThrow(/only one of one column/);
    expect(await (await connection.openTable("t")).getLsmWriteSpec()).toBeUndefined();

    const indexed = await connection.createTable("indexed", rows(300));
    await indexed.createIndex("vector", { config: Index.ivfFlat({ numPartitions: 1 }) });
    const { limits, schema: found } = await open("indexed", ["id"]);
    expect(limits.maxLogRows).toBe(950_000);
    expect(found.fields.map((field) => field.name)).toEqual(["id", "vector", "text"]);
    const now = await connection.openTable("indexed");
    expect((await now.getLsmWriteSpec())?.maintainedIndexes).toEqual(["vector_idx"]);
    await now.mergeInsert("id").whenMatchedUpdateAll().whenNotMatchedInsertAll().useLsm(true).execute(rows(1));
    expect(await now.query().nearestTo([7, 1, 2, 3]).limit(1).toArray()).toMatchObject([{ id: 7n }]);
    await now.closeLsmWriters();
  });

  it("takes the limits of a table made by others from its spec", async () => {
    const database = fresh();
    const table = await (await connect(database)).createEmptyTable(
      "t",
      new Schema([new Field("id", new Int64(), false)]),
    );
    await table.setUnenforcedPrimaryKey("id");
    await table.setLsmWriteSpec({ specType: "unsharded", writerConfigDefaults: { max_memtable_rows: "5000" } });
    const { limits } = await openLanceTable({ path: join(database, "t") });
    expect(limits).toMatchObject({ maxLogRows: 4_750, maxLogBatches: 7_600 });
  });

  it("refuses sharded tables, tables without memtables, and remains of an earlier spec", async () => {
    const database = fresh();
    const connection = await connect(database);
    const plain = new Schema([new Field("id", new Int64(), false)]);
    const make = async (name: string) => {
      const table = await connection.createEmptyTable(name, plain);
      await table.setUnenforcedPrimaryKey("id");
      return table;
    };
    const open = (name: string) => openLanceTable({ path: join(database, name) });
    await (await make("bucket")).setLsmWriteSpec({ specType: "bucket", column: "id", numBuckets: 4 });
    await expect(open("bucket")).rejects.toThrow(/sharded by bucket of "id"/);
    await expect(open("bucket")).rejects.toThrow(UsageError);
    const walOnly = { specType: "unsharded", writerConfigDefaults: { enable_memtable: "false" } } as const;
    await (await make("wal")).setLsmWriteSpec(walOnly);
    await expect(open("wal")).rejects.toThrow(UsageError);

    const old = await make("old");
    await old.setLsmWriteSpec({ specType: "unsharded" });
    await old
      .mergeInsert("id")
      .whenMatchedUpdateAll()
      .whenNotMatchedInsertAll()
      .useLsm(true)
      .execute([{ id: 1n }]);
    await old.closeLsmWriters();
    await old.unsetLsmWriteSpec();
    await expect(open("old")).rejects.toThrow(ConflictError);
    await expect(open("old")).rejects.toThrow(/earlier write spec/);
    expect(await old.getLsmWriteSpec()).toBeUndefined();
  });

  it("reports LanceDB's failures as the storage's", async () => {
    const database = fresh();
    mkdirSync(join(database, "t.lance", "_versions"), { recursive: true });
    writeFileSync(join(database, "t.lance", "_versions", "18446744073709551614.manifest"), "broken");
    await expect(openLanceTable({ path: join(database, "t") })).rejects.toThrow(StorageError);
  });

  it.skipIf(!isTraced)(
    "is on the disk when it is open: files, names, and the directories that were made for it",
    async () => {
      const external = ["apache-arrow", "@lancedb/lancedb"];
      const script = await bundle(join(import.meta.dirname, "create-table.fixture.ts"), { external });
      const database = join(fresh(), "deep");
      const trace = join(root, "trace");
      const [tracer = "", ...options] = straced({ log: trace, calls: ["fsync", "fdatasync"] });
      await promisify(execFile)(tracer, [...options, process.execPath, script, join(database, "t")]);
      const threads = readdirSync(root).filter((name) => name.startsWith("trace.")); // a file for each
      const calls = threads.map((name) => readFileSync(join(root, name), "utf8")).join("");
      const synced = new Set([...calls.matchAll(/sync\(\d+<([^>]+)>\) += 0/g)].map(([, path]) => path));
      const table = join(database, "t.lance");
      for (const part of ["_versions", "_transactions"]) {
        const files = readdirSync(join(table, part));
        expect(files.length).toBeGreaterThan(1);
        for (const file of files) expect(synced).toContain(join(table, part, file));
        expect(synced).toContain(join(table, part));
      }
      for (const directory of [table, database, join(database, ".."), root]) expect(synced).toContain(directory);
    },
    30_000,
  );

  it("is created once when it is opened many times at once in one process", async () => {
    const path = join(fresh(), "t");
    const opened = await Promise.all(
      Array.from({ length: 8 }, () => openLanceTable({ path, schema, primaryKey: ["id"] })),
    );
    expect(new Set(opened.map(({ limits }) => limits.maxLogRows))).toEqual(new Set([19_000_000]));
  });

  it("is created once when several processes create it at once", async () => {
    const external = ["apache-arrow", "@lancedb/lancedb"];
    const script = await bundle(join(import.meta.dirname, "create-table.fixture.ts"), { external });
    for (let round = 0; round < 3; round++) {
      const path = join(fresh(), "t");
      const run = promisify(execFile);
      const outputs = await Promise.all([0, 1, 2].map(() => run(process.execPath, [script, path])));
      expect(outputs.map(({ stdout }) => JSON.parse(stdout))).toEqual([0, 1, 2].map(() => ["id", 19_000_000]));
      // Created once, and set up: two who do that at the very same moment may both succeed, the one upon the other.
      const store = new LocalStore(`${path}.lance`);
      const { indexes, version } = await readBaseManifest(store);
      await store.close();
      expect(indexes.map(({ name }) => name)).toEqual(["__lance_mem_wal"]);
      expect(version).toBeLessThanOrEqual(3);
    }
  }, 30_000);
});
