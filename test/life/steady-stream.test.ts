/** One-row puts for many rounds of maintenance, with time compressed: what is on the disk stays bounded, and nothing goes wrong unseen. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type Dirent, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { shardDirectory } from "../../src/lance/names.js";
import { UNSHARDED_SHARD_ID } from "../../src/lance/shard-id.js";
import { listSsTableDirectories } from "../../src/lance/ss-table-files.js";
import { lanceDatabase, lanceRows } from "../lancedb.js";
import { openLife } from "./life-script.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pennon-stream-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

/** A minute of the defaults is about 30 ms here. */
const COMPRESSED = {
  compactSsTables: 4,
  compactAgeMs: 150,
  retentionMs: 100,
  logRetentionMs: 0,
  collectIntervalMs: 30,
  optimizeIntervalMs: 300,
  optimizeMerges: 8,
  versionRetentionMs: 100,
};
const PUTS = 1_500;
const MERGES = 10;
const KEYS = 500;

/** Paths of all files, while others come and go. */
function filesBelow(directory: string): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch {
    return []; // removed meanwhile
  }
  return entries.flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

it("keeps files, versions and SSTables few, however many rows are put one by one", { timeout: 240_000 }, async () => {
  const errors: unknown[] = [];
  const onError = (message: unknown) => errors.push(message);
  const channels = ["pennon:maintenance-error", "pennon:error"];
  for (const name of channels) subscribe(name, onError);
  const table = await openLife(join(folder, "life"), { maintenance: COMPRESSED, memtableAgeMs: 30 });
  const shard = shardDirectory(table.directory, UNSHARDED_SHARD_ID);
  const most = { files: 0, versions: 0, ssTables: 0, entries: 0 };
  let puts = 0;
  const rows = new Map<number, string>();
  while (puts < PUTS || table.stats().maintenance.tasks.compact.done < MERGES) {
    const id = (puts * 7) % KEYS;
    rows.set(id, `put ${puts}`);
    await table.put({ id: BigInt(id), text: `put ${puts++}` }, { durability: "os" });
    if (puts % 50 > 0) continue;
    const all = filesBelow(table.directory);
    // Manifests of the shard stay for hours, a thousand of them: that cannot be compressed.
    most.files = Math.max(most.files, all.filter((path) => !path.includes("/manifest/")).length);
    most.versions = Math.max(
      most.versions,
      all.filter((path) => path.startsWith(`${table.directory}/_versions/`)).length,
    );
    most.entries = Math.max(most.entries, all.filter((path) => path.startsWith(`${shard}/wal/`)).length);
    most.ssTables = Math.max(most.ssTables, (await listSsTableDirectories(shard)).length);
  }
  const { tasks } = table.stats().maintenance;
  console.log(JSON.stringify({ puts, ...most, tasks }));
  expect(errors).toEqual([]);
  const found = new Map<number, string>();
  for await (const batch of table.scan()) for (const { id, text } of batch) found.set(Number(id), String(text));
  expect(found).toEqual(rows);
  await table.compact();
  const connection = await lanceDatabase(folder);
  const base = await connection.openTable("life");
  const read = (await lanceRows(base)).map(({ id, text }): [number, string] => [Number(id), String(text)]);
  base.close();
  connection.close();
  expect(new Map(read.sort())).toEqual(new Map([...rows].sort()));
  await table.close();
  for (const name of channels) unsubscribe(name, onError);
  expect(errors).toEqual([]);
  expect(most.ssTables).toBeLessThan(40);
  expect(most.versions).toBeLessThan(120);
  expect(most.files).toBeLessThan(PUTS / 2);
});
