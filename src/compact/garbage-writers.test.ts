/**
 * Writers that stood still while their log was collected: those of LanceDB, as a model and as they are, and ours.
 *
 * The model has of LanceDB's protocol what can lose rows: it looks for the end of the log from `lastSeen`, hole by hole, looks at the
 * manifest only when it finds a position taken, and acknowledges whatever it got in.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Field, Int64, Schema, Utf8 } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lanceRows, lanceUpsert, makeLanceTable } from "../../test/lancedb.js";
import { claimShard } from "../lance/claim.js";
import { EpochWatch } from "../lance/epoch-watch.js";
import { logEntry } from "../lance/log.fixture.js";
import { listPositions } from "../lance/log-positions.js";
import { shardDirectory, VERSION_HINT_KEY, walKey } from "../lance/names.js";
import { UNSHARDED_SHARD_ID } from "../lance/shard-id.js";
import { encodeSentinel } from "../lance/wal-entry.js";
import { LocalStore } from "../storage/local-store.js";
import type { MemoryStore } from "../storage/memory-store.js";
import { ObjectExistsError } from "../storage/object-store.js";
import { localTree } from "../storage/object-tree.js";
import { AT_ONCE, manifestsOf, Shard } from "./garbage.fixture.js";
import { collectGarbage } from "./garbage.js";

/** A writer of LanceDB, which can be stopped between any two of its steps. */
class LanceModel {
  readonly #store: MemoryStore;
  epoch = 0;
  #lastSeen = 0;
  next = 0;
  fenced = false;

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  /** Write 1 of a claim. */
  async claim(): Promise<void> {
    const manifest = await manifestsOf(this.#store).commit((current) => {
      if (current === undefined) throw new Error("no manifest");
      return { ...current, writerEpoch: current.writerEpoch + 1 };
    });
    this.epoch = manifest.writerEpoch;
    this.#lastSeen = manifest.lastSeen;
  }

  /** Write 2: the fence, at the end of the log as LanceDB finds it. */
  async fence(): Promise<void> {
    let tip = this.#lastSeen;
    if ((await this.#store.head(walKey(Math.max(1, tip)))) === undefined || tip === 0) {
      tip = ((await listPositions(this.#store)).at(-1) ?? 0) + 1;
    } else {
      while ((await this.#store.head(walKey(tip))) !== undefined) tip++;
    }
    this.next = tip;
    await this.#put(encodeSentinel(this.epoch));
  }

  /** Appends a row. @returns its position when it is acknowledged */
  append(): Promise<number | undefined> {
    return this.#put(ENTRY);
  }

  async #put(bytes: Uint8Array): Promise<number | undefined> {
    while (!this.fenced) {
      try {
        await this.#store.putIfAbsent(walKey(this.next), [bytes]);
        return this.next++;
      } catch (error) {
        if (!(error instanceof ObjectExistsError)) throw error;
        this.fenced = ((await manifestsOf(this.#store).load())?.writerEpoch ?? 0) > this.epoch;
        this.next++;
      }
    }
    return undefined;
  }
}

type Command =
  | { readonly kind: "claim" | "append" | "flush" | "collect" }
  | { readonly kind: "start" | "fence" | "row"; readonly who: number };

const WRITERS = 3;
const ENTRY = logEntry({ from: 1, rows: 1 });
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("claim", "append", "flush") }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("append", "collect") }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom("start", "fence", "row"), who: fc.nat({ max: WRITERS - 1 }) }),
  },
);

/**
 * Rows of the model's writers that are lost: acknowledged where nobody will read. Our own writer is at work meanwhile: what lies in the log
 * when it claims, or it writes itself, is in SSTables after its flush.
 */
async function lostRows(commands: readonly Command[], collects: boolean): Promise<string[]> {
  const shard = await Shard.open();
  const models = Array.from({ length: WRITERS }, () => new LanceModel(shard.store));
  const started = new Set<number>();
  const lost: string[] = [];
  for (const { kind, ...rest } of commands) {
    const who = "who" in rest ? rest.who : 0;
    const model = models[who] ?? fail();
    if (kind === "claim") await shard.claim();
    else if (kind === "append" || kind === "flush") {
      // Ours stops when it is fenced, and is opened again.
      if ((await shard.manifest()).writerEpoch !== shard.epoch) await shard.claim();
      if (kind === "flush") await shard.flush();
      else if ((await shard.store.head(walKey(shard.next))) === undefined) await shard.append({ bytes: ENTRY });
      else await shard.claim();
    } else if (kind === "collect") {
      if (collects) await shard.collect(AT_ONCE);
    } else if (kind === "start") {
      models[who] = new LanceModel(shard.store);
      await models[who]?.claim();
      started.delete(who);
    } else if (kind === "fence") {
      if (model.epoch > 0 && model.next === 0) await model.fence();
      started.add(who);
    } else if (started.has(who) && model.next > 0) {
      const { replayAfter } = await shard.manifest();
      const position = await model.append();
      if (position !== undefined && position <= replayAfter)
        lost.push(`row of ${who} at ${position}, covered ${replayAfter}`);
    }
  }
  return lost;
}

const fail = (): never => {
  throw new Error("no such writer");
};

describe("a model of LanceDB's writers, any of which stands still for as long as it likes", () => {
  it("loses no row to a collection", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 60 }), async (commands) => {
        if ((await lostRows(commands, false)).length > 0) return;
        expect(await lostRows(commands, true)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  const story = (...kinds: (Command["kind"] | [Command["kind"], number])[]): Command[] =>
    kinds.flatMap((kind): Command[] => {
      const [name, times] = typeof kind === "string" ? [kind, 1] : kind;
      const one: Command =
        name === "start" || name === "fence" || name === "row" ? { kind: name, who: 0 } : { kind: name };
      return Array.from({ length: times }, () => one);
    });

  it("loses none when it was fenced long ago and appends again", async () => {
    const commands = story("start", "fence", "row", "claim", ["append", 5], "flush", "collect", ["row", 3]);
    expect(await lostRows(commands, true)).toEqual([]);
  });

  it("loses none when it was stopped before it looked for the end of the log, with a fence as its beginning", async () => {
    for (let rows = 0; rows < 6; rows++) {
      const commands = story(
        "claim",
        "start",
        "claim",
        ["append", rows],
        "claim",
        ["append", rows],
        "flush",
        "collect",
      );
      expect(await lostRows([...commands, ...story("fence", ["row", 8])], true)).toEqual([]);
    }
  });
});

describe("writers as they are", () => {
  const schema = new Schema([new Field("id", new Int64(), false), new Field("text", new Utf8(), true)]);

  async function withTable(
    test: (lance: Awaited<ReturnType<typeof makeLanceTable>>, store: LocalStore, shard: string) => Promise<void>,
  ): Promise<void> {
    const directory = mkdtempSync(join(tmpdir(), "pennon-garbage-"));
    const lance = await makeLanceTable(directory, { schema, primaryKey: ["id"] });
    const shard = shardDirectory(lance.directory, UNSHARDED_SHARD_ID);
    const store = new LocalStore(shard);
    try {
      await test(lance, store, shard);
    } finally {
      await store.close();
      await lance.close();
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    }
  }

  const collect = (store: LocalStore, shard: string, options: object = {}) =>
    collectGarbage({ store, manifests: manifestsOf(store), tree: localTree(shard), ...AT_ONCE, ...options });
  const ids = (rows: Record<string, unknown>[]) => rows.map(({ id }) => Number(id)).sort((a, b) => a - b);

  it("of LanceDB, fenced while it stood still, is not acknowledged after its log was collected", async () => {
    await withTable(async (lance, store, shard) => {
      const stalled = await lance.open();
      for (let id = 1; id <= 3; id++) await lanceUpsert(stalled, [{ id: BigInt(id), text: "stalled" }]);
      // Another writer of LanceDB takes over, fills the log and flushes it.
      const other = await lance.open();
      for (let id = 10; id < 20; id++) await lanceUpsert(other, [{ id: BigInt(id), text: "other" }]);
      await other.closeLsmWriters();
      const { removed } = await collect(store, shard);
      expect(removed.length).toBeGreaterThan(8);
      await expect(lanceUpsert(stalled, [{ id: 30n, text: "lost?" }])).rejects.toThrow(/fenc/i);
      // A third one goes on, and reads everything that was acknowledged.
      const third = await lance.open();
      await lanceUpsert(third, [{ id: 40n, text: "third" }]);
      const expected = [1, 2, 3, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 40];
      expect(ids(await lanceRows(third))).toEqual(expected);
      await third.closeLsmWriters();
      expect(ids(await lanceRows(await lance.open()))).toEqual(expected);
    });
  });

  it("of LanceDB goes on while its log is collected beside it", async () => {
    await withTable(async (lance, store, shard) => {
      for (let round = 0; round < 3; round++) {
        const writer = await lance.open();
        for (let id = 0; id < 5; id++) await lanceUpsert(writer, [{ id: BigInt(10 * round + id), text: "a" }]);
        await collect(store, shard);
        await lanceUpsert(writer, [{ id: BigInt(10 * round + 5), text: "b" }]);
        await writer.closeLsmWriters();
        await collect(store, shard);
      }
      const reader = await lance.open();
      expect(ids(await lanceRows(reader))).toEqual([0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25]);
      await lanceUpsert(reader, [{ id: 99n, text: "c" }]);
      expect(ids(await lanceRows(reader)).at(-1)).toBe(99);
    });
  });

  it("of LanceDB never takes an old manifest for the newest, after old ones were removed", async () => {
    await withTable(async (lance, store, shard) => {
      await lanceUpsert(lance.table, [{ id: 1n, text: "a" }]);
      await lance.table.closeLsmWriters();
      let nowMs = Date.now();
      const manifests = manifestsOf(store);
      for (let i = 0; i < 400; i++) {
        await manifests.commit((current) => {
          if (current === undefined) throw new Error("no manifest");
          return { ...current, lastSeen: current.lastSeen + (i % 2) };
        });
      }
      const collectOld = () => collect(store, shard, { keptManifests: 1, nowMs: () => nowMs, maxRemoved: 1000 });
      await collectOld();
      nowMs += 25 * 60 * 60 * 1000;
      const { removed } = await collectOld();
      expect(removed.length).toBeGreaterThan(250);
      const reader = await lance.open();
      expect(ids(await lanceRows(reader))).toEqual([1]);
      // Without the hint it says so, and does not begin anew.
      await store.delete(VERSION_HINT_KEY);
      await expect(lanceRows(await lance.open())).rejects.toThrow(/manifest/i);
      await expect(lanceUpsert(await lance.open(), [{ id: 5n, text: "b" }])).rejects.toThrow(/manifest/i);
      // Ours finds it, and brings the hint back.
      await claimShard(manifestsOf(store), store);
      const writer = await lance.open();
      await lanceUpsert(writer, [{ id: 2n, text: "b" }]);
      expect(ids(await lanceRows(writer))).toEqual([1, 2]);
    });
  });

  it("of ours, fenced while it stood still, writes nothing that counts", async () => {
    const shard = await Shard.open();
    await shard.appendAll(2);
    const stalled = { epoch: shard.epoch, next: shard.next };
    const store = shard.store.view({ actor: "stalled" });
    const manifests = manifestsOf(store);
    await manifests.load();
    const watch = new EpochWatch(manifests, stalled);
    await claimShard(shard.manifests, shard.store);
    await shard.claim();
    await shard.appendAll(5);
    await shard.flush();
    await shard.collect(AT_ONCE);
    await expect(store.putIfAbsent(walKey(stalled.next), [Buffer.from("x")])).rejects.toThrow(ObjectExistsError);
    await expect(watch.check()).rejects.toThrow(/fenced/);
  });
});
