import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Field, Int64, Schema, Utf8 } from "apache-arrow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LanceTable, makeLanceTable } from "../../test/lancedb.js";
import { CorruptError } from "../errors.js";
import { LocalStore } from "../storage/local-store.js";
import { ObjectNotFoundError } from "../storage/object-store.js";
import { baseFiles } from "./base-files.js";
import { readNewestManifest } from "./base-manifest-file.js";
import { BaseSync } from "./base-sync.js";

const schema = new Schema([new Field("id", new Int64(), false), new Field("text", new Utf8(), true)]);
const row = (id: number) => ({ id: BigInt(id), text: "x" });

/** Tells what was synced, in order. */
class WatchedStore extends LocalStore {
  readonly synced: string[] = [];

  override async sync(keys: readonly string[]): Promise<void> {
    await super.sync(keys);
    this.synced.push(...keys);
  }

  take(): string[] {
    return this.synced.splice(0);
  }
}

let directory: string;
let lance: LanceTable;
let store: WatchedStore;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "pennon-sync-"));
  lance = await makeLanceTable(directory, { schema, primaryKey: ["id"], rows: [1, 2, 3, 4].map(row) });
  store = new WatchedStore(lance.directory);
});

afterEach(async () => {
  await store.close();
  await lance.close();
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
});

/** All files of the table but the hint at the newest version, which is only a hint. */
function filesOf(): string[] {
  const entries = readdirSync(lance.directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files
    .map((path) => path.slice(lance.directory.length + 1))
    .filter((path) => !path.endsWith(".json"))
    .sort();
}

const merge = (ids: number[]) =>
  lance.table.mergeInsert("id").whenMatchedUpdateAll().whenNotMatchedInsertAll().useLsm(false).execute(ids.map(row));

describe("a version is made durable", () => {
  it("with every file that LanceDB has written for it, whatever it has done", async () => {
    const sync = new BaseSync(store);
    const steps: Record<string, () => Promise<unknown>> = {
      "made the table": async () => {},
      merged: () => merge([2, 7]),
      deleted: () => lance.table.delete("id IN (1, 7)"),
      "deleted more": () => lance.table.delete("id = 3"),
      indexed: () => lance.table.createIndex("id"),
      added: () => lance.table.add([row(9)]),
      "merged by the index": () => merge([4, 11]),
      optimized: () => lance.table.optimize(),
      "added a column": () => lance.table.addColumns([{ name: "more", valueSql: "1" }]),
      "set metadata": () => lance.table.updateFieldMetadata([{ path: "text", metadata: { note: "x" } }]),
    };
    const known = new Set<string>();
    for (const [name, step] of Object.entries(steps)) {
      await step();
      const { files, bytes } = await sync.sync(await readNewestManifest(store));
      const synced = store.take();
      const fresh = filesOf().filter((file) => !known.has(file));
      const { files: named, directories } = baseFiles(await readNewestManifest(store));
      const isNeeded = (file: string) =>
        named.includes(file) || directories.some((below) => file.startsWith(below)) || /^_(?:vers|trans)/.test(file);
      // Optimizing makes several versions: what only one in between names is needed by nobody any more.
      expect([...synced].sort(), name).toEqual(name === "optimized" ? fresh.filter(isNeeded) : fresh);
      expect(files).toBe(synced.length);
      expect(bytes).toBeGreaterThan(100);
      const manifests = synced.findIndex((file) => file.startsWith("_versions/"));
      expect(
        synced.slice(manifests).every((file) => file.startsWith("_versions/")),
        name,
      ).toBe(true);
      for (const file of fresh) known.add(file);
    }
    expect(await sync.sync(await readNewestManifest(store))).toEqual({ files: 0, bytes: 0 });
  });

  it("and files that no version names are left alone: they may not be complete yet", async () => {
    writeFileSync(join(lance.directory, "data", "0101.lance"), "half a f");
    await new BaseSync(store).sync(await readNewestManifest(store));
    expect(store.take()).not.toContain("data/0101.lance");
  });

  it("unless it is gone; old versions may be", async () => {
    const old = await readNewestManifest(store);
    await merge([1, 2]);
    await lance.table.optimize({ cleanupOlderThan: new Date(), deleteUnverified: true });
    await expect(new BaseSync(store).sync(old)).rejects.toThrow(ObjectNotFoundError);
    const sync = new BaseSync(store);
    await sync.sync(await readNewestManifest(store));
    await merge([1, 2]);
    await lance.table.optimize({ cleanupOlderThan: new Date(), deleteUnverified: true });
    await sync.sync(await readNewestManifest(store));
  });

  it("also without the file of its transaction, which a loss of power may take", async () => {
    await merge([1, 2]);
    const newest = await readNewestManifest(store);
    const lost = baseFiles(newest).files.filter((file) => file.startsWith("_transactions/"));
    expect(lost).toHaveLength(1);
    for (const file of lost) rmSync(join(lance.directory, file));
    await new BaseSync(store).sync(newest);
    const synced = store.take();
    expect(synced).toEqual(expect.arrayContaining([newest.key]));
    expect(synced).not.toEqual(expect.arrayContaining(lost));
  });

  it("only if its manifest names its files in a way that is known", async () => {
    const manifest = await readNewestManifest(store);
    // A fragment with an external file of row ids.
    expect(() => baseFiles({ ...manifest, manifest: Buffer.from("12023200", "hex") })).toThrow(CorruptError);
    // One with a data file and a deletion file of another table, of which this one is a clone.
    const cloned = Buffer.from("120b12050a017838011a023801", "hex");
    expect(baseFiles({ ...manifest, manifest: cloned, indexSection: undefined }).files).toEqual([manifest.key]);
  });
});
