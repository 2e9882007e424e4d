import { mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Field, Int64, Schema, Utf8 } from "apache-arrow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lanceRows } from "../../test/lancedb.js";
import { readMemWalIndex } from "../lance/mem-wal-index.js";
import { UNSHARDED_SHARD_ID } from "../lance/shard-id.js";
import { MergedTable, sorted } from "./compactor.fixture.js";

const schema = new Schema([new Field("id", new Int64(), false), new Field("text", new Utf8(), true)]);
const row = (id: number, text: string | null) => ({ id: BigInt(id), text });
const key = (id: number) => ({ id: BigInt(id) });

let directory: string;
let table: MergedTable;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "pennon-compact-"));
  table = await MergedTable.make(directory, {
    schema,
    primaryKey: ["id"],
    rows: [row(1, "base"), row(2, "base"), row(3, "base"), row(4, "base")],
  });
});

afterEach(async () => {
  await table.close();
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
});

async function watermark(): Promise<number | undefined> {
  const index = await readMemWalIndex(table.lance.directory);
  return index?.compacted.find(({ shardId }) => shardId === UNSHARDED_SHARD_ID)?.generation;
}

describe("a run", () => {
  it("puts the newest rows into the base table, takes deleted ones out, and says so there", async () => {
    await table.flush([row(2, "a"), row(5, "a"), row(6, "a")], [key(1), key(99)]);
    await table.flush([row(2, "b"), row(7, null)], [key(5), key(3)]);
    await table.flush([row(3, "c")], [key(7)]);
    const expected = sorted([row(2, "b"), row(3, "c"), row(4, "base"), row(6, "a")]);
    expect((await table.read()).all).toEqual(expected);
    const result = await table.compact();
    expect(result).toMatchObject({
      generations: [1, 2, 3],
      rowsUpserted: 3,
      rowsDeleted: 1,
      commits: 2,
      retries: 0,
      watermark: { written: true },
      mergedGeneration: 3,
    });
    expect(result.bytesWritten).toBeGreaterThan(1_000);
    expect(await table.read()).toEqual({ all: expected, base: expected });
    expect(await watermark()).toBe(3);
    expect(await table.compact()).toMatchObject({
      generations: [],
      commits: 0,
      watermark: undefined,
      mergedGeneration: 3,
    });
  });

  it("goes on where the last one stopped, and takes in what LanceDB itself has flushed", async () => {
    await table.flush([row(1, "a")]);
    await table.compact();
    const writer = await table.lance.open();
    await writer
      .mergeInsert("id")
      .whenMatchedUpdateAll()
      .whenNotMatchedInsertAll()
      .execute([row(1, "b"), row(8, "b")]);
    await writer.closeLsmWriters();
    await table.manifests.refresh();
    await table.claim();
    await table.flush([row(9, "c")]);
    expect(await table.compact()).toMatchObject({ generations: [2, 3], rowsUpserted: 3, mergedGeneration: 3 });
    const expected = sorted([row(1, "b"), ...[2, 3, 4].map((id) => row(id, "base")), row(8, "b"), row(9, "c")]);
    expect(await table.read()).toEqual({ all: expected, base: expected });
  });

  it("cuts its commits by bytes, rows and keys, and merges in several rounds", async () => {
    const many = Array.from({ length: 100 }, (_, i) => row(i, "x".repeat(i)));
    const expected = sorted([...many.slice(0, 10), ...many.slice(25, 90)]);
    for (const [name, limits, commits] of [
      ["rows", { commitRows: 10, commitDeletes: 5 }, 8],
      ["bytes", { commitBytes: 1 }, 4],
      ["rounds", { mergedKeys: 1 }, 5],
    ] as const) {
      const cut = await MergedTable.make(join(directory, name), { schema, primaryKey: ["id"] });
      await cut.flush(many.slice(0, 60));
      await cut.flush(many.slice(50), many.slice(0, 25));
      await cut.flush(many.slice(0, 10), many.slice(90));
      const result = await cut.compact({ limits });
      expect(result, name).toMatchObject({ generations: [1, 2, 3], commits });
      expect(await cut.read()).toEqual({ all: expected, base: expected });
      await cut.close();
    }
  });

  it("stops when it is told to, and the next one ends the work", async () => {
    await table.flush([row(1, "a")], [key(2)]);
    const stop = new AbortController();
    const compactor = await table.compactor({
      onStep: (step) => {
        if (step === "upsert:after") stop.abort(new Error("stop"));
      },
    });
    await expect(compactor.run(stop.signal)).rejects.toThrow("stop");
    expect(await watermark()).toBeUndefined();
    await compactor.close();
    expect(await table.compact()).toMatchObject({ generations: [1] });
    const expected = sorted([row(1, "a"), row(3, "base"), row(4, "base")]);
    expect(await table.read()).toEqual({ all: expected, base: expected });
  });

  it("sees what was committed to the base table a moment before: no key is there twice, or stays", async () => {
    const other = await table.lance.open();
    const compactor = await table.compactor({
      onStep: async (step) => {
        if (step === "upsert:after") await other.add([row(11, "added")]);
      },
    });
    await other.add([row(10, "added")]);
    await other.update({ where: "id = 3", values: { text: "updated" } });
    await table.flush([row(3, "a"), row(10, "a")], [key(11)]);
    await compactor.run();
    await compactor.close();
    const expected = sorted([row(1, "base"), row(2, "base"), row(3, "a"), row(4, "base"), row(10, "a")]);
    expect(await table.read()).toEqual({ all: expected, base: expected });
  });

  it("is refused when there is no log any more, or a column was added", async () => {
    await table.flush([row(1, "a")]);
    await table.lance.table.addColumns([{ name: "more", valueSql: "1" }]);
    const wider = new Schema([...schema.fields, new Field("more", new Int64(), true)]);
    await expect(table.compact({ schema: wider })).rejects.toThrow(/lacks the column "more" of the table/);
    const narrower = new Schema(schema.fields.slice(0, 1));
    await expect(table.compact({ schema: narrower })).rejects.toThrow(/has a column "text"/);
    await table.lance.table.unsetLsmWriteSpec();
    await expect(table.compact()).rejects.toThrow(/no LSM write spec/);
  });
});

describe("where the base table's manifest is of a form that is not known", () => {
  it("rows are merged all the same, and the result says why the table does not say so", async () => {
    // Naming scheme 1, which LanceDB still reads and writes.
    const versions = join(table.lance.directory, "_versions");
    for (const name of readdirSync(versions)) {
      const digits = /^(\d{20})\.manifest$/.exec(name)?.[1];
      if (digits === undefined) rmSync(join(versions, name));
      else renameSync(join(versions, name), join(versions, `${2n ** 64n - 1n - BigInt(digits)}.manifest`));
    }
    await table.flush([row(1, "a")], [key(2)]);
    await table.claim();
    const compactor = await table.compactor({ predecessorGone: false, limits: { takeoverWaitMs: 1 } });
    const unsaid = { written: false, reason: expect.stringMatching(/named by scheme 1; expected 2/) };
    expect(await compactor.run()).toMatchObject({
      generations: [1],
      watermark: unsaid,
      mergedGeneration: 1,
      commits: 3,
    });
    const expected = sorted([row(1, "a"), row(3, "base"), row(4, "base")]);
    expect(await table.read()).toEqual({ all: expected, base: expected });
    // It knows what it has merged; another one merges it once more.
    expect(await compactor.run()).toMatchObject({ generations: [], mergedGeneration: 1, commits: 0 });
    await compactor.close();
    expect(await table.compact()).toMatchObject({ generations: [1], watermark: unsaid });
    expect(await table.read()).toEqual({ all: expected, base: expected });
  });
});

describe("a compactor", () => {
  it("refuses limits that are none, and to run twice at once or after it was closed", async () => {
    await expect(table.compactor({ limits: { commitRows: 0 } })).rejects.toThrow(/limits.commitRows is 0; expected/);
    const compactor = await table.compactor();
    await expect(compactor.optimize(-1)).rejects.toThrow(/retentionMs is -1/);
    const running = compactor.run();
    await expect(compactor.run()).rejects.toThrow(/runs already/);
    await expect(compactor.close()).rejects.toThrow(/while it runs/);
    await running;
    await compactor.close();
    await compactor.close();
    await expect(compactor.run()).rejects.toThrow(/is closed/);
  });

  it("gives a large base table an index of its key, once", async () => {
    const limits = { indexedRows: 5 };
    const indexes = async () => (await (await table.lance.open()).listIndices()).map(({ columns }) => columns);
    await table.flush([row(5, "a"), row(6, "a")]);
    await table.compact({ limits });
    expect(await indexes()).not.toContainEqual(["id"]);
    await table.flush([row(1, "b"), row(7, "b")]);
    expect(await table.compact({ limits })).toMatchObject({ commits: 2 });
    expect(await indexes()).toContainEqual(["id"]);
    await table.flush([row(1, "c"), row(7, "c"), row(8, "c")], [key(2)]);
    expect(await table.compact({ limits })).toMatchObject({ commits: 2 });
    const expected = sorted([
      row(1, "c"),
      row(3, "base"),
      row(4, "base"),
      row(5, "a"),
      row(6, "a"),
      row(7, "c"),
      row(8, "c"),
    ]);
    expect(await table.read()).toEqual({ all: expected, base: expected });
    expect(await watermark()).toBe(3);
  });
});

describe("optimize", () => {
  it("joins fragments and removes old versions, and leaves watermark and rows", async () => {
    for (let i = 0; i < 5; i++) {
      await table.flush([row(1, `v${i}`), row(10 + i, "new")]);
      await table.compact();
    }
    const expected = sorted([
      row(1, "v4"),
      ...[2, 3, 4].map((id) => row(id, "base")),
      ...[0, 1, 2, 3, 4].map((i) => row(10 + i, "new")),
    ]);
    const pinned = await table.lance.open();
    const compactor = await table.compactor();
    const kept = await compactor.optimize(60 * 60_000);
    expect(kept).toMatchObject({ versionsRemoved: 0, bytesRemoved: 0 });
    expect(kept.fragmentsRemoved).toBeGreaterThan(1);
    expect(sorted(await lanceRows(pinned))).toEqual(expected);
    const removed = await compactor.optimize(0);
    expect(removed.versionsRemoved).toBeGreaterThan(10);
    expect(await table.read()).toEqual({ all: expected, base: expected });
    expect(await watermark()).toBe(5);
    await table.flush([row(2, "later")]);
    expect(await compactor.run()).toMatchObject({ generations: [6] });
    expect(await watermark()).toBe(6);
    await compactor.close();
  });
});
