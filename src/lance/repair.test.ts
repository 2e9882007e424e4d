import { Field, Schema, Utf8 } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConflictError, CorruptError, OutcomeUnknownError, StorageError, UsageError } from "../errors.js";
import type { MemoryStore } from "../storage/memory-store.js";
import { seededRandom } from "../storage/seeded-random.js";
import { claimShard } from "./claim.js";
import { EpochWatch } from "./epoch-watch.js";
import { type LogEntry, logEntry, logSchema, replayedIds, storeWith, tableSchema } from "./log.fixture.js";
import { ManifestStore } from "./manifest-store.js";
import { manifestKey, walKey } from "./names.js";
import { isSound, planRepair, type RepairOptions, repairLog } from "./repair.js";
import { parseUuid, UNSHARDED_SHARD_ID } from "./shard-id.js";
import { encodeShardManifest, newShardManifest, type ShardManifest } from "./shard-manifest.js";
import { storageSchema } from "./storage-schema.js";

const id = UNSHARDED_SHARD_ID;
const now = new Date("2026-01-02T03:04:05.678Z");

function repair(store: MemoryStore, options: Partial<RepairOptions> = {}): ReturnType<typeof repairLog> {
  return repairLog(new ManifestStore(store, id), store, { now, schema: logSchema, ...options });
}

async function plan(store: MemoryStore): ReturnType<typeof planRepair> {
  return planRepair(store, await new ManifestStore(store, id).load(), { schema: logSchema });
}

async function manifest(store: MemoryStore, change: Partial<ShardManifest>): Promise<void> {
  const first = newShardManifest(parseUuid(id), 1);
  await store.putIfAbsent(manifestKey(1), [encodeShardManifest({ ...first, writerEpoch: 1, ...change, version: 1 })]);
}

/** A log with a manifest. */
async function shardWith(entries: readonly (LogEntry | Uint8Array | undefined)[], change: Partial<ShardManifest> = {}) {
  const store = await storeWith(entries);
  await manifest(store, change);
  return store;
}

const rows = (from: number, count: number, more: Partial<LogEntry> = {}): LogEntry => ({ from, rows: count, ...more });
const ids = (...ranges: [number, number][]): number[] =>
  ranges.flatMap(([from, count]) => Array.from({ length: count }, (_, i) => from + i));

async function objects(store: MemoryStore): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { key } of store.list("")) found.set(key, Buffer.from(await store.get(key)).toString("hex"));
  return found;
}

describe("planRepair", () => {
  it("says what is lost and what is kept, and changes nothing", async () => {
    const whole = logEntry(rows(30, 3));
    const store = await shardWith([
      rows(0, 5),
      whole.subarray(0, whole.length - 8),
      rows(40, 2),
      undefined,
      undefined,
      rows(50, 1),
    ]);
    const before = await objects(store);
    expect(await plan(store)).toEqual({
      damaged: [
        {
          position: 2,
          key: walKey(2),
          bytes: whole.length - 8,
          damage: expect.stringMatching(/cut off/),
          sound: false,
          covered: false,
          rows: 0,
          batches: 0,
        },
      ],
      missing: [{ from: 4, to: 6 }],
      epochAhead: undefined,
      kept: { entries: 3, rows: 8 },
      keptBehind: { entries: 2, rows: 3 },
    });
    expect(await objects(store)).toEqual(before);
  });

  it("counts the rows of an entry whose checksum is wrong", async () => {
    const bytes = logEntry(rows(30, 3));
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
    const { damaged } = await plan(await shardWith([bytes]));
    expect(damaged).toMatchObject([{ rows: 3, batches: 1 }]);
  });

  it("refuses when an entry cannot be read", async () => {
    const store = await shardWith([rows(0, 1)]);
    store.faults.add({ op: "get", key: walKey(1), action: "failBefore" });
    await expect(plan(store)).rejects.toThrow(StorageError);
  });
});

describe("repairLog", () => {
  it("sets a damaged entry aside, and all others replay", async () => {
    const torn = logEntry(rows(10, 2)).subarray(0, 500);
    const store = await shardWith([rows(0, 3), torn, rows(20, 2)]);
    await expect(replayedIds(store)).rejects.toThrow(CorruptError);
    const done = await repair(store);
    expect(done).toMatchObject({ epoch: 2, plan: { damaged: [{ position: 2 }], missing: [] } });
    expect(await replayedIds(store)).toEqual(ids([0, 3], [20, 2]));
    const [record = "", copy = ""] = done.quarantine;
    expect(copy).toBe("quarantine-20260102T030405Z-2/entry-2.arrow");
    expect(Buffer.compare(await store.get(copy), torn)).toBe(0);
    expect(JSON.parse(Buffer.from(await store.get(record)).toString())).toEqual({
      setAsideAt: now.toISOString(),
      epoch: 2,
      entries: [expect.objectContaining({ position: 2, key: walKey(2), bytes: 500 })],
    });
    expect(isSound(await plan(store))).toBe(true);
  });

  it("fills what is missing, also behind the last entry, so that what is behind it replays", async () => {
    const store = await shardWith([rows(0, 3), undefined, undefined, rows(20, 2)], { lastSeen: 6 });
    await repair(store);
    expect(await replayedIds(store)).toEqual(ids([0, 3], [20, 2]));
    expect(await store.head(walKey(6))).toBeDefined();
    expect((await new ManifestStore(store, id).load())?.lastSeen).toBe(7);
  });

  it("leaves a sound log alone", async () => {
    const store = await shardWith([rows(0, 3), rows(3, 1)]);
    const before = await objects(store);
    expect(await repair(store)).toMatchObject({ epoch: undefined, quarantine: [] });
    expect(await objects(store)).toEqual(before);
  });

  it("does not bring back what SSTables cover, and repairs it too", async () => {
    const store = await shardWith([rows(0, 3), new Uint8Array(0), rows(20, 2)], { replayAfter: 2 });
    const done = await repair(store);
    expect(done.plan).toMatchObject({ damaged: [{ position: 2, covered: true }], keptBehind: { entries: 0 } });
    expect(await replayedIds(store, 2)).toEqual(ids([20, 2]));
  });

  it("claims above the epochs of all entries", async () => {
    for (const store of [await shardWith([rows(0, 3, { epoch: 9 })]), await storeWith([rows(0, 3, { epoch: 9 })])]) {
      expect(await repair(store)).toMatchObject({ epoch: 10, plan: { epochAhead: 9 } });
      expect(isSound(await plan(store))).toBe(true);
      expect(await replayedIds(store)).toEqual(ids([0, 3]));
    }
  });

  it("fences whoever holds the shard", async () => {
    const store = await storeWith([rows(0, 3), rows(3, 1)]);
    const manifests = new ManifestStore(store, id);
    const claim = await claimShard(manifests, store);
    await store.putIfAbsent(walKey(claim.nextPosition), [new Uint8Array(3)]);
    await repair(store);
    await expect(new EpochWatch(manifests, claim).check()).rejects.toThrow(ConflictError);
  });

  it("refuses a sealed shard, and a hole that no log has", async () => {
    const sealed = await shardWith([undefined, new Uint8Array(0)], { status: "sealed" });
    const before = await objects(sealed);
    await expect(repair(sealed)).rejects.toThrow(ConflictError);
    expect(await objects(sealed)).toEqual(before);
    const far = await shardWith([rows(0, 1)]);
    await far.putIfAbsent(walKey(2 ** 40), [logEntry(rows(1, 1))]);
    await expect(repair(far)).rejects.toThrow(/1099511627774 entries of the log are missing, at most 65536 are filled/);
  });

  it("is durable when it returns", async () => {
    const store = await shardWith([rows(0, 3), new Uint8Array(0), undefined, rows(20, 2)]);
    await store.sync((await keysOf(store)).filter((key) => key !== "manifest/version_hint.json"));
    const { quarantine } = await repair(store);
    for (const fate of ["lost", "torn"] as const) {
      const after = store.afterPowerLoss(fate);
      expect(isSound(await plan(after))).toBe(true);
      expect(await replayedIds(after)).toEqual(ids([0, 3], [20, 2]));
      expect(await keysOf(after)).toEqual(expect.arrayContaining([...quarantine]));
    }
  });

  it("can be run again after any request has failed, or power was lost there, and loses nothing that is whole", async () => {
    const whole = logEntry(rows(30, 3));
    const damaged = [
      rows(0, 3),
      whole.subarray(0, 300),
      rows(10, 1, { foreign: true }),
      undefined,
      rows(20, 2),
      new Uint8Array(0),
    ];
    const kept = ids([0, 3], [10, 1], [20, 2]);
    const ops = ["putIfAbsent", "put", "sync"] as const;
    const random = seededRandom(7);
    let failures = 0;
    for (const action of ["failBefore", "failAfter"] as const) {
      for (const op of ops) {
        for (let nth = 1; nth < 20; nth++) {
          const store = await shardWith(damaged, { replayAfter: 0 });
          await store.sync((await keysOf(store)).filter((key) => key !== "manifest/version_hint.json"));
          const rule = action === "failAfter" && op !== "put" ? { action, at: "sync" as const } : { action };
          const fault = store.faults.add({ op, nth, ...rule });
          const error = await repair(store).then(
            () => undefined,
            (error: unknown) => error,
          );
          if (fault.hits === 0) break;
          failures++;
          expect([undefined, StorageError, OutcomeUnknownError]).toContain(error?.constructor);
          // What is created is whole before it has its name: it can be lost with the name, not torn.
          const created = op === "putIfAbsent" && action === "failAfter";
          for (const fate of created ? (["lost", "kept"] as const) : (["lost", "torn", "kept", "random"] as const)) {
            const after = store.afterPowerLoss(fate, { random });
            await repair(after);
            expect(await replayedIds(after)).toEqual(kept);
            const quarantined = (await keysOf(after)).filter((key) => key.endsWith("entry-2.arrow"));
            expect(quarantined.length).toBeGreaterThan(0);
            await expectCopy(after, quarantined, whole.subarray(0, 300));
          }
        }
      }
    }
    expect(failures).toBeGreaterThan(20);
  });

  it("leaves an entry alone that is sound and of other columns, unless told to set it aside", async () => {
    const fields = [...tableSchema.fields, new Field("more", new Utf8(), true)];
    const schema = storageSchema(new Schema(fields), ["id"]);
    const torn = logEntry(rows(9, 2)).subarray(0, 300);
    const store = await shardWith([rows(0, 2), { ...rows(5, 2), foreign: true }, torn]);
    expect((await planRepair(store, undefined, { schema })).damaged).toMatchObject([
      { position: 1, sound: true, damage: expect.stringContaining("columns are not the table's") },
      { position: 2, sound: false },
      { position: 3, sound: false },
    ]);
    const before = await objects(store);
    const refused = repair(store, { schema });
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(
      /entry 1 of the log .*change them back, or give up its rows with --drop-sound/,
    );
    expect(await objects(store)).toEqual(before);
    expect((await repair(store, { schema, dropSound: true })).quarantine).toHaveLength(4);
  });

  it("of any damage leaves a log with all whole entries in order", async () => {
    const entry = fc.oneof(
      { weight: 4, arbitrary: fc.record({ rows: fc.integer({ min: 1, max: 4 }), foreign: fc.boolean() }) },
      { weight: 1, arbitrary: fc.constantFrom("torn", "flipped", "empty", "missing") },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(entry, { maxLength: 12 }),
        fc.nat(14),
        fc.nat(13),
        async (entries, lastSeen, covered) => {
          const kept: number[] = [];
          const log = entries.map((what, i) => {
            const from = 100 * i;
            if (typeof what === "object") {
              if (i >= covered) kept.push(...ids([from, what.rows]));
              return rows(from, what.rows, what);
            }
            const bytes = logEntry(rows(from, 2));
            if (what === "torn") return bytes.subarray(0, bytes.length - 64);
            if (what === "empty") return new Uint8Array(0);
            bytes[bytes.length - 80] = (bytes[bytes.length - 80] ?? 0) ^ 4;
            return what === "missing" ? undefined : bytes;
          });
          const store = await shardWith(log, { replayAfter: covered, lastSeen });
          await repair(store);
          expect(await replayedIds(store, covered)).toEqual(kept);
          expect(isSound(await plan(store))).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });
});

async function keysOf(store: MemoryStore): Promise<string[]> {
  return [...(await objects(store)).keys()];
}

async function expectCopy(store: MemoryStore, keys: readonly string[], bytes: Uint8Array): Promise<void> {
  const copies = await Promise.all(keys.map((key) => store.get(key)));
  expect(copies.some((copy) => Buffer.compare(copy, bytes) === 0)).toBe(true);
}
