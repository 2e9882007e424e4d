/** Claims by LanceDB 0.39 and by us on the same shards, and the manifests of both. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bool, Field, Int64, Schema, Table, tableToIPC, Utf8, vectorFromArray } from "apache-arrow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LanceTable, lanceRows, lanceShards, lanceUpsert, makeLanceTable } from "../../test/lancedb.js";
import { ConflictError } from "../errors.js";
import { LocalStore } from "../storage/local-store.js";
import { type Claim, claimShard } from "./claim.js";
import { EpochWatch } from "./epoch-watch.js";
import { ManifestStore } from "./manifest-store.js";
import { manifestKey, parseManifestKey, parseWalKey, shardDirectory, VERSION_HINT_KEY, walKey } from "./names.js";
import { parseUuid, UNSHARDED_SHARD_ID } from "./shard-id.js";
import { decodeShardManifest, encodeShardManifest, type ShardManifest } from "./shard-manifest.js";
import { encodeSentinel } from "./wal-entry.js";

const schema = new Schema([new Field("id", new Int64(), false), new Field("text", new Utf8(), true)]);
const KEY = new Map([["lance-schema:unenforced-primary-key:position", "1"]]);
const stored = [
  new Field("id", new Int64(), false, KEY),
  new Field("text", new Utf8(), true),
  new Field("_tombstone", new Bool(), false),
];
/** A field of each wire type that nobody knows. */
const UNKNOWN = Buffer.from("c03e07" + "c93e0102030405060708" + "d23e0461626364" + "dd3e01020304", "hex");

let directory: string;
let lance: LanceTable;
let shard: string;
let store: LocalStore;
let manifests: ManifestStore;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "pennon-claim-"));
  lance = await makeLanceTable(directory, { schema, primaryKey: ["id"] });
  shard = shardDirectory(lance.directory, UNSHARDED_SHARD_ID);
  store = new LocalStore(shard);
  manifests = new ManifestStore(store, UNSHARDED_SHARD_ID);
});

afterEach(async () => {
  await store.close();
  await lance.close();
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
});

const row = (id: number, text: string) => [{ id: BigInt(id), text }];

async function ids(table: LanceTable["table"]): Promise<number[]> {
  return (await lanceRows(table)).map(({ id }) => Number(id)).sort((a, b) => a - b);
}

/** Appends as a writer of ours does: entry, durable, look. */
async function append(claim: Claim, position: number, id: number, text: string): Promise<void> {
  const batch = new Table(new Schema(stored, new Map([["writer_epoch", String(claim.epoch)]])), {
    id: vectorFromArray([BigInt(id)], new Int64()),
    text: vectorFromArray([text], new Utf8()),
    _tombstone: vectorFromArray([false], new Bool()),
  });
  await store.putIfAbsent(walKey(position), [tableToIPC(batch, "stream")]);
}

function positions(): number[] {
  const found = readdirSync(join(shard, "wal")).map((name) => parseWalKey(`wal/${name}`) ?? 0);
  return found.filter((position) => position > 0).sort((a, b) => a - b);
}

describe("manifests of LanceDB", () => {
  it("are read, and written again byte for byte", async () => {
    for (let round = 1; round <= 3; round++) {
      await lanceUpsert(lance.table, row(round, "a"));
      await lance.table.closeLsmWriters();
    }
    const versions = new Map<number, ShardManifest>();
    for (const name of readdirSync(join(shard, "manifest"))) {
      const version = parseManifestKey(`manifest/${name}`);
      if (version === undefined) continue;
      const bytes = readFileSync(join(shard, "manifest", name));
      const manifest = decodeShardManifest(bytes, name);
      expect(manifest.version).toBe(version);
      expect(Buffer.from(encodeShardManifest(manifest))).toEqual(bytes);
      versions.set(version, manifest);
    }
    const newest = await manifests.load();
    expect(newest).toEqual(versions.get(versions.size));
    expect(newest).toMatchObject({ writerEpoch: 3, currentGeneration: 4, shardSpecId: 1, status: "active" });
    expect(newest?.shardId).toEqual(parseUuid(UNSHARDED_SHARD_ID));
    expect(newest?.ssTables.map(({ generation, physicalRows }) => [generation, physicalRows])).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
    for (const { path } of newest?.ssTables ?? []) expect(readdirSync(join(shard, path))).toContain("bloom_filter.bin");
    expect(newest?.replayAfter).toBe(positions().at(-1));
    expect(lanceShards(lance.directory)).toEqual([UNSHARDED_SHARD_ID]);
    expect(JSON.parse(readFileSync(join(shard, VERSION_HINT_KEY), "utf8"))).toEqual({ version: versions.size });
  });

  it("may be followed by one of ours with fields it does not know: its next writer goes on from there", async () => {
    await lanceUpsert(lance.table, row(1, "a"));
    await lance.table.closeLsmWriters();
    await manifests.commit((current) => {
      if (current === undefined) throw new Error("no manifest");
      return {
        ...current,
        unknown: UNKNOWN,
        shardIdUnknown: UNKNOWN,
        ssTables: current.ssTables.map((table) => ({ ...table, unknown: UNKNOWN })),
      };
    });
    const other = await lance.open();
    expect(await ids(other)).toEqual([1]);
    await lanceUpsert(other, row(2, "b"));
    expect(await ids(other)).toEqual([1, 2]);
    await other.closeLsmWriters();
    expect((await manifests.refresh())?.ssTables.map(({ generation }) => generation)).toEqual([1, 2]);
  });

  it.each(["", "{", '{"version":1}', '{"version":900}'])("are found whatever the hint says: %j", async (hint) => {
    for (let round = 1; round <= 3; round++) {
      await lanceUpsert(lance.table, row(round, "a"));
      await lance.table.closeLsmWriters();
      await store.put(VERSION_HINT_KEY, [Buffer.from(hint)]);
    }
    expect((await manifests.load())?.writerEpoch).toBe(3);
    expect((await claimShard(manifests, store)).epoch).toBe(4);
    await store.put(VERSION_HINT_KEY, [Buffer.from(hint)]);
    await lanceUpsert(lance.table, row(4, "a"));
    expect(await ids(lance.table)).toEqual([1, 2, 3, 4]);
    expect((await manifests.load())?.writerEpoch).toBe(5);
  });
});

describe("claims in turn", () => {
  it("fence each other, and lose nothing that was acknowledged", async () => {
    let expected: number[] = [];
    let table = lance.table;
    for (let round = 0; round < 3; round++) {
      const id = round * 10;
      await lanceUpsert(table, row(id + 1, "theirs"));
      const epochOfTheirs = (await manifests.refresh())?.writerEpoch ?? 0;

      const claim = await claimShard(manifests, store);
      const watch = new EpochWatch(manifests, claim);
      expect(claim.epoch).toBe(epochOfTheirs + 1);
      expect(positions().at(-1)).toBe(claim.nextPosition - 1);
      expect(readFileSync(join(shard, walKey(claim.nextPosition - 1)))).toEqual(
        Buffer.from(encodeSentinel(claim.epoch)),
      );

      // The old writer is of LanceDB: it appends no more.
      await expect(lanceUpsert(table, row(id + 2, "fenced"))).rejects.toThrow(/fenc/i);
      expect(positions().at(-1)).toBe(claim.nextPosition - 1);

      // Ours is the live one.
      await append(claim, claim.nextPosition, id + 3, "ours");
      await watch.check();

      // The next one is of LanceDB again: it replays ours, and ours learns of it.
      table = await lance.open();
      await lanceUpsert(table, row(id + 4, "theirs"));
      await expect(watch.check()).rejects.toThrow(ConflictError);
      expected = [...expected, id + 1, id + 3, id + 4];
      expect(await ids(table)).toEqual(expected);
    }
    await table.closeLsmWriters();
    expect(await ids(await lance.open())).toEqual(expected);
  });

  it("stand in the way of an entry that comes too late, on both sides", async () => {
    const claim = await claimShard(manifests, store);
    expect([claim.epoch, claim.nextPosition]).toEqual([1, 1]);
    await append(claim, 1, 1, "ours");
    await lanceUpsert(lance.table, row(2, "theirs"));
    // The sentinel of LanceDB has the position.
    await expect(append(claim, 2, 3, "late")).rejects.toThrow(ConflictError);
    expect(await ids(lance.table)).toEqual([1, 2]);
  });

  it("go behind what is covered, though its entries were removed", async () => {
    for (let id = 1; id <= 5; id++) await lanceUpsert(lance.table, row(id, "a"));
    await lance.table.closeLsmWriters();
    const covered = (await manifests.load())?.replayAfter ?? 0;
    for (const position of positions()) if (position < covered) await store.delete(walKey(position));
    const claim = await claimShard(manifests, store);
    expect(claim.nextPosition).toBe(covered + 2);
    await append(claim, claim.nextPosition, 6, "ours");
    await lanceUpsert(lance.table, row(7, "theirs"));
    expect(await ids(lance.table)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(positions()).toEqual([covered, covered + 1, covered + 2, covered + 3, covered + 4]);
  });

  it("leave a sentinel behind that a later writer of LanceDB steps over", async () => {
    await lanceUpsert(lance.table, row(1, "theirs"));
    const claim = await claimShard(manifests, store);
    await append(claim, claim.nextPosition, 2, "ours");
    // A claim of epoch 1 that was stopped before it wrote its sentinel, and goes on now.
    await store.putIfAbsent(walKey(claim.nextPosition + 1), [encodeSentinel(1)]);
    await append(claim, claim.nextPosition + 2, 3, "ours");
    const other = await lance.open();
    await lanceUpsert(other, row(4, "theirs"));
    expect(await ids(other)).toEqual([1, 2, 3, 4]);
  });

  it("are refused by both when the shard is sealed", async () => {
    await lanceUpsert(lance.table, row(1, "a"));
    await lance.table.closeLsmWriters();
    await manifests.load();
    await manifests.commit((current) => {
      if (current === undefined) throw new Error("no manifest");
      return { ...current, status: "sealed" };
    });
    await expect(claimShard(manifests, store)).rejects.toThrow(/sealed/);
    const other = await lance.open();
    await expect(lanceUpsert(other, row(2, "b"))).rejects.toThrow(/seal/i);
    expect(await ids(other)).toEqual([1]);
  });

  it("of a shard that LanceDB has never seen are followed by LanceDB", async () => {
    const claim = await claimShard(manifests, store);
    await append(claim, claim.nextPosition, 1, "ours");
    expect(readFileSync(join(shard, manifestKey(1))).toString("hex")).toBe(
      "08011001300150015a120a10aa48498dac9159e2845269f46010ace2",
    );
    await lanceUpsert(lance.table, row(2, "theirs"));
    expect(await ids(lance.table)).toEqual([1, 2]);
    expect((await manifests.refresh())?.writerEpoch).toBe(2);
  });
});
