import { beforeEach, describe, expect, it } from "vitest";
import { ConflictError, CorruptError, RetryableError } from "../errors.js";
import { MemoryStore } from "../storage/memory-store.js";
import { claimShard } from "./claim.js";
import { assertHeld, EpochWatch } from "./epoch-watch.js";
import { ManifestStore } from "./manifest-store.js";
import { manifestKey } from "./names.js";
import { parseUuid, UNSHARDED_SHARD_ID } from "./shard-id.js";
import { newShardManifest, type ShardManifest } from "./shard-manifest.js";

const id = UNSHARDED_SHARD_ID;

describe("EpochWatch", () => {
  let store: MemoryStore;
  let manifests: ManifestStore;
  let watch: EpochWatch;

  beforeEach(async () => {
    store = new MemoryStore();
    manifests = new ManifestStore(store, id);
    watch = new EpochWatch(manifests, await claimShard(manifests, store));
  });

  const claim = () => claimShard(new ManifestStore(store, id), store);

  /** Commits a version of the same epoch. */
  const commit = (by: ManifestStore, change: Partial<ShardManifest>) =>
    by.commit((current) => {
      if (current === undefined) throw new Error("no manifest");
      return { ...current, ...change };
    });

  const requests = async (work: () => Promise<unknown>): Promise<number> => {
    const count = store.faults.add({ action: "delay", nth: 2 ** 40 });
    await work();
    store.faults.remove(count);
    return count.seen;
  };

  it("asks once when nothing has changed", async () => {
    expect(await requests(() => watch.check())).toBe(1);
    expect(await requests(() => watch.check())).toBe(1);
  });

  it("follows versions of its own epoch, by itself and by others", async () => {
    await commit(manifests, { lastSeen: 1 });
    expect(await requests(() => watch.check())).toBe(1);
    const other = new ManifestStore(store, id);
    for (let i = 0; i < 5; i++) await commit(other, { lastSeen: i });
    await watch.check();
    expect(manifests.current?.version).toBe(7);
    expect(await requests(() => watch.check())).toBe(1);
  });

  it("tells of a newer claim, and goes on telling", async () => {
    await claim();
    await expect(watch.check()).rejects.toThrow(ConflictError);
    await expect(watch.check()).rejects.toThrow(/epoch 2, this one has 1/);
    expect(await requests(() => watch.check().catch(() => {}))).toBe(0);
  });

  it("tells of a newer claim behind versions of its own epoch", async () => {
    await commit(new ManifestStore(store, id), { lastSeen: 5 });
    await claim();
    await commit(new ManifestStore(store, id), { lastSeen: 7 });
    await expect(watch.check()).rejects.toThrow(ConflictError);
  });

  it("tells of a newer claim that somebody else has read through the same manifests", async () => {
    await claim();
    await manifests.refresh();
    expect(await requests(() => watch.check().catch(() => {}))).toBe(0);
    await expect(watch.check()).rejects.toThrow(ConflictError);
  });

  it("tells of a newer claim that is read while its own request is under way", async () => {
    // The answer is "nothing new", and while it is on its way the same manifests are read on.
    let asking = false;
    const view = store.view({
      step: async ({ op, key, phase }) => {
        if (op !== "head" || key !== manifestKey(2) || phase !== "reply" || !asking) return;
        asking = false;
        await claim();
        await shared.refresh();
      },
    });
    const shared = new ManifestStore(view, id);
    await shared.load();
    asking = true;
    await expect(new EpochWatch(shared, { epoch: 1 }).check()).rejects.toThrow(ConflictError);
  });

  it("tells that the shard was sealed", async () => {
    await commit(new ManifestStore(store, id), { status: "sealed" });
    await expect(watch.check()).rejects.toThrow(/sealed/);
  });

  it("does not take a failure of the store for an answer", async () => {
    store.faults.add({ op: "head", action: "failBefore", error: "retryable" });
    await expect(watch.check()).rejects.toThrow(RetryableError);
    await watch.check();
  });

  it("does not take an answer of long ago for one of now", async () => {
    const held = store.faults.add({ op: "head", action: "delay" });
    const checked = watch.check().then(
      () => "held",
      (error: unknown) => error,
    );
    await claim();
    held.release();
    expect(await checked).toBeInstanceOf(ConflictError);
  });

  it("reports a manifest that cannot be read", async () => {
    await store.putIfAbsent(manifestKey(2), [Buffer.from("junk")]);
    await expect(watch.check()).rejects.toThrow(CorruptError);
  });
});

describe("assertHeld", () => {
  const manifest: ShardManifest = { ...newShardManifest(parseUuid(id), 1), version: 3, writerEpoch: 5 };

  it("says what is wrong with the claim", () => {
    assertHeld(manifest, 5, id);
    expect(() => assertHeld(manifest, 4, id)).toThrow(ConflictError);
    expect(() => assertHeld(manifest, 6, id)).toThrow(CorruptError);
    expect(() => assertHeld(undefined, 6, id)).toThrow(CorruptError);
    expect(() => assertHeld({ ...manifest, status: "sealed" }, 5, id)).toThrow(/sealed/);
    expect(() => assertHeld({ ...manifest, status: 9 }, 5, id)).toThrow(/status 9/);
  });
});
