import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Field, Int64, Schema, Utf8 } from "apache-arrow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
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
});
