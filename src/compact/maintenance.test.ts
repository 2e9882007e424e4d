import { mkdtempSync, rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Field, Int64, Schema, Utf8 } from "apache-arrow";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { encodeSchemaMessage } from "../arrow/schema.js";
import { FencedError } from "../errors.js";
import { UNSHARDED_SHARD_ID } from "../lance/shard-id.js";
import { storageBatch } from "../lance/ss-table.fixture.js";
import { storageSchema } from "../lance/storage-schema.js";
import { Memtable } from "../memtable/memtable.js";
import { MergedTable } from "./compactor.fixture.js";
import { Maintenance, type MaintenanceHooks } from "./maintenance.js";
import { type MaintenanceOptions, maintenanceSettings } from "./maintenance-options.js";
import type { MaintenanceStatus } from "./maintenance-status.js";

const root = mkdtempSync(join(tmpdir(), "pennon-maintenance-"));
const schema = new Schema([new Field("id", new Int64(), false), new Field("text", new Utf8(), true)]);
const primaryKey = ["id"];
const storage = storageSchema(schema, primaryKey);
/** So long that nothing happens by itself. */
const NEVER = 10 ** 9;
const quiet: MaintenanceOptions = { compactSsTables: 1_000, compactAgeMs: NEVER, collectIntervalMs: NEVER };

let table: MergedTable;
let made = 0;
let opened: Maintenance[] = [];
let errors: string[] = [];
let status: MaintenanceStatus | undefined;
let wake: (() => void)[] = [];

beforeEach(async () => {
  table = await MergedTable.make(join(root, `db${made++}`), { schema, primaryKey });
  errors = [];
  status = undefined;
});

afterEach(async () => {
  for (const one of opened) await one.close();
  opened = [];
  await table.close();
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

function maintain(options: MaintenanceOptions, hooks: MaintenanceHooks = {}): Maintenance {
  const { database, name, tableDirectory, shardDirectory, epoch } = table.compactorOptions();
  const maintained = { database, name, tableDirectory, shardDirectory, shardId: UNSHARDED_SHARD_ID, primaryKey, epoch };
  const one = new Maintenance(
    { ...maintained, schemaMessage: encodeSchemaMessage(schema), predecessorGone: true },
    maintenanceSettings({ ...quiet, ...options }),
    {
      onStatus: (now) => {
        status = now;
        for (const check of wake) check();
      },
      onDone: () => {},
      onError: (task, error) => void errors.push(`${task}: ${error instanceof Error ? error.message : error}`),
    },
    hooks,
  );
  opened.push(one);
  return one;
}

/** Resolves when the status has become so. */
function until(is: (status: MaintenanceStatus) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (status === undefined || !is(status)) return;
      wake = wake.filter((one) => one !== check);
      resolve();
    };
    wake.push(check);
    check();
  });
}

/** A frozen memtable of these rows, and how it is to be flushed. */
function frozen(generation: number, ids: readonly number[]) {
  const memtable = Memtable.create({ schema: storage, primaryKey, bytes: 2 ** 20, batches: 10, maxRows: 1_000 });
  const rows = ids.map((id) => ({ values: { id: BigInt(id), text: `of ${generation}` } }));
  memtable.append([storageBatch(storage, primaryKey, rows)]);
  memtable.store.finish();
  const { rows: count, bytes } = memtable.store.snapshot();
  return { generation, handle: memtable.handle(), replayAfter: generation, rows: count, bytes };
}

describe("maintenance", () => {
  it("makes an SSTable of a memtable, of each key its newest row, and merges it when asked", async () => {
    const maintenance = maintain({});
    expect(await maintenance.flush(frozen(1, [1, 2, 1]))).toMatchObject({ rows: 2 });
    expect(await table.manifests.load()).toMatchObject({ replayAfter: 1, ssTables: [{ generation: 1 }] });
    expect((await table.read()).base).toEqual([]);
    expect(await maintenance.compact()).toMatchObject({ generations: [1], rowsUpserted: 2 });
    const { all, base } = await table.read();
    expect(all).toHaveLength(2);
    expect(base).toEqual(all);
    await maintenance.refreshStatus();
    expect(status).toMatchObject({ mergedThrough: 1, retained: 1, unmerged: { ssTables: 0 }, merged: { rows: 2 } });
  });

  it("merges by itself when there are so many SSTables, and removes them after their retention", async () => {
    const maintenance = maintain({ compactSsTables: 2, collectIntervalMs: 30, retentionMs: 0, logRetentionMs: 0 });
    await maintenance.flush(frozen(1, [1]));
    await maintenance.flush(frozen(2, [2]));
    await until(({ mergedThrough }) => mergedThrough === 2);
    await until(({ retained, unmerged }) => retained === 0 && unmerged.ssTables === 0);
    await until(({ collected }) => collected.files > 10);
    expect((await readdir(table.shard)).filter((name) => name.includes("_gen_"))).toEqual([]);
    expect((await table.read()).all).toHaveLength(2);
    expect(errors).toEqual([]);
  });

  it("does nothing by itself while it is paused", async () => {
    const maintenance = maintain({ compactSsTables: 1, collectIntervalMs: 20 });
    maintenance.pause();
    await maintenance.flush(frozen(1, [1]));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(status).toMatchObject({ paused: true, mergedThrough: 0, tasks: { compact: { done: 0 } } });
    maintenance.resume();
    await until(({ mergedThrough }) => mergedThrough === 1);
  });

  it("knows a memtable again whose SSTable was published though the flush failed", async () => {
    let fails = true;
    const hooks = {
      onStep: (step: string) => {
        if (step === "published" && fails) throw new Error("lost");
      },
    };
    const maintenance = maintain({}, hooks);
    const plan = frozen(1, [1, 2]);
    await expect(maintenance.flush(plan)).rejects.toThrow("lost");
    fails = false;
    expect(await maintenance.flush(plan)).toMatchObject({ rows: 2 });
    expect((await table.manifests.load())?.ssTables).toHaveLength(1);
    expect(await maintenance.flush(frozen(2, [3]))).toMatchObject({ rows: 1 });
  });

  it("tells of a task that fails, does the others, and does it again later", async () => {
    let fails = true;
    const hooks = {
      onStep: (step: string) => {
        if (step === "upsert:before" && fails) throw new Error("no merge today");
      },
    };
    const maintenance = maintain({ compactSsTables: 1, collectIntervalMs: 30 }, hooks);
    await maintenance.flush(frozen(1, [1]));
    await until(({ tasks }) => tasks.compact.lastError !== undefined && tasks.collect.done > 0);
    await vi.waitFor(() => expect(errors).toEqual(["compact: no merge today"])); // once: then there is a pause
    fails = false;
    await until(({ mergedThrough }) => mergedThrough === 1);
    expect(status?.tasks.compact).toMatchObject({ failed: 1, lastError: undefined });
  });

  it("ends when the shard is claimed by another writer", async () => {
    const maintenance = maintain({ compactSsTables: 1 });
    await table.claim();
    await expect(maintenance.flush(frozen(1, [1]))).rejects.toThrow(FencedError);
    await expect(maintenance.compact()).rejects.toThrow(FencedError);
    expect((await table.manifests.load())?.ssTables).toEqual([]);
  });
});
