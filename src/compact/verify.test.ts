import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Field, Int64, Schema, Utf8 } from "apache-arrow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lanceUpsert, makeLanceTable } from "../../test/lancedb.js";
import { loadLanceDb } from "../lance/lancedb-module.js";
import { ManifestStore } from "../lance/manifest-store.js";
import { manifestKey, shardDirectory, VERSION_HINT_KEY, walKey } from "../lance/names.js";
import { UNSHARDED_SHARD_ID } from "../lance/shard-id.js";
import { storageBatch } from "../lance/ss-table.fixture.js";
import { publishSsTable } from "../lance/ss-table-publish.js";
import { writeSsTable } from "../lance/ss-table-writer.js";
import { storageSchema } from "../lance/storage-schema.js";
import { LocalStore } from "../storage/local-store.js";
import { verifyTable } from "./verify.js";
import type { Finding } from "./verify-findings.js";

const tableSchema = new Schema([new Field("id", new Int64(), false), new Field("text", new Utf8(), true)]);
const schema = storageSchema(tableSchema, ["id"]);
const folder = mkdtempSync(join(tmpdir(), "pennon-verify-"));
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

/** SSTables of the shard: those of LanceDB, and one of ours. */
const paths: string[] = [];
const rowsOf = (...ids: number[]) => ids.map((id) => ({ id: BigInt(id), text: `row ${id}` }));

/** 100 rows in the base table; two SSTables of LanceDB, one of ours that also deletes; two entries to replay. */
beforeAll(async () => {
  const lance = await makeLanceTable(join(folder, "whole"), {
    schema: tableSchema,
    primaryKey: ["id"],
    rows: rowsOf(...Array.from({ length: 100 }, (_, i) => i)),
  });
  await lanceUpsert(lance.table, rowsOf(1, 2, 200));
  await lanceUpsert(lance.table, rowsOf(2, 3));
  await lance.table.closeLsmWriters();
  const second = await lance.open();
  await lanceUpsert(second, rowsOf(3, 300));
  await second.closeLsmWriters();
  const shard = shardDirectory(lance.directory, UNSHARDED_SHARD_ID);
  const store = new LocalStore(shard);
  const manifests = new ManifestStore(store, UNSHARDED_SHARD_ID);
  const manifest = await manifests.load();
  if (manifest === undefined) throw new Error("no manifest");
  const rows = [
    ...rowsOf(1, 400, 401).map((values) => ({ values })),
    ...[2, 5, 200].map((id) => ({ deleted: BigInt(id) })),
  ];
  const table = await writeSsTable({
    lancedb: await loadLanceDb(),
    shardDirectory: shard,
    generation: manifest.currentGeneration,
    schema,
    primaryKey: ["id"],
    batches: () => [storageBatch(schema, ["id"], rows)],
    rows: rows.length,
    vectorIndexes: [],
    inMemoryBytes: 1000,
  });
  const published = await publishSsTable(manifests, manifest.writerEpoch, { table, replayAfter: manifest.replayAfter });
  paths.push(...published.ssTables.map(({ path }) => path));
  await store.close();
  const third = await lance.open();
  await lanceUpsert(third, rowsOf(6));
  await lanceUpsert(third, rowsOf(7));
  // Copied before its memtable is flushed.
  cpSync(lance.directory, join(folder, "copy.lance"), { recursive: true });
  await lance.close();
});

let copies = 0;

/** What is found in a copy of the table after something was done to it. */
async function findings(damage: (shard: string, table: string) => void | Promise<void> = () => {}): Promise<Finding[]> {
  const directory = join(folder, `db${++copies}`, "table.lance");
  cpSync(join(folder, "copy.lance"), directory, { recursive: true });
  const shard = shardDirectory(directory, UNSHARDED_SHARD_ID);
  await damage(shard, directory);
  const found: Finding[] = [];
  const options = { lancedb: await loadLanceDb(), tableDirectory: directory, shardIds: [UNSHARDED_SHARD_ID] };
  for await (const finding of verifyTable({ ...options, schema, primaryKey: ["id"] })) found.push(finding);
  return found;
}

const shown = (found: readonly Finding[]) =>
  found.map(({ severity, file, problem }) => `${severity} ${file}: ${problem}`);
const one = (text: RegExp) => [expect.stringMatching(text)];

describe("verification", () => {
  it("finds nothing in a table that is whole", async () => {
    expect(shown(await findings())).toEqual([]);
  });

  it("finds a manifest that is missing or damaged, and a hint that leads nowhere", async () => {
    const missing = await findings((shard) => rmSync(join(shard, manifestKey(3))));
    expect(shown(missing)).toEqual(one(/^error .*: version 3 is missing, between 2 and this one/));
    const torn = await findings((shard) => writeFileSync(join(shard, manifestKey(2)), "x"));
    expect(shown(torn)[0]).toMatch(/^error .*0100000.*binpb: .*is no shard manifest/);
    const hint = await findings((shard) => rmSync(join(shard, VERSION_HINT_KEY)));
    expect(shown(hint)).toEqual(one(/^warning .*version_hint.json: it is missing/));
    const wrong = await findings((shard) => writeFileSync(join(shard, VERSION_HINT_KEY), '{"version":900}'));
    expect(shown(wrong)).toEqual(one(/^warning .*it leads to version 900; the newest is/));
  });

  it("finds entries that are torn or missing", async () => {
    const newest = (shard: string): number => {
      let position = 0;
      while (existsSync(join(shard, walKey(position + 1)))) position++;
      return position;
    };
    const torn = await findings((shard) => truncateSync(join(shard, walKey(newest(shard))), 500));
    expect(shown(torn)).toEqual(one(/^error .*wal\/.*arrow: /));
    const missing = await findings((shard) => rmSync(join(shard, walKey(newest(shard) - 1))));
    expect(shown(missing)).toEqual(one(/^error .*: entry \d+ is missing/));
  });

  it("finds an SSTable that is missing, and a directory that nothing refers to", async () => {
    const missing = await findings((shard) => renameSync(join(shard, paths[1] ?? ""), join(shard, "0badc0de_gen_2")));
    expect(shown(missing)).toEqual([
      expect.stringMatching(/^error .*_gen_2: it is listed and cannot be opened/),
      expect.stringMatching(/^warning .*0badc0de_gen_2: it is not listed in the manifest/),
    ]);
  });

  it("finds sidecars that do not agree with the rows", async () => {
    const [first = "", second = "", ours = ""] = paths;
    const index = await findings((shard) =>
      cpSync(join(shard, second, "_pk_index"), join(shard, ours, "_pk_index"), { recursive: true }),
    );
    expect(shown(index)).toEqual(one(/^error .*_pk_index\/page_data.lance: /));
    const filter = await findings((shard) => {
      const path = join(shard, ours, "pennon_filter.bin");
      const bytes = readFileSync(path);
      bytes[40] = (bytes[40] ?? 0) ^ 1;
      writeFileSync(path, bytes);
    });
    expect(shown(filter)).toEqual(one(/^error .*pennon_filter.bin: .*checksum is wrong/));
    const lance = await findings((shard) =>
      cpSync(join(shard, first, "bloom_filter.bin"), join(shard, ours, "bloom_filter.bin")),
    );
    expect(shown(lance)).toEqual(one(/^warning .*bloom_filter.bin: it does not know all keys/));
  });

  it("finds rows that LanceDB returns twice", async () => {
    // Without the sidecar of a key, LanceDB sees the row of the base table too.
    const found = await findings(async (_, table) => {
      const connection = await (await loadLanceDb()).connect(join(table, ".."));
      const base = await connection.openTable("table");
      await base.add(rowsOf(50, 51));
      connection.close();
    });
    expect(shown(found)).toEqual([
      expect.stringMatching(/^error : 2 keys have more than one row in the base table/),
      expect.stringMatching(/^error : LanceDB returns 2 rows whose key it has returned before/),
    ]);
  });

  it("finds data that cannot be read", async () => {
    const [, , ours = ""] = paths;
    const found = await findings((shard) => {
      const data = join(shard, ours, "data");
      for (const file of readdirSync(data)) truncateSync(join(data, file), 10);
    });
    expect(shown(found)).toEqual(one(/^error .*: its rows cannot be read|cannot be opened/));
  });
});
