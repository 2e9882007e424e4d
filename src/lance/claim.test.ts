import { beforeEach, describe, expect, it } from "vitest";
import { ConflictError, CorruptError, OutcomeUnknownError, RetryableError, StorageError } from "../errors.js";
import type { FaultAction } from "../storage/faults.js";
import { MemoryStore } from "../storage/memory-store.js";
import type { StoreStep } from "../storage/memory-view.js";
import { claimShard } from "./claim.js";
import { type Event, modelWriter, tryByChance, tryEveryOrder } from "./claim-model.fixture.js";
import { EpochWatch } from "./epoch-watch.js";
import { ManifestStore } from "./manifest-store.js";
import { manifestKey, walKey } from "./names.js";
import { parseUuid, UNSHARDED_SHARD_ID } from "./shard-id.js";
import { encodeShardManifest, newShardManifest, type ShardManifest } from "./shard-manifest.js";
import { encodeSentinel } from "./wal-entry.js";

const id = UNSHARDED_SHARD_ID;
const first = newShardManifest(parseUuid(id), 1);
const ROWS = Buffer.from("rows");

let store: MemoryStore;

beforeEach(() => {
  store = new MemoryStore();
});

const claim = (on = store.view({ actor: "claimant" })) => claimShard(new ManifestStore(on, id), on);

async function write(...positions: number[]): Promise<void> {
  for (const position of positions) await store.putIfAbsent(walKey(position), [ROWS]);
}

async function manifest(version: number, change: Partial<ShardManifest>): Promise<void> {
  await store.putIfAbsent(manifestKey(version), [encodeShardManifest({ ...first, ...change, version })]);
}

async function entry(position: number): Promise<Buffer> {
  return Buffer.from(await store.get(walKey(position)));
}

const sentinel = (epoch: number): Buffer => Buffer.from(encodeSentinel(epoch));

describe("a claim", () => {
  it("of a new shard has epoch 1, and writes no sentinel", async () => {
    const { epoch, manifest, nextPosition } = await claim();
    expect([epoch, nextPosition]).toEqual([1, 1]);
    expect(manifest).toEqual({ ...first, version: 1, writerEpoch: 1 });
    expect(await new ManifestStore(store, id).load()).toEqual(manifest);
    expect(await store.head(walKey(1))).toBeUndefined();
  });

  it("is lost, not a damaged log, when a later one has had entries removed meanwhile", async () => {
    await write(1, 2, 3);
    let raced = false;
    const step = async ({ op, phase }: StoreStep) => {
      if (raced || op !== "list" || phase !== "request" || (await store.head(manifestKey(1))) === undefined) return;
      raced = true;
      await claim(store.view({ actor: "later" }));
      const later = new ManifestStore(store, id);
      await later.load();
      await later.commit((current) => ({ ...(current ?? first), replayAfter: 3 }));
      for (const position of [1, 2]) await store.delete(walKey(position));
    };
    await expect(claim(store.view({ actor: "stopped", step }))).rejects.toThrow(ConflictError);
    expect(raced).toBe(true);
  });

  it("names the sharding spec of a new shard", async () => {
    const manifests = new ManifestStore(store, id);
    expect((await claimShard(manifests, store, { shardSpecId: 0 })).manifest.shardSpecId).toBe(0);
    expect((await claimShard(manifests, store, { shardSpecId: 1 })).manifest.shardSpecId).toBe(0);
  });

  it("goes behind entries that nobody has claimed", async () => {
    await write(1, 2, 3);
    const { epoch, nextPosition, manifest } = await claim();
    expect([epoch, nextPosition, manifest.lastSeen]).toEqual([1, 4, 3]);
  });

  it("after another has a higher epoch, and its sentinel at the tip", async () => {
    await claim();
    await write(1, 2);
    const { epoch, nextPosition, manifest } = await claim();
    expect([epoch, nextPosition, manifest.lastSeen, manifest.writerEpoch]).toEqual([2, 4, 3, 2]);
    expect(await entry(3)).toEqual(sentinel(2));
    const third = await claim();
    expect([third.epoch, third.nextPosition]).toEqual([3, 5]);
    expect(await entry(4)).toEqual(sentinel(3));
  });

  it("keeps what the manifest says of SSTables, and the fields it does not know", async () => {
    const unknown = Uint8Array.of(0xa2, 0x06, 0x01, 0x61);
    const table = { generation: 3, path: "t", inMemoryBytes: 1, physicalRows: 2, primaryKeyBytes: 3, unknown };
    const kept = { replayAfter: 9, currentGeneration: 4, ssTables: [table], unknown };
    await manifest(1, { writerEpoch: 6, ...kept });
    const { manifest: claimed, nextPosition } = await claim();
    expect(claimed).toEqual({ ...first, ...kept, version: 3, writerEpoch: 7, lastSeen: 10 });
    expect(nextPosition).toBe(11);
    expect(await entry(10)).toEqual(sentinel(7));
  });

  it("is refused by a sealed shard, and by one whose status is unknown", async () => {
    await manifest(1, { writerEpoch: 1, status: "sealed" });
    await expect(claim()).rejects.toThrow(ConflictError);
    await expect(claim()).rejects.toThrow(/sealed/);
    await manifest(2, { writerEpoch: 1, status: 7 });
    await expect(claim()).rejects.toThrow(/status 7/);
    expect(await store.head(manifestKey(3))).toBeUndefined();
    expect(await store.head(walKey(1))).toBeUndefined();
  });

  it("is refused by a log with a gap", async () => {
    await write(1, 3);
    await expect(claim()).rejects.toThrow(CorruptError);
    await expect(claim()).rejects.toThrow(walKey(2));
  });

  it("is given up by a signal before it is written", async () => {
    const reason = new Error("enough");
    const attempt = claimShard(new ManifestStore(store, id), store, { signal: AbortSignal.abort(reason) });
    await expect(attempt).rejects.toBe(reason);
    expect(await store.head(manifestKey(1))).toBeUndefined();
  });

  it("makes the manifest and the sentinel durable before it returns", async () => {
    await claim();
    await claim();
    expect(store.unsynced()).toEqual(["manifest/version_hint.json"]);
  });
});

describe("a fence", () => {
  const HINT = "manifest/version_hint.json";
  const unsynced = (position: number) => store.putIfAbsent(walKey(position), [ROWS], { durable: false });

  it("has what lies below it made durable before", async () => {
    await claim();
    for (let position = 1; position <= 5; position++) await unsynced(position);
    const fence = store.faults.add({ op: "putIfAbsent", key: "wal/", action: "delay" });
    const claimed = claim();
    while (fence.held === 0) await new Promise(setImmediate);
    expect(store.unsynced()).toEqual([HINT]);
    fence.release();
    expect((await claimed).nextPosition).toBe(7);
  });

  it("has an entry made durable that came in its way", async () => {
    await claim();
    let done = false;
    const slow = store.view({
      step: async ({ op, key, phase }) => {
        if (op !== "putIfAbsent" || !key.startsWith("wal/") || phase !== "request" || done) return;
        done = true;
        await unsynced(1);
      },
    });
    expect((await claim(slow)).nextPosition).toBe(3);
    expect(store.unsynced()).toEqual([HINT]);
  });

  it("leaves that to the caller who says so, and waits for him", async () => {
    await claim();
    await unsynced(1);
    const calls: unknown[] = [];
    const claimed = await claimShard(new ManifestStore(store, id), store, {
      beforeFence: async (manifest, tip) => {
        await new Promise(setImmediate);
        calls.push([manifest.version, manifest.writerEpoch, tip, await store.head(walKey(2))]);
      },
    });
    expect(calls).toEqual([[2, 2, 2, undefined]]);
    expect(claimed.nextPosition).toBe(3);
    expect(store.unsynced()).toContain(walKey(1));
  });

  it.each(["lost", "kept"] as const)(
    "stands or falls with a loss of power at any moment (what is not durable is %s)",
    async (fate) => {
      await claim();
      await write(1, 2, 3);
      await unsynced(4);
      let moments = 0;
      const slow = store.view({
        step: async () => {
          moments++;
          const after = store.afterPowerLoss(fate);
          const next = await claimShard(new ManifestStore(after, id), after);
          expect(next.epoch).toBeGreaterThan(1);
          expect(next.nextPosition).toBeGreaterThan(4);
          for (let position = 1; position < next.nextPosition; position++) {
            expect(await after.head(walKey(position))).toBeDefined();
          }
        },
      });
      expect((await claim(slow)).nextPosition).toBe(6);
      expect(moments).toBeGreaterThan(20);
    },
  );
});

describe("a claim that collides", () => {
  it("with entries that an old writer appends goes behind them", async () => {
    await claim();
    let appended = 0;
    const slow = store.view({
      step: async ({ op, key, phase }) => {
        if (op !== "putIfAbsent" || !key.startsWith("wal/") || phase !== "request" || appended === 5) return;
        await write(++appended);
      },
    });
    const { nextPosition } = await claim(slow);
    expect(nextPosition).toBe(7);
    expect(await entry(6)).toEqual(sentinel(2));
  });

  it("catches up with an old writer that syncs nothing, and leaves nothing that a loss of power could take", async () => {
    await claim();
    let appended = 0;
    let fenced = false;
    const append = async (count: number): Promise<void> => {
      for (let i = 0; i < count && !fenced; i++) {
        try {
          await store.putIfAbsent(walKey(appended + 1), [ROWS], { durable: false });
          appended++;
        } catch {
          fenced = true;
        }
      }
    };
    let sentinels = 0;
    const slow = store.view({
      step: async ({ op, key, phase }) => {
        if (!key.startsWith("wal/") || phase !== "request") return;
        // Whatever waits for the disk comes too late.
        if (op === "sync") await append(3);
        if (op === "putIfAbsent" && ++sentinels <= 5) await append(2);
      },
    });
    const { nextPosition } = await claim(slow);
    expect(fenced).toBe(true);
    expect(appended).toBeGreaterThan(10);
    expect(nextPosition).toBe(appended + 2);
    store.powerLoss("lost");
    for (let position = 1; position <= appended; position++) expect(await entry(position)).toEqual(ROWS);
    expect(await entry(appended + 1)).toEqual(sentinel(2));
  });

  it("with an old writer that never stops gives up", async () => {
    await claim();
    let appended = 0;
    const slow = store.view({
      step: async ({ op, key, phase }) => {
        if (op === "putIfAbsent" && key.startsWith("wal/") && phase === "request") await write(++appended);
      },
    });
    await expect(claim(slow)).rejects.toThrow(RetryableError);
    expect(appended).toBe(1024);
  });

  it("with other claims claims higher, up to a bound", async () => {
    let claims = 0;
    const slow = (limit: number) =>
      store.view({
        step: async ({ op, key, phase }) => {
          if (op !== "putIfAbsent" || !key.startsWith("manifest/") || phase !== "request" || claims === limit) return;
          claims++;
          await claim();
        },
      });
    expect((await claim(slow(15))).epoch).toBe(16);
    claims = 0;
    await expect(claim(slow(Number.POSITIVE_INFINITY))).rejects.toThrow(ConflictError);
    expect(claims).toBe(16);
  });

  it("with a newer claim after its own was written fails, and leaves a sentinel at most", async () => {
    await claim();
    let newer: Awaited<ReturnType<typeof claim>> | undefined;
    const slow = store.view({
      step: async ({ op, key, phase }) => {
        if (op !== "putIfAbsent" || !key.startsWith("wal/") || phase !== "request" || newer !== undefined) return;
        newer = await claim();
        await write(newer.nextPosition);
      },
    });
    await expect(claim(slow)).rejects.toThrow(/fenced/);
    expect(newer?.epoch).toBe(3);
    expect(await entry(1)).toEqual(sentinel(3));
    expect(await entry(2)).toEqual(ROWS);
    expect(await store.head(walKey(3))).toBeUndefined();
  });

  it("with a newer claim between its sentinel and its last look fails", async () => {
    await claim();
    let sentinels = 0;
    const slow = store.view({
      step: async ({ op, key, phase }) => {
        if (op === "putIfAbsent" && key.startsWith("wal/") && phase === "reply" && sentinels++ === 0) await claim();
      },
    });
    await expect(claim(slow)).rejects.toThrow(/fenced/);
    expect(await entry(1)).toEqual(sentinel(2));
    expect(await entry(2)).toEqual(sentinel(3));
  });
});

describe("a claim that fails", () => {
  const lost: [string, FaultAction][] = [
    ["has happened", { action: "failAfter" }],
    ["has not happened", { action: "failBefore", error: "unknown" }],
  ];

  it.each(lost)("in the manifest, when nobody knows, is lost: the next is one higher (it %s)", async (_, fault) => {
    store.faults.add({ op: "putIfAbsent", key: "manifest/", ...fault });
    const { epoch, nextPosition } = await claim();
    expect([epoch, nextPosition]).toEqual([2, 2]);
    expect(await entry(1)).toEqual(sentinel(2));
    store.faults.clear();
    store.faults.add({ op: "putIfAbsent", key: "manifest/", times: 3, ...fault });
    expect((await claim()).epoch).toBe(6);
  });

  it("in a manifest that comes late finds the place taken", async () => {
    const late = store.faults.add({ op: "putIfAbsent", key: "manifest/", actor: "slow", action: "delay" });
    const slow = store.view({ actor: "slow" });
    const ours = claim(slow);
    while (late.held === 0) await new Promise(setImmediate);
    const newer = await claim();
    late.release();
    expect(newer.epoch).toBe(1);
    expect((await ours).epoch).toBe(2);
  });

  it.each(lost)("in the sentinel, when nobody knows, finds out (it %s)", async (_, fault) => {
    await claim();
    store.faults.add({ op: "putIfAbsent", key: "wal/", times: 3, ...fault });
    expect((await claim()).nextPosition).toBe(2);
    expect(await entry(1)).toEqual(sentinel(2));
    expect(await store.head(walKey(2))).toBeUndefined();
  });

  it.each(lost)(
    "in the sentinel, when nobody knows and the position is another's, goes on (it %s)",
    async (_, fault) => {
      await claim();
      let done = false;
      const slow = store.view({
        step: async ({ op, key, phase }) => {
          if (op !== "putIfAbsent" || !key.startsWith("wal/") || phase !== "request" || done) return;
          done = true;
          await write(1);
        },
      });
      store.faults.add({ op: "putIfAbsent", key: "wal/", nth: 2, ...fault });
      expect((await claim(slow)).nextPosition).toBe(3);
      expect(await entry(1)).toEqual(ROWS);
      expect(await entry(2)).toEqual(sentinel(2));
    },
  );

  it.each(["manifest/", "wal/"])("for good in %s can be made again", async (key) => {
    await claim();
    for (const [fault, error] of [
      [{ action: "failBefore" }, StorageError],
      [{ action: "failBefore", error: "retryable" }, RetryableError],
      [{ action: "failAfter", at: "sync" }, OutcomeUnknownError],
    ] as const) {
      store.faults.add({ op: "putIfAbsent", key, ...fault });
      await expect(claim()).rejects.toThrow(error);
      store.faults.clear();
    }
    const { epoch, nextPosition } = await claim();
    expect(await entry(nextPosition - 1)).toEqual(sentinel(epoch));
  });

  it("never makes a manifest whose outcome cannot be settled count as its own", async () => {
    store.faults.add({ op: "putIfAbsent", key: "manifest/", action: "failAfter", at: "sync" });
    await expect(claim()).rejects.toThrow(OutcomeUnknownError);
    expect((await claim()).epoch).toBe(2);
  });
});

describe("of two writers", () => {
  it("the old one learns at its next look that it is fenced", async () => {
    const manifests = new ManifestStore(store, id);
    const watch = new EpochWatch(manifests, await claimShard(manifests, store));
    await watch.check();
    await claim();
    await expect(watch.check()).rejects.toThrow(ConflictError);
    await expect(watch.check()).rejects.toThrow(/epoch 2, this one has 1/);
  });

  it("one at most acknowledges, in whatever order their requests come", { timeout: 60_000 }, async () => {
    const writers = (history: Event[]) => ["A", "B"].map((name) => modelWriter(name, history, { entries: 1 }));
    expect(await tryEveryOrder(3, writers)).toBeGreaterThan(500);
  });

  it.each([1, 2, 3, 4])("one at most acknowledges, though put %i of one is carried out late", async (nth) => {
    const orders = await tryEveryOrder(2, (history) => {
      let puts = 0;
      const lose = () => ++puts === nth;
      return [modelWriter("A", history, { entries: 1 }), modelWriter("B", history, { entries: 1, retries: 1, lose })];
    });
    expect(orders).toBeGreaterThan(100);
  });
});

describe("of three writers", () => {
  it("one at most acknowledges, in whatever order their requests come", { timeout: 60_000 }, async () => {
    const writers = (history: Event[]) => ["A", "B", "C"].map((name) => modelWriter(name, history, { entries: 1 }));
    expect(await tryEveryOrder(1, writers)).toBeGreaterThan(100);
  });

  it("one at most acknowledges, in any order, with any requests failing", { timeout: 60_000 }, async () => {
    for (let seed = 1; seed <= 100; seed++) await tryByChance(seed);
  });
});
