import { beforeEach, describe, expect, it } from "vitest";
import { END_OF_STREAM } from "../arrow/message.js";
import { encodeSchemaMessage } from "../arrow/schema.js";
import { ConflictError, CorruptError, OutcomeUnknownError, RetryableError, StorageError } from "../errors.js";
import { claimShard } from "../lance/claim.js";
import { logEntry } from "../lance/log.fixture.js";
import { ManifestStore } from "../lance/manifest-store.js";
import { walKey } from "../lance/names.js";
import { UNSHARDED_SHARD_ID } from "../lance/shard-id.js";
import { EntryHeader } from "../lance/wal-entry.js";
import { inspectEntry, readEntry } from "../lance/wal-entry-reader.js";
import { Memtable } from "../memtable/memtable.js";
import { MemoryStore } from "../storage/memory-store.js";
import type { StoreStep } from "../storage/memory-view.js";
import type { BatchStore } from "../store/batch-store.js";
import { LogCore } from "./log-core.js";
import type { EntryPlan, LogOptions } from "./shard-log.js";
import { StorageBatches } from "./storage-batch.js";
import { batchOfRows, HandTimers, outcomeOf, poolOf, schema, storage, turn } from "./writer.fixture.js";

const WRITER = "a".repeat(32);
const batches = new StorageBatches(schema, storage);
/** Generation of the memtable that entries are taken from; what is replayed has others. */
const FIRST = 1_000;

function logOptions(): LogOptions {
  const pool = poolOf();
  pool.closeOwner();
  return {
    shardId: UNSHARDED_SHARD_ID,
    schemaMessage: encodeSchemaMessage(storage),
    pool: pool.handle(),
    maxMemoryBytes: 1 << 30,
  };
}

let store: MemoryStore;
let timers: HandTimers;
let made: Memtable;
let memtable: BatchStore;
let steps: string[];
/** Called before each step of the log's requests. */
let onStep: (step: StoreStep) => Promise<void> | void;

beforeEach(() => {
  store = new MemoryStore();
  timers = new HandTimers();
  made = Memtable.create({
    schema: storage,
    primaryKey: ["id"],
    bytes: 1 << 20,
    batches: 1_000,
    maxRows: 1 << 20,
    prefault: false,
  });
  memtable = made.store;
  steps = [];
  onStep = () => {};
});

/** An open log of epoch 1, or later, which is not yet at any entry. */
async function openLog(actor = "log"): Promise<{ log: LogCore; next: number }> {
  const view = store.view({
    actor,
    step: async (step) => {
      if (actor === "log") steps.push(`${step.op} ${step.key.slice(0, 3)} ${step.phase}`);
      await onStep(step);
    },
  });
  const log = new LogCore(view, logOptions(), WRITER, timers);
  const { nextEntry } = await log.open();
  log.addMemtable(FIRST, made.handle());
  steps = [];
  return { log, next: nextEntry };
}

/** A plan for one new batch. */
function plan(entry: number, options: Partial<EntryPlan> = {}): EntryPlan {
  const from = memtable.length;
  memtable.append(batches.from(batchOfRows(from, 3)));
  return { entry, memtable: FIRST, from, to: from + 1, durable: true, counters: new Map(), ...options };
}

async function ownOf(entry: number) {
  return inspectEntry(await store.get(walKey(entry)), walKey(entry)).own;
}

/** Takes the shard over. */
async function takeOver(): Promise<void> {
  const view = store.view({ actor: "rival" });
  await claimShard(new ManifestStore(view, UNSHARDED_SHARD_ID), view);
}

/** What comes of an append while time goes by. */
async function settled(promise: Promise<unknown>): Promise<unknown> {
  const outcome = outcomeOf(promise);
  promise.catch(() => {});
  await outcome;
  await timers.advance(10_000);
  return outcomeOf(promise);
}

describe("an entry", () => {
  it("holds the arena's bytes behind a header of ours", async () => {
    const { log } = await openLog();
    const bytes = await log.append(plan(1, { counters: new Map([["a", 5n]]) }));
    await log.append(plan(2, { durable: false }));
    const [first, second] = [await store.get(walKey(1)), await store.get(walKey(2))];
    expect(bytes).toBe(first.byteLength);
    const entry = readEntry(first, { key: walKey(1), schema: storage });
    expect(entry).toMatchObject({ writerEpoch: 1, rows: 3 });
    expect(entry.own).toEqual({ writerId: WRITER, sequence: 1, durable: true, counters: new Map([["a", 5n]]) });
    const run = Buffer.concat(memtable.ipcParts(0, 1).slice(1));
    expect(Buffer.from(first).subarray(first.length - run.length)).toEqual(run);
    expect(readEntry(second, { key: walKey(2), schema: storage }).own).toMatchObject({ sequence: 2, durable: false });
  });

  it("is put, made durable, looked over for a newer epoch, and only then counts as durable", async () => {
    const { log } = await openLog();
    const durable: number[] = [];
    onStep = () => void durable.push(memtable.durable);
    await log.append(plan(1));
    expect(steps).toEqual([
      "putIfAbsent wal request",
      "putIfAbsent wal sync",
      "putIfAbsent wal reply",
      "head man request",
      "head man reply",
    ]);
    expect(durable).toEqual([0, 0, 0, 0, 0]);
    expect(memtable.durable).toBe(1);
  });

  it("waits for the one before it", async () => {
    const { log } = await openLog();
    const order: number[] = [];
    const appends = [1, 2, 3].map((entry) => log.append(plan(entry)).then(() => order.push(entry)));
    await Promise.all(appends);
    expect(order).toEqual([1, 2, 3]);
    expect(steps.filter((step) => step === "head man reply")).toHaveLength(3);
    expect(steps.indexOf("head man reply")).toBeLessThan(steps.lastIndexOf("putIfAbsent wal request"));
  });

  it("of a memtable that the log does not know fails", async () => {
    const { log } = await openLog();
    await expect(log.append(plan(1, { memtable: 7 }))).rejects.toThrow(StorageError);
    const { log: other } = await openLog("other");
    other.dropMemtable(FIRST, 0);
    await expect(other.append(plan(1))).rejects.toThrow(StorageError);
  });
});

describe("a put with a failure that passes", () => {
  it("is tried again, after a look for a newer epoch", async () => {
    const { log } = await openLog();
    store.faults.add({ op: "putIfAbsent", key: "wal/", times: 3, action: "failBefore", error: "retryable" });
    expect(await settled(log.append(plan(1)))).toBeTypeOf("number");
    expect(steps.map((step) => step.split(" ").slice(0, 2).join(" "))).toEqual([
      ...Array(3).fill(["putIfAbsent wal", "head man", "head man"]).flat(),
      ...Array(3).fill("putIfAbsent wal"),
      "head man",
      "head man",
    ]);
    expect(await ownOf(1)).toMatchObject({ sequence: 1 });
  });

  it("is given up after four tries, with nothing written", async () => {
    const { log } = await openLog();
    store.faults.add({ op: "putIfAbsent", key: "wal/", times: 9, action: "failBefore", error: "retryable" });
    expect(await settled(log.append(plan(1)))).toBeInstanceOf(RetryableError);
    expect(steps.filter((step) => step === "putIfAbsent wal request")).toHaveLength(4);
    expect(await store.head(walKey(1))).toBeUndefined();
  });

  it("is a Conflict when the shard has been taken over meanwhile", async () => {
    const { log } = await openLog();
    store.faults.add({ op: "putIfAbsent", key: "wal/", actor: "log", action: "failBefore", error: "retryable" });
    const appended = log.append(plan(1));
    appended.catch(() => {});
    await turn();
    await takeOver();
    expect(await settled(appended)).toBeInstanceOf(ConflictError);
    expect((await inspectEntry(await store.get(walKey(1)), "")).sentinel).toBe(true);
  });
});

describe("a put with a failure that does not pass", () => {
  it("stops the log, with nothing written", async () => {
    const { log } = await openLog();
    store.faults.add({ op: "putIfAbsent", key: "wal/", action: "failBefore", error: "storage" });
    const [first, second] = [log.append(plan(1)), log.append(plan(2))];
    second.catch(() => {});
    await expect(first).rejects.toThrow(StorageError);
    await expect(second).rejects.toThrow(/not written: the writer had stopped before/);
    await expect(second).rejects.toBeInstanceOf(StorageError);
    expect(await store.head(walKey(2))).toBeUndefined();
    expect(memtable.durable).toBe(0);
  });
});

describe("a put whose reply is lost", () => {
  it("is tried again with the same bytes at the same position, and found to be there", async () => {
    const { log } = await openLog();
    store.faults.add({ op: "putIfAbsent", key: "wal/", action: "failAfter" });
    expect(await settled(log.append(plan(1)))).toBeTypeOf("number");
    expect(await ownOf(1)).toMatchObject({ writerId: WRITER, sequence: 1 });
    expect(await store.head(walKey(2))).toBeUndefined();
    expect(steps.filter((step) => step === "putIfAbsent wal request")).toHaveLength(2);
    expect(store.unsynced().filter((key) => key.startsWith("wal/"))).toEqual([]);
  });

  it("is tried again when it had no effect", async () => {
    const { log } = await openLog();
    store.faults.add({ op: "putIfAbsent", key: "wal/", action: "failBefore", error: "unknown" });
    expect(await settled(log.append(plan(1)))).toBeTypeOf("number");
    expect(await ownOf(1)).toMatchObject({ sequence: 1 });
  });

  it("stays unknown when every reply is lost", async () => {
    const { log } = await openLog();
    store.faults.add({ op: "putIfAbsent", key: "wal/", times: 9, action: "failBefore", error: "unknown" });
    expect(await settled(log.append(plan(1)))).toBeInstanceOf(OutcomeUnknownError);
    expect(steps.filter((step) => step === "putIfAbsent wal request")).toHaveLength(4);
  });

  it.each(["retryable", "storage"] as const)("stays unknown when later tries fail with %s", async (error) => {
    const { log } = await openLog();
    store.faults.add({ op: "putIfAbsent", key: "wal/", action: "failAfter" });
    store.faults.add({ op: "putIfAbsent", key: "wal/", nth: 2, times: 9, action: "failBefore", error });
    expect(await settled(log.append(plan(1)))).toBeInstanceOf(OutcomeUnknownError);
  });

  it.each(["retryable", "storage", "sync"] as const)(
    "is not durable as long as its sync fails (%s)",
    async (failure) => {
      const { log } = await openLog();
      store.faults.add({ op: "putIfAbsent", key: "wal/", action: "failAfter" });
      if (failure === "sync") store.faults.add({ op: "sync", times: 9, action: "failAfter", at: "sync" });
      else store.faults.add({ op: "sync", times: 9, action: "failBefore", error: failure });
      const error = await settled(log.append(plan(1)));
      expect(error).toBeInstanceOf(OutcomeUnknownError);
      expect(steps.filter((step) => step === "sync wal request")).toHaveLength(failure === "retryable" ? 4 : 1);
    },
  );

  it("is read back patiently", async () => {
    const { log } = await openLog();
    store.faults.add({ op: "putIfAbsent", key: "wal/", action: "failAfter" });
    store.faults.add({ op: "get", key: "wal/", times: 2, action: "failBefore", error: "retryable" });
    expect(await settled(log.append(plan(1)))).toBeTypeOf("number");
  });

  it("stays unknown when it cannot be read back", async () => {
    const { log } = await openLog();
    store.faults.add({ op: "putIfAbsent", key: "wal/", action: "failAfter" });
    store.faults.add({ op: "get", key: "wal/", action: "failBefore", error: "storage" });
    expect(await settled(log.append(plan(1)))).toBeInstanceOf(OutcomeUnknownError);
  });

  it.each([
    ["another writer with the same number", "b", 1],
    ["this writer with another number", "a", 7],
  ])("is not mistaken for an entry of %s", async (_, writer, sequence) => {
    const { log } = await openLog();
    store.faults.add({ op: "putIfAbsent", key: "wal/", actor: "log", action: "failBefore", error: "unknown" });
    const appended = log.append(plan(1));
    appended.catch(() => {});
    await turn();
    const header = new EntryHeader(storage, { writerEpoch: 1, writerId: writer.repeat(32) });
    const bytes = header.bytes({ sequence, crc32: 0, durable: true, counters: new Map() });
    await store.putIfAbsent(walKey(1), [bytes, END_OF_STREAM]);
    const error = await settled(appended);
    expect(error).toBeInstanceOf(ConflictError);
    expect(String(error)).toContain(walKey(1));
    expect(memtable.durable).toBe(0);
    expect(await store.head(walKey(2))).toBeUndefined();
  });
});

describe("a failed fsync", () => {
  it("stops the log: the outcome is unknown, and nothing is tried again", async () => {
    const { log } = await openLog();
    store.faults.add({ op: "putIfAbsent", key: "wal/", action: "failAfter", at: "sync" });
    expect(await settled(log.append(plan(1)))).toBeInstanceOf(OutcomeUnknownError);
    expect(await settled(log.append(plan(2)))).toBeInstanceOf(StorageError);
    expect(steps).toEqual(["putIfAbsent wal request", "putIfAbsent wal sync"]);
    await expect(log.close()).rejects.toThrow(OutcomeUnknownError);
  });
});

describe("a position that is taken", () => {
  it("by a writer with a newer epoch is a Conflict", async () => {
    const { log } = await openLog();
    await takeOver();
    const error = await settled(log.append(plan(1)));
    expect(error).toBeInstanceOf(ConflictError);
    expect(String(error)).toContain("fenced");
    expect(await settled(log.append(plan(2)))).toBeInstanceOf(ConflictError);
  });

  it("while the claim holds is a Conflict that says so", async () => {
    const { log } = await openLog();
    await store.putIfAbsent(walKey(1), [new Uint8Array(8)]);
    const error = await settled(log.append(plan(1)));
    expect(error).toBeInstanceOf(ConflictError);
    expect(String(error)).toContain(walKey(1));
  });
});

describe("the look for a newer epoch", () => {
  it("behind the put makes the outcome unknown when there is one", async () => {
    const { log } = await openLog();
    onStep = async ({ op, key, phase }) => {
      if (op === "putIfAbsent" && key.startsWith("wal/") && phase === "reply") await takeOver();
    };
    const error = await settled(log.append(plan(1)));
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect(error).toHaveProperty("cause", expect.any(ConflictError));
    expect(memtable.durable).toBe(0);
  });

  it("is patient with failures that pass", async () => {
    const { log } = await openLog();
    store.faults.add({ op: "head", key: "manifest/", times: 3, action: "failBefore", error: "retryable" });
    expect(await settled(log.append(plan(1)))).toBeTypeOf("number");
    store.faults.add({ op: "head", key: "manifest/", times: 9, action: "failBefore", error: "retryable" });
    expect(await settled(log.append(plan(2)))).toBeInstanceOf(OutcomeUnknownError);
  });

  it("follows a manifest of the same epoch", async () => {
    const { log } = await openLog();
    const manifests = new ManifestStore(store, UNSHARDED_SHARD_ID);
    for (let entry = 1; entry <= 3; entry++) {
      await manifests.commit((current) => {
        if (current === undefined) throw new Error("there must be one");
        return { ...current, currentGeneration: current.currentGeneration + 1 };
      });
      await log.append(plan(entry));
    }
    steps = [];
    await log.append(plan(4));
    expect(steps.filter((step) => step === "head man request")).toHaveLength(1);
  });
});

describe("entries that are not durable", () => {
  it("become it before the next that is", async () => {
    const { log } = await openLog();
    await log.append(plan(1, { durable: false }));
    await log.append(plan(2, { durable: false }));
    expect(store.unsynced().filter((key) => key.startsWith("wal/"))).toHaveLength(2);
    steps = [];
    await log.append(plan(3));
    expect(steps.slice(0, 4)).toEqual([
      "sync wal request",
      "sync wal sync",
      "sync wal reply",
      "putIfAbsent wal request",
    ]);
    expect(store.unsynced().filter((key) => key.startsWith("wal/"))).toEqual([]);
  });

  it("become it after a while without another", async () => {
    const { log } = await openLog();
    await log.append(plan(1, { durable: false }));
    await timers.advance(99);
    await log.append(plan(2, { durable: false }));
    await timers.advance(99);
    expect(store.unsynced().filter((key) => key.startsWith("wal/"))).toHaveLength(2);
    await timers.advance(1);
    expect(store.unsynced().filter((key) => key.startsWith("wal/"))).toEqual([]);
    expect(timers.pending).toBe(0);
  });

  it("become it when there are 256 of them", async () => {
    const { log } = await openLog();
    for (let entry = 1; entry <= 257; entry++) await log.append(plan(entry, { durable: false }));
    expect(store.unsynced().filter((key) => key.startsWith("wal/"))).toEqual([]);
    expect(await ownOf(256)).toMatchObject({ durable: false });
    expect(await ownOf(257)).toMatchObject({ durable: true });
  });

  it("become it when the log is closed", async () => {
    const { log } = await openLog();
    await log.append(plan(1, { durable: false }));
    await log.close();
    expect(store.unsynced().filter((key) => key.startsWith("wal/"))).toEqual([]);
    expect(timers.pending).toBe(0);
  });

  it("stop the log when they cannot be synced: in idle time too", async () => {
    const { log } = await openLog();
    await log.append(plan(1, { durable: false }));
    store.faults.add({ op: "sync", action: "failAfter", at: "sync" });
    const told: Error[] = [];
    log.onFailure((error) => told.push(error));
    await timers.advance(100);
    expect(told).toEqual([expect.any(OutcomeUnknownError)]);
    const error = await settled(log.append(plan(2)));
    expect(error).toBeInstanceOf(StorageError);
    expect(await store.head(walKey(2))).toBeUndefined();
    await expect(log.close()).rejects.toThrow(OutcomeUnknownError);
  });

  it("are synced patiently", async () => {
    const { log } = await openLog();
    await log.append(plan(1, { durable: false }));
    store.faults.add({ op: "sync", times: 3, action: "failBefore", error: "retryable" });
    expect(await settled(log.append(plan(2)))).toBeTypeOf("number");
  });
});

describe("open", () => {
  it("claims, replays, and makes what it found durable before it fences", async () => {
    const { log } = await openLog();
    await log.append(plan(1, { durable: false }));
    await log.append(plan(2, { durable: false }));
    const order: string[] = [];
    onStep = ({ op, key, phase }) => {
      if (phase === "sync") order.push(`${op} ${key.slice(0, 3)}`);
    };
    const { next } = await openLog("second");
    expect(order.slice(0, 1)).toEqual(["sync wal"]);
    expect(order.slice(-4)).toEqual(["putIfAbsent man", "putIfAbsent wal", "putIfAbsent man", "sync wal"]);
    expect(next).toBe(4);
  });

  it("gives back what there was", async () => {
    const { log } = await openLog();
    await log.append(plan(1, { counters: new Map([["a", 1n]]) }));
    const second = new LogCore(store.view({ actor: "second" }), logOptions(), "b".repeat(32), timers);
    expect(await second.open()).toMatchObject({
      epoch: 2,
      nextEntry: 3,
      replayAfter: 0,
      counters: new Map([["a", 1n]]),
      replayed: { entries: 2, batches: 1, rows: 3 },
      memtables: [{ entries: [{ entry: 1, from: 0, to: 1 }] }],
    });
    await expect(log.append(plan(2))).rejects.toThrow(ConflictError);
  });

  it("replays what an older writer has got in while the fence was put", async () => {
    const { log } = await openLog();
    await log.append(plan(1));
    let raced = false;
    onStep = async ({ actor, op, key, phase }) => {
      if (raced || actor !== "second" || op !== "putIfAbsent" || !key.startsWith("wal/") || phase !== "request") return;
      raced = true;
      await log.append(plan(2, { durable: false })).catch(() => {});
    };
    const { next } = await openLog("second");
    expect(raced).toBe(true);
    expect(next).toBe(4);
    expect(store.unsynced().filter((key) => key.startsWith("wal/"))).toEqual([]);
  });

  it("names an entry that is damaged", async () => {
    const { log } = await openLog();
    await log.append(plan(1));
    await store.putIfAbsent(walKey(2), [new Uint8Array(100)]);
    const error: unknown = await openLog("second").catch((error: unknown) => error);
    expect(error).toBeInstanceOf(CorruptError);
    expect(String(error)).toContain(walKey(2));
  });

  /** As a flush would: says that SSTables cover the entries up to there. */
  async function cover(replayAfter: number): Promise<void> {
    await new ManifestStore(store, UNSHARDED_SHARD_ID).commit((current) => {
      if (current === undefined) throw new Error("no manifest");
      return { ...current, replayAfter, lastSeen: replayAfter, currentGeneration: current.currentGeneration + 1 };
    });
  }
  const reopen = () => new LogCore(store.view({ actor: "again" }), logOptions(), "b".repeat(32), timers).open();

  it("finds the counters of the newest entry, though all entries are covered, and others were removed", async () => {
    const { log } = await openLog();
    await log.append(plan(1, { counters: new Map([["a", 1n]]) }));
    await log.append(plan(2, { counters: new Map([["a", 2n]]) }));
    await cover(2);
    await store.delete(walKey(1));
    const opened = await reopen();
    expect(opened).toMatchObject({ replayAfter: 2, replayed: { rows: 0 }, countersOutdated: false });
    expect(opened.counters).toEqual(new Map([["a", 2n]]));
    // The fences of openings stand behind it.
    await cover(3);
    await reopen();
    await cover(4);
    expect((await reopen()).counters).toEqual(new Map([["a", 2n]]));
  });

  it("says when another writer's rows were covered that the counters know nothing of", async () => {
    const { log } = await openLog();
    await log.append(plan(1, { counters: new Map([["a", 1n]]) }));
    await store.putIfAbsent(walKey(2), [logEntry({ from: 7, rows: 1, foreign: true })]);
    await cover(2);
    const opened = await reopen();
    expect(opened).toMatchObject({ countersOutdated: true, replayed: { rows: 0 } });
    expect(opened.counters).toEqual(new Map([["a", 1n]]));
  });

  it("begins again when entries were covered and removed while it looked at them", async () => {
    const { log } = await openLog();
    for (const entry of [1, 2, 3]) await log.append(plan(entry));
    let raced = false;
    onStep = async ({ actor, op, key, phase }) => {
      if (raced || actor !== "second" || op !== "get" || key !== walKey(2) || phase !== "request") return;
      raced = true;
      await cover(2);
      await store.delete(walKey(1));
      await store.delete(walKey(2));
    };
    const { next } = await openLog("second");
    expect([raced, next]).toEqual([true, 5]);
  });
});
