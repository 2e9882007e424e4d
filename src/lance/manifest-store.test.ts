import { beforeEach, describe, expect, it } from "vitest";
import { ConflictError, CorruptError, OutcomeUnknownError, StorageError, UsageError } from "../errors.js";
import { MemoryStore } from "../storage/memory-store.js";
import { ManifestStore } from "./manifest-store.js";
import { manifestKey, VERSION_HINT_KEY } from "./names.js";
import { bucketShardId, parseUuid, UNSHARDED_SHARD_ID } from "./shard-id.js";
import { decodeShardManifest, encodeShardManifest, newShardManifest, type ShardManifest } from "./shard-manifest.js";

const id = UNSHARDED_SHARD_ID;
const first = newShardManifest(parseUuid(id), 1);
const raiseSeen = (current: ShardManifest | undefined): ShardManifest => ({
  ...(current ?? first),
  lastSeen: (current?.lastSeen ?? 0) + 1,
});

let store: MemoryStore;
let manifests: ManifestStore;

beforeEach(() => {
  store = new MemoryStore();
  manifests = new ManifestStore(store, id);
});

async function write(version: number, change: Partial<ShardManifest> = {}): Promise<void> {
  await store.putIfAbsent(manifestKey(version), [encodeShardManifest({ ...first, ...change, version })]);
}

async function hint(text: string): Promise<void> {
  await store.put(VERSION_HINT_KEY, [Buffer.from(text)]);
}

async function stored(version: number): Promise<ShardManifest> {
  return decodeShardManifest(await store.get(manifestKey(version)), String(version));
}

/** Requests of one kind that `work` makes. */
async function requests(op: "head" | "get" | "list" | "putIfAbsent", work: () => Promise<unknown>): Promise<number> {
  const fault = store.faults.add({ op, action: "delay", ms: 0, nth: 2 ** 40 });
  await work();
  store.faults.remove(fault);
  return fault.seen;
}

describe("load", () => {
  it("finds nothing in a new shard", async () => {
    expect(await manifests.load()).toBeUndefined();
    expect(await manifests.refresh()).toBeUndefined();
    expect(manifests.current).toBeUndefined();
  });

  it.each([1, 2, 3, 6, 7, 14, 15, 60, 254, 255, 256, 700])("finds version %i without a hint", async (newest) => {
    for (let version = 1; version <= newest; version++) await write(version);
    expect((await manifests.load())?.version).toBe(newest);
  });

  it.each([
    ["missing", undefined],
    ["empty", ""],
    ["garbage", "\u0000\uffff{"],
    ["of another form", "[3]"],
    ["of a text", '{"version":"3"}'],
    ["null", "null"],
    ["zero", '{"version":0}'],
    ["negative", '{"version":-4}'],
    ["no whole number", '{"version":2.5}'],
    ["beyond all numbers", '{"version":1e300}'],
    ["stale", '{"version":2}'],
    ["right", '{"version":9}'],
    ["past the end", '{"version":12}'],
    ["far past the end", '{"version":9007199254740991}'],
  ])("finds the newest when the hint is %s", async (_, text) => {
    for (let version = 1; version <= 9; version++) await write(version);
    if (text !== undefined) await hint(text);
    expect((await manifests.load())?.version).toBe(9);
  });

  it("finds the newest when the first ones are gone, by the hint or without", async () => {
    await write(40);
    await write(41);
    expect((await manifests.load())?.version).toBe(41);
    await hint('{"version":40}');
    expect((await new ManifestStore(store, id).load())?.version).toBe(41);
  });

  it("steps over a short gap, as LanceDB does", async () => {
    await write(2);
    await write(4);
    expect((await manifests.load())?.version).toBe(4);
  });

  it("asks for little", async () => {
    for (let version = 1; version <= 9; version++) await write(version);
    expect(await requests("list", () => manifests.load())).toBe(1);
    expect(await requests("head", () => manifests.load())).toBe(2);
    expect(await requests("get", () => new ManifestStore(store, id).load())).toBe(1);
  });

  it("names the file that is corrupt, of another version or of another shard", async () => {
    await store.putIfAbsent(manifestKey(1), [Buffer.from("junk")]);
    await expect(manifests.load()).rejects.toThrow(CorruptError);
    await expect(manifests.load()).rejects.toThrow(manifestKey(1));
    await store.putIfAbsent(manifestKey(2), [encodeShardManifest({ ...first, version: 3 })]);
    await expect(manifests.load()).rejects.toThrow(/version 3; expected 2/);
    await write(3, { shardId: parseUuid(bucketShardId(4)) });
    await expect(manifests.load()).rejects.toThrow(bucketShardId(4));
    expect(manifests.current).toBeUndefined();
  });

  it("reads a manifest without bytes as corrupt, not as a new shard", async () => {
    await store.putIfAbsent(manifestKey(1), []);
    await expect(manifests.load()).rejects.toThrow(CorruptError);
    await expect(manifests.commit(raiseSeen)).rejects.toThrow(CorruptError);
  });

  it("wants the id of a shard", () => {
    expect(() => new ManifestStore(store, "shard-1")).toThrow(UsageError);
  });
});

describe("refresh", () => {
  it("follows what others wrote, and never goes back", async () => {
    await manifests.commit(raiseSeen);
    const other = new ManifestStore(store, id);
    for (let i = 0; i < 5; i++) await other.commit(raiseSeen);
    await hint('{"version":1}');
    expect((await manifests.refresh())?.version).toBe(6);
    await store.delete(manifestKey(6));
    expect((await manifests.refresh())?.version).toBe(6);
    expect((await manifests.load())?.version).toBe(6);
  });

  it("does not go back to what a slower request has read", async () => {
    await manifests.commit(raiseSeen);
    await write(2);
    const slow = store.faults.add({ op: "get", key: manifestKey(2), action: "delay" });
    const older = manifests.refresh();
    while (slow.held === 0) await new Promise(setImmediate);
    await write(3);
    expect((await manifests.refresh())?.version).toBe(3);
    slow.release();
    expect((await older)?.version).toBe(3);
  });

  it("costs two requests when there is nothing new, and hasVersion one", async () => {
    await manifests.commit(raiseSeen);
    expect(await requests("head", () => manifests.refresh())).toBe(2);
    expect(await requests("get", () => manifests.refresh())).toBe(0);
    expect(await requests("head", () => manifests.hasVersion(2))).toBe(1);
  });
});

describe("commit", () => {
  it("writes versions 1, 2, 3 … and the hint", async () => {
    for (let version = 1; version <= 4; version++) {
      expect((await manifests.commit(raiseSeen)).version).toBe(version);
      expect(await stored(version)).toEqual({ ...first, version, lastSeen: version });
      expect(Buffer.from(await store.get(VERSION_HINT_KEY)).toString()).toBe(`{"version":${version}}`);
    }
    expect(manifests.current).toEqual(await stored(4));
  });

  it("keeps the fields it does not know", async () => {
    const unknown = Uint8Array.of(0xa2, 0x06, 0x03, 0x61, 0x62, 0x63);
    const table = { generation: 1, path: "t", inMemoryBytes: 1, physicalRows: undefined, primaryKeyBytes: 0, unknown };
    await write(1, { unknown, shardIdUnknown: unknown, ssTables: [table] });
    await manifests.commit(raiseSeen);
    const expected = { ...first, version: 2, lastSeen: 1, unknown, shardIdUnknown: unknown, ssTables: [table] };
    expect(await stored(2)).toEqual(expected);
  });

  it("applies the change to what a faster one wrote", async () => {
    await manifests.load();
    const others = Array.from({ length: 7 }, () => new ManifestStore(store, id));
    await Promise.all([manifests, ...others].map((one) => one.commit(raiseSeen)));
    expect((await manifests.refresh())?.version).toBe(8);
    expect((await stored(8)).lastSeen).toBe(8);
  });

  it("makes the version before durable, whoever has written it", async () => {
    const unsynced = encodeShardManifest({ ...first, version: 1 });
    await store.putIfAbsent(manifestKey(1), [unsynced], { durable: false });
    await manifests.commit(raiseSeen);
    expect(store.unsynced()).toEqual([VERSION_HINT_KEY]);
    await store.putIfAbsent(manifestKey(3), [encodeShardManifest({ ...first, version: 3 })], { durable: false });
    expect(await manifests.tryPut({ ...first, version: 3 })).toBe("taken");
    await manifests.refresh();
    expect(await manifests.tryPut({ ...first, version: 4 })).toBe("written");
    expect(store.unsynced()).toEqual([VERSION_HINT_KEY]);
  });

  it("gives up when others are always faster", async () => {
    let versions = 0;
    const contested = store.view({
      step: async ({ op, phase }) => {
        if (op === "putIfAbsent" && phase === "request") await write(++versions);
      },
    });
    let calls = 0;
    const attempt = new ManifestStore(contested, id).commit((current) => {
      calls++;
      return raiseSeen(current);
    });
    await expect(attempt).rejects.toThrow(ConflictError);
    expect(calls).toBe(10);
    expect((await stored(10)).lastSeen).toBe(0);
  });

  it("throws what the change throws, and writes nothing", async () => {
    const refused = new ConflictError("not this one");
    const attempt = manifests.commit(() => {
      throw refused;
    });
    await expect(attempt).rejects.toBe(refused);
    expect(await manifests.load()).toBeUndefined();
  });

  it("finds out what became of a write whose reply was lost", async () => {
    for (const action of ["failAfter", "failBefore"] as const) {
      const fault = store.faults.add(
        action === "failBefore" ? { op: "putIfAbsent", action, error: "unknown" } : { op: "putIfAbsent", action },
      );
      const before = manifests.current?.lastSeen ?? 0;
      const { lastSeen, version } = await manifests.commit(raiseSeen);
      expect(lastSeen).toBe(before + 1);
      expect((await stored(version)).lastSeen).toBe(lastSeen);
      expect(await manifests.hasVersion(version + 1)).toBe(false);
      expect(fault.hits).toBe(1);
    }
  });

  it("finds out that the write whose reply was lost had been too late", async () => {
    await manifests.commit(raiseSeen);
    await write(2, { lastSeen: 70 });
    store.faults.add({ op: "putIfAbsent", action: "failAfter" });
    expect((await manifests.commit(raiseSeen)).version).toBe(3);
    expect((await stored(3)).lastSeen).toBe(71);
  });

  it("does not pretend to know, when every reply is lost or nothing could be made durable", async () => {
    const always = store.faults.add({ op: "putIfAbsent", action: "failAfter", times: Number.POSITIVE_INFINITY });
    await expect(manifests.commit(raiseSeen)).rejects.toThrow(OutcomeUnknownError);
    expect(always.hits).toBeLessThanOrEqual(8);
    store.faults.clear();
    const unsynced = store.faults.add({ op: "putIfAbsent", action: "failAfter", at: "sync" });
    await expect(manifests.commit(raiseSeen)).rejects.toThrow(OutcomeUnknownError);
    expect(unsynced.seen).toBeLessThanOrEqual(2);
  });

  it("does not mind that the hint cannot be read or written", async () => {
    store.faults.add({ key: VERSION_HINT_KEY, action: "failBefore", times: Number.POSITIVE_INFINITY });
    await manifests.commit(raiseSeen);
    await manifests.commit(raiseSeen);
    expect((await new ManifestStore(store, id).load())?.version).toBe(2);
  });

  it("passes on that the store fails, and can be tried again", async () => {
    store.faults.add({ op: "putIfAbsent", action: "failBefore" });
    await expect(manifests.commit(raiseSeen)).rejects.toThrow(StorageError);
    expect((await manifests.commit(raiseSeen)).version).toBe(1);
  });

  it("refuses what would undo something others rely on", async () => {
    await manifests.commit(() => ({ ...first, writerEpoch: 3, replayAfter: 7, currentGeneration: 4 }));
    const change = (part: Partial<ShardManifest>) =>
      manifests.commit((current) => ({ ...(current ?? first), ...part }));
    await expect(change({ writerEpoch: 2 })).rejects.toThrow(/epoch back from 3 to 2/);
    await expect(change({ replayAfter: 6 })).rejects.toThrow(/replay position back/);
    await expect(change({ currentGeneration: 3 })).rejects.toThrow(/generation back/);
    await expect(change({ shardId: parseUuid(bucketShardId(1)) })).rejects.toThrow(UsageError);
    expect(await manifests.hasVersion(2)).toBe(false);
  });
});

describe("tryPut", () => {
  it("says what became of one attempt", async () => {
    const next = { ...first, version: 1, writerEpoch: 1 };
    store.faults.add({ op: "putIfAbsent", action: "failAfter" });
    expect(await manifests.tryPut(next)).toBe("unknown");
    expect(manifests.current).toBeUndefined();
    expect(await manifests.tryPut(next)).toBe("taken");
    expect(await manifests.tryPut({ ...next, version: 2 })).toBe("written");
    expect(manifests.current?.version).toBe(2);
  });

  it("passes on that nothing was written, or that nobody can say", async () => {
    store.faults.add({ op: "putIfAbsent", action: "failBefore" });
    await expect(manifests.tryPut({ ...first, version: 1 })).rejects.toThrow(StorageError);
    store.faults.add({ op: "putIfAbsent", action: "failAfter", at: "sync" });
    await expect(manifests.tryPut({ ...first, version: 1 })).rejects.toThrow(OutcomeUnknownError);
  });
});
