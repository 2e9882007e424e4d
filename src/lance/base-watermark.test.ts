/** Merge watermarks of ours in manifests of LanceDB 0.39, and what LanceDB makes of them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Table } from "@lancedb/lancedb";
import { Field, Int64, Schema, Utf8 } from "apache-arrow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LanceTable, lanceRows, lanceUpsert, makeLanceTable } from "../../test/lancedb.js";
import { ConflictError, StorageError } from "../errors.js";
import { LocalStore } from "../storage/local-store.js";
import { MemoryStore } from "../storage/memory-store.js";
import { ObjectExistsError, type ObjectStore } from "../storage/object-store.js";
import { withCompacted } from "./base-manifest-edit.js";
import { baseManifestKey, type ManifestFile, readNewestManifest } from "./base-manifest-file.js";
import { writeFence, writeMergeWatermark } from "./base-watermark.js";
import { memWalIndexOf, readMemWalIndex } from "./mem-wal-index.js";
import { bucketShardId, UNSHARDED_SHARD_ID } from "./shard-id.js";
import { readMessage } from "./wire-message.js";

const schema = new Schema([new Field("id", new Int64(), false), new Field("text", new Utf8(), true)]);
const OTHER_SHARD = bucketShardId(7);
/** A field of each wire type but numbers, that nobody knows. */
const UNKNOWN = Buffer.from("d23e0461626364" + "da3e00", "hex");

let directory: string;
let lance: LanceTable;
let store: LocalStore;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "pennon-watermark-"));
  lance = await makeLanceTable(directory, { schema, primaryKey: ["id"], rows: [row(1, "base"), row(2, "base")] });
  store = new LocalStore(lance.directory);
});

afterEach(async () => {
  await store.close();
  await lance.close();
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
});

const row = (id: number, text: string) => ({ id: BigInt(id), text });
const mark = (generation: number, shardId = UNSHARDED_SHARD_ID, in_: ObjectStore = store) =>
  writeMergeWatermark(in_, { shardId, generation, makeDurable: async () => {} });

async function texts(table: Table): Promise<string> {
  const found = (await lanceRows(table)).map(({ id, text }) => `${id}=${text}`);
  return found.sort().join(" ");
}

async function compacted(): Promise<Record<string, number>> {
  const index = await readMemWalIndex(lance.directory);
  return Object.fromEntries(index?.compacted.map(({ shardId, generation }) => [shardId, generation]) ?? []);
}

/** An SSTable of LanceDB's own. */
async function ssTable(...rows: object[]): Promise<void> {
  const writer = await lance.open();
  await lanceUpsert(
    writer,
    rows.map((values) => ({ ...values })),
  );
  await writer.closeLsmWriters();
}

const mergeInto = (table: Table, rows: Record<string, unknown>[]) =>
  table.mergeInsert("id").whenMatchedUpdateAll().whenNotMatchedInsertAll().useLsm(false).execute(rows);

describe("a merge watermark", () => {
  it("makes readers of its version pass over SSTables, and nobody else", async () => {
    await ssTable(row(2, "table"), row(3, "table"));
    const pinned = await lance.open();
    expect(await texts(pinned)).toBe("1=base 2=table 3=table");
    await mergeInto(await lance.open(), [row(2, "table"), row(3, "table")]);
    const merged = await lance.open();
    expect(await texts(merged)).toBe("1=base 2=table 3=table");
    expect(await mark(1)).toEqual({ written: true, version: (await merged.version()) + 1 });
    // Only who passes over the SSTable sees what was written into the base table since.
    const fresh = await lance.open();
    await fresh.update({ where: "id = 2", values: { text: "later" } });
    expect(await texts(fresh)).toBe("1=base 2=later 3=table");
    expect(await texts(await lance.open())).toBe("1=base 2=later 3=table");
    expect(await texts(merged)).toBe("1=base 2=table 3=table");
    expect(await texts(pinned)).toBe("1=base 2=table 3=table");
    await pinned.checkoutLatest();
    expect(await texts(pinned)).toBe("1=base 2=later 3=table");
  });

  it("stays through whatever LanceDB does next, also by handles that were opened before", async () => {
    const work: Record<string, (table: Table) => Promise<unknown>> = {
      add: (table) => table.add([row(50, "x")]),
      update: (table) => table.update({ where: "id = 1", values: { text: "x" } }),
      delete: (table) => table.delete("id = 1"),
      merge: (table) => mergeInto(table, [row(1, "y"), row(60, "y")]),
      index: (table) => table.createIndex("id"),
      optimize: (table) => table.optimize(),
      cleanup: (table) => table.optimize({ cleanupOlderThan: new Date(), deleteUnverified: true }),
      columns: async (table) => table.addColumns([{ name: `more${await table.version()}`, valueSql: "1" }]),
      spec: (table) => table.updateFieldMetadata([{ path: "text", metadata: { note: "x" } }]),
    };
    let generation = 0;
    for (const [name, action] of Object.entries(work)) {
      for (const when of ["before", "after"]) {
        const stale = await lance.open();
        await stale.countRows();
        generation++;
        const { version } = await mark(generation);
        const handle = when === "before" ? stale : await lance.open();
        await action(handle).catch((error: unknown) => {
          // A second index of the name is refused whoever asks.
          if (!/already exists/.test(String(error))) throw error;
        });
        expect(await compacted(), `${name}, opened ${when}`).toEqual({ [UNSHARDED_SHARD_ID]: generation });
        const opened = await lance.open();
        expect(await opened.version(), name).toBeGreaterThanOrEqual(version);
        await opened.countRows();
      }
    }
  });

  it("is of its shard alone, and never taken back", async () => {
    expect(await mark(4, OTHER_SHARD)).toMatchObject({ written: true });
    expect(await mark(2)).toMatchObject({ written: true });
    expect(await mark(5)).toMatchObject({ written: true });
    const { version } = await readNewestManifest(store);
    for (const generation of [1, 5]) {
      expect(await mark(generation)).toEqual({
        written: false,
        version,
        reason: "the table has a watermark of 5 already",
      });
    }
    expect(await compacted()).toEqual({ [OTHER_SHARD]: 4, [UNSHARDED_SHARD_ID]: 5 });
    expect((await readNewestManifest(store)).version).toBe(version);
    expect(await (await lance.open()).version()).toBe(version);
  });

  it("is written while others commit", async () => {
    const table = await lance.open();
    let adding = true;
    const adds = (async () => {
      let count = 0;
      for (; adding; count++) await table.add([row(100 + count, "added")]);
      return count;
    })();
    for (let generation = 1; generation <= 10; generation++) {
      expect(await mark(generation)).toMatchObject({ written: true });
    }
    adding = false;
    const added = await adds;
    expect(await (await lance.open()).countRows()).toBe(2 + added);
    expect(await compacted()).toEqual({ [UNSHARDED_SHARD_ID]: 10 });
    const versions = readdirSync(join(lance.directory, "_versions")).filter((name) => name.endsWith(".manifest"));
    expect(versions.length).toBe((await readNewestManifest(store)).version);
  });

  it("comes after what makes the version durable, and each version is made durable anew", async () => {
    const seen: number[] = [];
    const before = (await readNewestManifest(store)).version;
    const outcome = await writeMergeWatermark(store, {
      shardId: UNSHARDED_SHARD_ID,
      generation: 1,
      makeDurable: async ({ version }) => {
        seen.push(version);
        expect((await readNewestManifest(store)).version).toBe(version);
        // Somebody else is faster, twice.
        if (seen.length <= 2) await lance.table.add([row(70 + seen.length, "x")]);
      },
    });
    expect(seen).toEqual([before, before + 1, before + 2]);
    expect(outcome).toEqual({ written: true, version: before + 3 });
    await expect(
      writeMergeWatermark(store, {
        shardId: UNSHARDED_SHARD_ID,
        generation: 2,
        makeDurable: () => Promise.reject(new StorageError("no disk")),
      }),
    ).rejects.toThrow("no disk");
    expect(await compacted()).toEqual({ [UNSHARDED_SHARD_ID]: 1 });
  });

  it("gives up when others are always faster", async () => {
    const copy = new MemoryStore();
    const { key, name } = await readNewestManifest(store);
    await copy.putIfAbsent(key, [readFileSync(name)]);
    let refused = 0;
    const busy = copy.view({
      step: ({ op, key, phase }) => {
        if (op !== "putIfAbsent" || phase !== "request" || !key.startsWith("_versions/")) return;
        refused++;
        throw new ObjectExistsError("taken");
      },
    });
    await expect(mark(1, UNSHARDED_SHARD_ID, busy)).rejects.toThrow(ConflictError);
    expect(refused).toBe(200);
    for await (const left of copy.list("_transactions/")) expect(left).toBeUndefined();
  });
});

describe("a fence", () => {
  it("stops every commit that was begun before it, until the handle is refreshed", async () => {
    await mark(3);
    const work: Record<string, (table: Table) => Promise<unknown>> = {
      add: (table) => table.add([row(50, "x")]),
      update: (table) => table.update({ where: "id = 1", values: { text: "x" } }),
      delete: (table) => table.delete("id = 1"),
      merge: (table) => mergeInto(table, [row(1, "y"), row(60, "y")]),
    };
    for (const [name, action] of Object.entries(work)) {
      const stale = await lance.open();
      await stale.countRows();
      const outcome = await writeFence(store, { makeDurable: async () => {} });
      expect(outcome).toMatchObject({ written: true });
      await expect(action(stale), name).rejects.toThrow(/Incompatible transaction.*Restore/);
      expect(await (await lance.open()).version()).toBe(outcome.version);
      await stale.checkoutLatest();
      await action(stale);
    }
    expect(await texts(await lance.open())).toBe("1=y 2=base 50=x 60=y");
    expect(await compacted()).toEqual({ [UNSHARDED_SHARD_ID]: 3 });
  });
});

describe("the new manifest", () => {
  const newest = () => readNewestManifest(store);
  const transaction = { uuid: "7c1b6c4a-0000-4000-8000-000000000000", timestampMs: 1_700_000_000_123 };
  const edit = (manifest: ManifestFile, generation = 1) =>
    withCompacted(manifest, { shardId: UNSHARDED_SHARD_ID, generation }, transaction);

  /** Fields by number, as they are. */
  function fieldsOf(message: Uint8Array): Map<number, string[]> {
    const fields = new Map<number, string[]>();
    readMessage(message, (number, field) => {
      const value = field.isNumber ? String(field.bigUint64()) : Buffer.from(field.bytes()).toString("hex");
      fields.set(number, [...(fields.get(number) ?? []), value]);
      return true;
    });
    return fields;
  }

  it("has every field of the old one but those that are of a version", async () => {
    await lance.table.createIndex("id");
    await mergeInto(lance.table, [row(1, "z")]);
    const old = await newest();
    expect(await mark(3)).toMatchObject({ written: true });
    const next = await newest();
    expect(next.version).toBe(old.version + 1);
    const [before, after] = [fieldsOf(old.manifest), fieldsOf(next.manifest)];
    for (const changed of [3, 6, 7, 12, 21]) {
      expect(before.delete(changed)).toBe(true);
      expect(after.delete(changed)).toBe(true);
    }
    expect(after).toEqual(before);
    const [plain, edited] = [
      fieldsOf(old.indexSection ?? Buffer.alloc(0)),
      fieldsOf(next.indexSection ?? Buffer.alloc(0)),
    ];
    expect(edited.get(1)?.length).toBe(2);
    expect(edited.get(1)?.filter((index) => plain.get(1)?.includes(index)).length).toBe(1);
    const details = await memWalIndexOf(store);
    expect(details?.numShards).toBe(1);
    expect(details?.writerConfigDefaults.get("max_wal_flush_interval_ms")).toBe("1");
    const file = readFileSync(join(lance.directory, baseManifestKey(next.version)));
    expect(file.subarray(-8).toString("hex")).toBe("000002004c414e43");
  });

  it("keeps what nobody knows, at every level", async () => {
    const manifest = await newest();
    const inAll = (message: Uint8Array, depth: number): Uint8Array => {
      const writer = new BinaryWriter();
      const rest = readMessage(message, (number, field) => {
        if (depth === 0 || number !== [1, 6, 2][3 - depth] || field.isNumber) return false;
        writer.tag(number, WireType.LengthDelimited).bytes(inAll(field.bytes(), depth - 1));
        return true;
      });
      return writer.raw(rest).raw(UNKNOWN).finish();
    };
    const strange = {
      ...manifest,
      manifest: Buffer.concat([manifest.manifest, UNKNOWN]),
      indexSection: inAll(manifest.indexSection ?? Buffer.alloc(0), 3),
    };
    const edited = edit(strange);
    if (!("file" in edited)) throw new Error("refused");
    const count = Buffer.from(edited.file).toString("hex").split(UNKNOWN.toString("hex")).length - 1;
    expect(count).toBe(5);
    const copy = new MemoryStore();
    await copy.putIfAbsent(baseManifestKey(manifest.version + 1), [edited.file]);
    expect((await memWalIndexOf(copy))?.compacted).toEqual([{ shardId: UNSHARDED_SHARD_ID, generation: 1 }]);
  });

  it("is not made of one whose form is not known", async () => {
    const manifest = await newest();
    const plus = (write: (writer: BinaryWriter) => BinaryWriter) => {
      return { ...manifest, manifest: Buffer.concat([manifest.manifest, write(new BinaryWriter()).finish()]) };
    };
    expect(edit({ ...manifest, scheme: 1 })).toEqual({ refused: "its versions are named by scheme 1; expected 2" });
    expect(edit({ ...manifest, format: "0.3" })).toEqual({ refused: "its format is 0.3; expected 0.2" });
    expect(edit({ ...manifest, indexSection: undefined })).toEqual({ refused: "the table has no LSM write spec" });
    expect(edit({ ...manifest, indexSection: Buffer.alloc(0) })).toEqual({
      refused: "the table has no LSM write spec",
    });
    const flags = (number: number, value: number | bigint) =>
      edit(plus((writer) => writer.tag(number, WireType.Varint).uint64(value)));
    expect(flags(9, 64)).toEqual({ refused: "its feature flags are 64" });
    expect(flags(10, 1 + 32)).toEqual({ refused: "its feature flags are 33" });
    expect(flags(9, 2n ** 40n)).toEqual({ refused: `its feature flags are ${2 ** 40}` });
    expect(flags(10, 1 | 2 | 8)).toHaveProperty("file");
    expect(edit(plus((writer) => writer.tag(4, WireType.Varint).uint64(9)))).toEqual({
      refused: "its field 4 is a number of unknown meaning",
    });
    expect(edit(plus((writer) => writer.tag(22, WireType.Bit64).fixed64(9)))).toEqual({
      refused: "its field 22 is a number of unknown meaning",
    });
    expect(edit(plus((writer) => writer.tag(20, WireType.LengthDelimited).string("side")))).toEqual({
      refused: "it is of a branch",
    });
    const outcome = await writeMergeWatermark(await without(manifest), {
      shardId: UNSHARDED_SHARD_ID,
      generation: 1,
      makeDurable: async () => {},
    });
    expect(outcome).toMatchObject({ written: false, reason: expect.stringContaining("scheme 1") });
  });

  /** A table with this manifest under a name of scheme 1. */
  async function without(manifest: ManifestFile): Promise<MemoryStore> {
    const copy = new MemoryStore();
    await copy.putIfAbsent(`_versions/${manifest.version}.manifest`, [readFileSync(manifest.name)]);
    return copy;
  }
});
