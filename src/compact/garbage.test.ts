import { describe, expect, it } from "vitest";
import { ConflictError, UsageError } from "../errors.js";
import { coveredCounters } from "../lance/covered-counters.js";
import { noticeEpoch } from "../lance/kept-manifests.js";
import { replayedIds } from "../lance/log.fixture.js";
import { listPositions } from "../lance/log-positions.js";
import { manifestKey, VERSION_HINT_KEY, walKey } from "../lance/names.js";
import { encodeShardManifest } from "../lance/shard-manifest.js";
import { MemoryStore } from "../storage/memory-store.js";
import { AT_ONCE, manifestsOf, Shard } from "./garbage.fixture.js";
import { STATE_KEY } from "./garbage-state.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const counters = (n: bigint) => new Map([["next_row_id", n]]);

describe("entries of the log", () => {
  it("go once an SSTable covers them, except the last of these", async () => {
    const shard = await Shard.open();
    await shard.appendAll(10);
    expect((await shard.collect(AT_ONCE)).removed).toEqual([]);
    await shard.flush(6);
    const { removed } = await shard.collect(AT_ONCE);
    expect(removed.map(({ key }) => key)).toEqual([1, 2, 3, 4, 5].map(walKey));
    expect(removed.every(({ bytes, kind }) => bytes > 500 && kind === "entry")).toBe(true);
    expect(await shard.positions()).toEqual([6, 7, 8, 9, 10]);
    expect(await replayedIds(shard.store, 6)).toEqual([7, 8, 9, 10]);
  });

  it("stay while a follower needs them", async () => {
    const shard = await Shard.open();
    await shard.appendAll(10);
    await shard.flush();
    await shard.collect({ ...AT_ONCE, retainEntriesFrom: 4 });
    expect(await shard.positions()).toEqual([4, 5, 6, 7, 8, 9, 10]);
  });

  it("stay for the retention, counted from when they were found covered", async () => {
    const shard = await Shard.open();
    await shard.appendAll(4);
    await shard.flush(3);
    expect((await shard.collect()).removed).toEqual([]);
    shard.nowMs += MINUTE_MS - 1;
    await shard.flush(4);
    expect((await shard.collect()).removed).toEqual([]);
    shard.nowMs += 1;
    await shard.collect();
    expect(await shard.positions()).toEqual([4]);
  });

  it("stay when the notes on them are lost or of the future", async () => {
    const shard = await Shard.open();
    await shard.appendAll(4);
    await shard.flush();
    await shard.collect();
    for (const notes of ["", "{", "[]", `{"notes":[{"atMs":${2 ** 50},"replayAfter":4}]}`]) {
      await shard.store.put(STATE_KEY, [Buffer.from(notes)]);
      shard.nowMs += 30_000;
      expect((await shard.collect()).removed).toEqual([]);
    }
    shard.nowMs += MINUTE_MS;
    expect((await shard.collect()).removed).toHaveLength(3);
  });

  it("leave every fence, and a guard behind it", async () => {
    const shard = await Shard.open();
    await shard.appendAll(3);
    await shard.claim(); // fence at 4
    await shard.appendAll(5);
    await shard.claim(); // 10
    await shard.claim(); // 11
    await shard.appendAll(6);
    await shard.flush();
    await shard.collect(AT_ONCE);
    expect(await shard.positions()).toEqual([4, 6, 10, 11, 13, 17]);
    await shard.append();
    await shard.flush();
    await shard.collect(AT_ONCE);
    expect(await shard.positions()).toEqual([4, 6, 10, 11, 13, 18]);
  });

  it("leave the newest one with counters, and the newest foreign one behind it; both are found again", async () => {
    const shard = await Shard.open();
    await shard.append({ counters: counters(1n) });
    await shard.append({ counters: counters(2n) });
    await shard.append();
    await shard.append({ foreign: true });
    await shard.append({ foreign: true });
    await shard.append();
    await shard.append();
    await shard.flush();
    await shard.collect(AT_ONCE);
    expect(await shard.positions()).toEqual([2, 5, 7]);
    expect(await coveredCounters(shard.store, 7)).toEqual({ counters: counters(2n), position: 2, foreign: 5 });
    await shard.append({ counters: counters(3n) });
    await shard.flush();
    await shard.collect(AT_ONCE);
    expect(await shard.positions()).toEqual([8]);
    expect(await coveredCounters(shard.store, 8)).toEqual({ counters: counters(3n), position: 8, foreign: 0 });
  });

  it("leave no hole behind lastSeen, which is raised first", async () => {
    const shard = await Shard.open();
    await shard.appendAll(8);
    await shard.manifests.commit((current) => {
      if (current === undefined) throw new Error("no manifest");
      return { ...current, lastSeen: 2, replayAfter: 6 };
    });
    const dry = await shard.collect({ ...AT_ONCE, dryRun: true });
    expect((await shard.manifest()).lastSeen).toBe(2);
    const { removed } = await shard.collect(AT_ONCE);
    expect(removed).toEqual(dry.removed);
    expect((await shard.manifest()).lastSeen).toBe(6);
    expect(await shard.positions()).toEqual([6, 7, 8]);
  });

  it("stay when what covers them is missing", async () => {
    const shard = await Shard.open();
    await shard.appendAll(3);
    const path = await shard.flush();
    for (const file of ["data/rows.lance", "_pk_index/page_data.lance"]) await shard.store.delete(`${path}/${file}`);
    await expect(shard.collect(AT_ONCE)).rejects.toThrow(ConflictError);
    expect(await shard.positions()).toEqual([1, 2, 3]);
  });

  it("go only after what covers them is synced, though another writer did not do it", async () => {
    const shard = await Shard.open();
    await shard.appendAll(5);
    const path = await shard.flush(5, false);
    const files = ["data/rows.lance", "_pk_index/page_data.lance"].map((file) => `${path}/${file}`);
    expect(await shard.store.snapshotDurable().head(files[0] ?? "")).toBeUndefined();
    // The newest manifest is of LanceDB, which syncs nothing.
    const manifest = await shard.manifest();
    const newest = { ...manifest, version: manifest.version + 1, shardSpecId: 9 };
    await shard.store.putIfAbsent(manifestKey(newest.version), [encodeShardManifest(newest)], { durable: false });
    let checked = 0;
    await shard.collect({
      ...AT_ONCE,
      onStep: async (step) => {
        if (!step.startsWith("remove")) return;
        checked++;
        const durable = shard.store.snapshotDurable();
        for (const key of files) expect(await durable.head(key)).toBeDefined();
        expect((await manifestsOf(durable).load())?.shardSpecId).toBe(9);
      },
    });
    expect(checked).toBe(4);
  });
});

describe("merged SSTables", () => {
  it("stay listed and on disk for the retention, then listed no more, then on disk no more", async () => {
    const shard = await Shard.open();
    const paths: string[] = [];
    for (let i = 0; i < 3; i++) {
      await shard.append();
      paths.push(await shard.flush());
    }
    const listed = async () => (await shard.manifest()).ssTables.map(({ path }) => path);
    await shard.collect({ compactedThrough: 1 });
    shard.nowMs += HOUR_MS / 2;
    await shard.collect({ compactedThrough: 2 });
    expect(await listed()).toEqual(paths);
    shard.nowMs += HOUR_MS / 2;
    expect((await shard.collect({ compactedThrough: 2 })).unlisted).toEqual(paths.slice(0, 1));
    expect(await listed()).toEqual(paths.slice(1));
    expect(await shard.directories()).toEqual(expect.arrayContaining(paths));
    shard.nowMs += HOUR_MS;
    expect((await shard.collect({ compactedThrough: 2 })).unlisted).toEqual(paths.slice(1, 2));
    expect(await shard.directories()).toEqual([...paths.slice(1), "manifest", "wal"].sort());
    expect(await listed()).toEqual(paths.slice(2));
  });

  it("go at once when told to, but not while they are read", async () => {
    const shard = await Shard.open();
    await shard.append();
    const read = await shard.flush();
    await shard.append();
    await shard.flush();
    const { removed } = await shard.collect({ ...AT_ONCE, compactedThrough: 2, inUse: new Set([read]) });
    expect(removed.filter(({ kind }) => kind === "ssTable")).toHaveLength(2);
    expect((await shard.directories()).filter((name) => name.includes("gen"))).toEqual([read]);
  });

  it("stay when somebody claims the shard before they are dropped", async () => {
    const shard = await Shard.open();
    await shard.append();
    await shard.flush();
    const onStep = async (step: string) => {
      if (step.startsWith("drop")) await shard.claim();
    };
    await expect(shard.collect({ ...AT_ONCE, compactedThrough: 1, onStep })).rejects.toThrow(ConflictError);
    expect((await shard.manifest()).ssTables).toHaveLength(1);
    expect((await shard.directories()).filter((name) => name.includes("gen"))).toHaveLength(1);
    await expect(shard.collect({ ...AT_ONCE, epoch: 1 })).rejects.toThrow(/fenced/);
  });
});

describe("what nothing refers to", () => {
  it("goes after its grace: directories of SSTables and temporary files, and nothing else", async () => {
    const shard = await Shard.open();
    await shard.append();
    const stray = ["0badc0de_gen_1/data/a.lance", "0badc0de_gen_2.lance/data/a.lance", `${walKey(9)}.tmp.1b2c`];
    const others = ["quarantine-1/record.json", "notes_gen/x", `${walKey(9)}.copy`];
    for (const key of [...stray, ...others]) await shard.store.putIfAbsent(key, [Buffer.from("x")]);
    await shard.collect();
    shard.nowMs += HOUR_MS - 1;
    expect((await shard.collect({ inUse: new Set(["0badc0de_gen_1"]) })).removed).toEqual([]);
    shard.nowMs += 1;
    // What was in use meanwhile is seen without a reference for the first time.
    expect((await shard.collect()).removed.map(({ key }) => key).sort()).toEqual(stray.slice(1).sort());
    shard.nowMs += HOUR_MS;
    await shard.collect();
    for (const key of stray) expect(await shard.store.head(key)).toBeUndefined();
    for (const key of others) expect(await shard.store.head(key)).toBeDefined();
  });

  it("stays when it was published after all", async () => {
    const shard = await Shard.open();
    await shard.append();
    await shard.store.putIfAbsent("00000001_gen_1/early", [Buffer.from("x")]);
    let flushed = "";
    const onStep = async (step: string) => {
      if (step.startsWith("put")) flushed ||= await shard.flush();
    };
    await shard.collect({ ...AT_ONCE, onStep });
    expect(flushed).toBe("00000001_gen_1");
    expect(await shard.directories()).toContain(flushed);
  });
});

describe("versions of the manifest", () => {
  const versionsOf = async (store: MemoryStore): Promise<number[]> => {
    const found: number[] = [];
    for (let version = 1; version <= 600; version++)
      if (await manifestsOf(store).hasVersion(version)) found.push(version);
    return found;
  };

  /** 300 versions: claims, and commits between them. */
  async function longHistory(): Promise<Shard> {
    const shard = await Shard.open();
    await shard.append();
    for (let i = (await shard.manifest()).version; i < 300; i++) {
      if (i % 50 === 0) await shard.claim();
      else
        await shard.manifests.commit((current) => ({ ...(current ?? fail()), lastSeen: (current?.lastSeen ?? 0) + 1 }));
    }
    return shard;
  }
  const fail = () => {
    throw new Error("no manifest");
  };

  it("go when they are old and not among the newest; the first of each epoch leaves a notice", async () => {
    const shard = await longHistory();
    const { version, writerEpoch } = await shard.manifest();
    await shard.collect({ keptManifests: 20 });
    expect((await versionsOf(shard.store)).length).toBe(version);
    shard.nowMs += 24 * HOUR_MS;
    const { removed } = await shard.collect({ keptManifests: 20 });
    const left = await versionsOf(shard.store);
    expect(removed).toHaveLength(version - left.length);
    const old = left.filter((found) => found <= version - 20);
    const epochs: (number | undefined)[] = [];
    for (const found of old) epochs.push(noticeEpoch(await shard.store.get(manifestKey(found))));
    // Claims take two versions; the last one may be among the newest.
    expect(epochs).toEqual(Array.from({ length: epochs.length }, (_, i) => i + 1));
    expect(epochs.length).toBeGreaterThanOrEqual(writerEpoch - 1);
    expect(left.filter((found) => found > version - 20)).toHaveLength(20);
    await shard.store.delete(VERSION_HINT_KEY);
    expect((await shard.manifest()).version).toBe(version);
  });

  it("go on going, without more notices than epochs", async () => {
    const shard = await longHistory();
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 20; i++)
        await shard.manifests.commit((current) => ({ ...(current ?? fail()), lastSeen: i + 1 }));
      await shard.collect({ keptManifests: 1, maxRemoved: 90 });
      shard.nowMs += 24 * HOUR_MS;
    }
    await shard.collect({ keptManifests: 1 });
    const { version, writerEpoch } = await shard.manifest();
    const left = await versionsOf(shard.store);
    expect(left.length).toBe(writerEpoch + 1);
    expect(left.at(-1)).toBe(version);
  });

  it("are not written into a hole by a writer that stood still", async () => {
    const shard = await longHistory();
    const stopped = manifestsOf(shard.store, () => shard.nowMs);
    const { version } = (await stopped.load()) ?? fail();
    for (let i = 0; i < 100; i++)
      await shard.manifests.commit((current) => ({ ...(current ?? fail()), lastSeen: 500 + i }));
    await shard.collect({ keptManifests: 1 });
    shard.nowMs += 24 * HOUR_MS;
    await shard.collect({ keptManifests: 1 });
    expect(await stopped.hasVersion(version + 1)).toBe(false);
    expect(await stopped.hasNewer()).toBe(true);
    const written = await stopped.commit((current) => ({ ...(current ?? fail()), shardSpecId: 7 }));
    expect(written.version).toBe(version + 101);
    expect(written.lastSeen).toBe(599);
  });

  it("written into a hole are a claim that is lost, and no hint leads to them", async () => {
    const shard = await longHistory();
    const view = shard.store.view({
      actor: "stopped",
      step: async ({ op, phase, key }) => {
        if (op !== "putIfAbsent" || phase !== "request" || key !== manifestKey(target)) return;
        // It stands still right before it writes.
        target = 0;
        for (let i = 0; i < 100; i++)
          await shard.manifests.commit((current) => ({ ...(current ?? fail()), lastSeen: 500 + i }));
        await shard.collect({ keptManifests: 1 });
        shard.nowMs += 24 * HOUR_MS;
        await shard.collect({ keptManifests: 1 });
      },
    });
    const stopped = manifestsOf(view, () => shard.nowMs);
    const current = (await stopped.load()) ?? fail();
    let target = current.version + 1;
    const put = await stopped.tryPut({ ...current, version: target, writerEpoch: current.writerEpoch + 1 });
    expect(put).toBe("unknown");
    expect((await shard.manifest()).version).toBe(current.version + 100);
    expect((await stopped.refresh())?.version).toBe(current.version + 100);
  });
});

describe("a run", () => {
  it("removes in portions with pauses, and no more than it may", async () => {
    const shard = await Shard.open();
    await shard.appendAll(50);
    await shard.flush();
    let pauses = 0;
    const sleep = async () => {
      pauses++;
    };
    const report = await shard.collect({ ...AT_ONCE, maxRemoved: 30, portion: 8, sleep });
    expect(report).toMatchObject({ more: true });
    expect(report.removed).toHaveLength(30);
    expect(pauses).toBe(3);
    expect((await shard.positions())[0]).toBe(31);
    expect(await shard.collect(AT_ONCE)).toMatchObject({ more: false });
    expect(await shard.positions()).toEqual([50]);
  });

  it("ends when it is told to, between two files", async () => {
    const shard = await Shard.open();
    await shard.appendAll(10);
    await shard.flush();
    const controller = new AbortController();
    let removals = 0;
    const onStep = (step: string) => {
      if (step.startsWith("remove") && ++removals === 3) controller.abort(new Error("enough"));
    };
    await expect(shard.collect({ ...AT_ONCE, onStep, signal: controller.signal })).rejects.toThrow("enough");
    expect((await shard.positions())[0]).toBe(4);
  });

  it("changes nothing when it is dry, and tells the same", async () => {
    const shard = await Shard.open();
    await shard.appendAll(10);
    await shard.flush();
    await shard.store.putIfAbsent("0badc0de_gen_9/x", [Buffer.from("xyz")]);
    const before = shard.store.unsynced();
    const keys = async () => {
      const found: string[] = [];
      for await (const { key } of shard.store.list("")) found.push(key);
      return found;
    };
    const all = await keys();
    const dry = await shard.collect({ ...AT_ONCE, compactedThrough: 1, dryRun: true });
    expect(await keys()).toEqual(all);
    expect(shard.store.unsynced()).toEqual(before);
    const wet = await shard.collect({ ...AT_ONCE, compactedThrough: 1 });
    expect([wet.removed, wet.unlisted]).toEqual([dry.removed, dry.unlisted]);
    expect(dry.removed.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["entry", "ssTable", "orphan"]));
    expect((await keys()).length).toBe(all.length - wet.removed.length + 2);
  });

  it("does nothing to a shard without a manifest, and refuses bounds that make no sense", async () => {
    const shard = await Shard.open();
    const store = new MemoryStore();
    expect(await shard.collect({ store })).toEqual({ dryRun: false, unlisted: [], removed: [], kept: [], more: false });
    await expect(shard.collect({ manifestRetentionMs: HOUR_MS })).rejects.toThrow(UsageError);
    await expect(shard.collect({ portion: 0 })).rejects.toThrow(/portion is 0; expected a number from 1/);
  });

  it("may end at any step, by a crash or a loss of power: nothing is lost, and the next run ends it", async () => {
    async function build(): Promise<Shard> {
      const shard = await Shard.open();
      await shard.append({ counters: counters(7n) });
      await shard.appendAll(3);
      await shard.flush();
      await shard.claim();
      await shard.appendAll(4);
      await shard.flush(7);
      await shard.store.putIfAbsent("0badc0de_gen_9/x", [Buffer.from("x")]);
      return shard;
    }
    const options = { ...AT_ONCE, compactedThrough: 1 };
    const whole = await build();
    const steps: string[] = [];
    await whole.collect({ ...options, onStep: (step) => void steps.push(step) });
    const expected = [await whole.positions(), await whole.directories()];
    expect(steps.length).toBeGreaterThan(12);
    for (let kill = 0; kill < steps.length; kill++) {
      for (const power of ["kept", "lost", "random"] as const) {
        const shard = await build();
        const view = shard.store.view({ actor: "collector" });
        let step = 0;
        const onStep = () => {
          if (step++ === kill) view.kill();
        };
        await shard.collect({ ...options, store: view, onStep }).catch(() => {});
        const left = await Shard.open(shard.store.afterPowerLoss(power));
        left.nowMs = shard.nowMs;
        expect(await replayedIds(left.store, 7)).toEqual([8, 9]);
        expect((await coveredCounters(left.store, 7)).counters).toEqual(counters(7n));
        const { ssTables } = await left.manifest();
        for (const { path } of ssTables) expect(await left.directories()).toContain(path);
        expect(ssTables.some(({ generation }) => generation === 2)).toBe(true);
        await left.collect(options);
        await left.collect(options);
        // The fence of the opening stands behind all.
        expect([(await left.positions()).slice(0, -1), await left.directories()]).toEqual(expected);
      }
    }
  });
});

it("lists positions in order", async () => {
  const shard = await Shard.open();
  await shard.appendAll(40);
  expect([...(await listPositions(shard.store))]).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
});
