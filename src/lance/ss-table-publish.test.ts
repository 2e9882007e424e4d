import { beforeEach, describe, expect, it } from "vitest";
import { ConflictError } from "../errors.js";
import { MemoryStore } from "../storage/memory-store.js";
import { claimShard } from "./claim.js";
import { ManifestStore } from "./manifest-store.js";
import { UNSHARDED_SHARD_ID } from "./shard-id.js";
import type { SsTable } from "./shard-manifest.js";
import { publishSsTable, unlistSsTables } from "./ss-table-publish.js";

const UNKNOWN = Uint8Array.from(Buffer.from("c03e07", "hex"));

const ssTable = (generation: number): SsTable => ({
  generation,
  path: `0123abcd_gen_${generation}`,
  inMemoryBytes: 1,
  physicalRows: 2,
  primaryKeyBytes: 3,
  unknown: UNKNOWN,
});

let store: MemoryStore;
let manifests: ManifestStore;
let epoch: number;

beforeEach(async () => {
  store = new MemoryStore();
  manifests = new ManifestStore(store, UNSHARDED_SHARD_ID);
  ({ epoch } = await claimShard(manifests, store));
});

describe("publishSsTable", () => {
  it("lists the SSTable and advances position and generation, in one version", async () => {
    await manifests.commit((current) => {
      if (current === undefined) throw new Error("no manifest");
      return { ...current, unknown: UNKNOWN };
    });
    const before = manifests.current;
    const published = await publishSsTable(manifests, epoch, { table: ssTable(1), replayAfter: 7, lastSeen: 9 });
    expect(published).toEqual({
      ...before,
      version: (before?.version ?? 0) + 1,
      replayAfter: 7,
      lastSeen: 9,
      currentGeneration: 2,
      ssTables: [ssTable(1)],
    });
    expect(await new ManifestStore(store, UNSHARDED_SHARD_ID).load()).toEqual(published);
    // Positions never go back, though an older one is given.
    const next = await publishSsTable(manifests, epoch, { table: ssTable(2), replayAfter: 5 });
    expect(next).toMatchObject({ replayAfter: 7, lastSeen: 9, currentGeneration: 3 });
    expect(next.ssTables).toEqual([ssTable(1), ssTable(2)]);
  });

  it("takes each generation once, in order; some may be left out", async () => {
    await publishSsTable(manifests, epoch, { table: ssTable(1), replayAfter: 1 });
    await expect(publishSsTable(manifests, epoch, { table: ssTable(1), replayAfter: 1 })).rejects.toThrow(
      /has generation 1; expected 2/,
    );
    await publishSsTable(manifests, epoch, { table: ssTable(4), replayAfter: 2 });
    await expect(publishSsTable(manifests, epoch, { table: ssTable(3), replayAfter: 3 })).rejects.toThrow(
      ConflictError,
    );
    const manifest = await manifests.refresh();
    expect(manifest?.ssTables.map(({ generation }) => generation)).toEqual([1, 4]);
    expect(manifest?.currentGeneration).toBe(5);
  });

  it("looks at the epoch again when somebody else was faster", async () => {
    const other = new ManifestStore(store, UNSHARDED_SHARD_ID);
    await claimShard(other, store);
    // This one still knows the manifest of its own claim, so its first try loses the race.
    expect(manifests.current?.writerEpoch).toBe(epoch);
    await expect(publishSsTable(manifests, epoch, { table: ssTable(1), replayAfter: 1 })).rejects.toThrow(/fenced/);
    expect((await other.refresh())?.ssTables).toEqual([]);
  });

  it("publishes once though the reply to it is lost", async () => {
    store.faults.add({ op: "putIfAbsent", key: "manifest/", action: "failAfter" });
    const published = await publishSsTable(manifests, epoch, { table: ssTable(1), replayAfter: 1 });
    expect(published.ssTables).toEqual([ssTable(1)]);
    expect(await new ManifestStore(store, UNSHARDED_SHARD_ID).load()).toEqual(published);
  });

  it("goes on from a version of somebody else with the same epoch", async () => {
    await publishSsTable(manifests, epoch, { table: ssTable(1), replayAfter: 1 });
    const collector = new ManifestStore(store, UNSHARDED_SHARD_ID);
    await collector.load();
    await unlistSsTables(collector, epoch, [1]);
    const published = await publishSsTable(manifests, epoch, { table: ssTable(2), replayAfter: 2 });
    expect(published.ssTables).toEqual([ssTable(2)]);
  });
});

describe("unlistSsTables", () => {
  it("drops those that are listed, and nothing else", async () => {
    for (const generation of [1, 2, 3]) {
      await publishSsTable(manifests, epoch, { table: ssTable(generation), replayAfter: generation });
    }
    const left = await unlistSsTables(manifests, epoch, [1, 3, 9]);
    expect(left).toMatchObject({ replayAfter: 3, currentGeneration: 4, ssTables: [ssTable(2)] });
    await claimShard(new ManifestStore(store, UNSHARDED_SHARD_ID), store);
    await expect(unlistSsTables(manifests, epoch, [2])).rejects.toThrow(ConflictError);
  });
});
