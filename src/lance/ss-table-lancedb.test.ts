/** The files of an SSTable, against those that LanceDB 0.39 writes of the same rows: byte for byte. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as arrow from "apache-arrow";
import {
  Binary,
  Field,
  Int32,
  Int64,
  LargeBinary,
  LargeUtf8,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
  Utf8,
} from "apache-arrow";
import { afterEach, beforeEach, expect, it } from "vitest";
import { lanceUpsert } from "../../test/lancedb.js";
import { LocalStore } from "../storage/local-store.js";
import { schemaForLanceDb } from "../table/lancedb-schema.js";
import { loadLanceDb } from "./lancedb-module.js";
import { ManifestStore } from "./manifest-store.js";
import { shardDirectory } from "./names.js";
import { UNSHARDED_SHARD_ID } from "./shard-id.js";
import { storageBatch } from "./ss-table.fixture.js";
import { writeSsTable } from "./ss-table-writer.js";
import { storageSchema } from "./storage-schema.js";

/** LanceDB's copy of apache-arrow: of others it refuses large types. */
const here = createRequire(import.meta.url);
const theirs: typeof arrow = createRequire(here.resolve("@lancedb/lancedb"))("apache-arrow");

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "pennon-ss-table-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));

const bytes = (n: number): Uint8Array =>
  Buffer.from(["", "00", "0000ff", "ff"][n] ?? n.toString(16).padStart(6, "0"), "hex");
const text = (n: number): string => ["", "a", "ä\0b", "a".repeat(300)][n] ?? `a key ${n}`;

const KEYS = [
  { name: "int64", columns: [{ type: new Int64(), value: (n: number) => BigInt(n % 2 ? -n : n) * 1_000_000_007n }] },
  { name: "int32", columns: [{ type: new Int32(), value: (n: number) => (n % 2 ? -n : n) * 1009 }] },
  { name: "utf8", columns: [{ type: new Utf8(), value: text }] },
  { name: "binary", columns: [{ type: new Binary(), value: bytes }] },
  { name: "large_utf8", columns: [{ type: new LargeUtf8(), value: text }] },
  { name: "large_binary", columns: [{ type: new LargeBinary(), value: bytes }] },
  {
    name: "int64 and utf8",
    columns: [
      { type: new Int64(), value: (n: number) => BigInt(n % 7) - 3n },
      { type: new Utf8(), value: text },
    ],
  },
  {
    name: "binary, int32 and large_utf8",
    columns: [
      { type: new Binary(), value: (n: number) => bytes(n % 5) },
      { type: new Int32(), value: (n: number) => (n % 3) - 1 },
      { type: new LargeUtf8(), value: text },
    ],
  },
];
const ROWS = 20_000;

/** Entries of a file's metadata: Lance writes them in any order. */
const METADATA = /\*.\n.(?:batch_size|range_partitioned)..(?:8192|false)/gs;

/** A file's bytes, those entries in front of the others and in order. */
function inOrder(file: Buffer): string {
  const text = file.toString("latin1");
  return [...(text.match(METADATA) ?? []).sort(), text.replace(METADATA, "")].join("");
}

it.each(KEYS)("are the same for a key of $name", async ({ columns }) => {
  const names = columns.map((_, i) => `k${i}`);
  const fields = columns.map(({ type }, i) => {
    return new Field(`k${i}`, type, false, new Map([["lance-schema:unenforced-primary-key:position", String(i + 1)]]));
  });
  const tableSchema = new Schema([...fields, new Field("n", new Int32(), true)]);
  const rows = Array.from({ length: ROWS }, (_, i) => {
    const n = (i * 7919) % ROWS;
    const key = columns.map(({ value }, column) => [`k${column}`, value(n)]);
    return { values: Object.fromEntries([...key, ["n", n]]) };
  });

  const lancedb = await loadLanceDb();
  const database = await lancedb.connect(root);
  const table = await database.createEmptyTable("table", schemaForLanceDb(tableSchema));
  await table.setLsmWriteSpec({ specType: "unsharded", writerConfigDefaults: { max_wal_flush_interval_ms: "1" } });
  const schema = storageSchema(tableSchema, names);
  const children = storageBatch(schema, names, rows).data.children.slice(0, -1);
  const data = makeData({ type: new Struct(tableSchema.fields), length: ROWS, nullCount: 0, children });
  await lanceUpsert(
    table,
    theirs.tableFromIPC(tableToIPC(new Table(tableSchema, [new RecordBatch(tableSchema, data)]))),
  );
  await table.closeLsmWriters();
  const shard = shardDirectory(join(root, "table.lance"), UNSHARDED_SHARD_ID);
  const store = new LocalStore(shard);
  const [listed] = (await new ManifestStore(store, UNSHARDED_SHARD_ID).load())?.ssTables ?? [];
  if (listed === undefined) throw new Error("LanceDB has written no SSTable");

  const written = await writeSsTable({
    lancedb,
    shardDirectory: shard,
    generation: 2,
    schema,
    primaryKey: names,
    batches: () => [storageBatch(schema, names, rows.slice(0, 8_000)), storageBatch(schema, names, rows.slice(8_000))],
    rows: ROWS,
    vectorIndexes: [],
    inMemoryBytes: 1,
  });
  for (const file of ["bloom_filter.bin", "_pk_index/page_data.lance", "_pk_index/page_lookup.lance"]) {
    const ours = inOrder(readFileSync(join(shard, written.path, file)));
    const lances = inOrder(readFileSync(join(shard, listed.path, file)));
    expect(ours === lances, `${file}: ${ours.length} and ${lances.length} bytes`).toBe(true);
  }
  expect(written.primaryKeyBytes).toBe(listed.primaryKeyBytes);
  expect(written.physicalRows).toBe(listed.physicalRows);
  await store.close();
  database.close();
});
