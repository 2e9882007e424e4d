/** A hundred memtables, one after the other, through the writer: memory stays that of a few, whoever reads. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Field, Float64, Int64, Schema, tableFromArrays } from "apache-arrow";
import { afterEach, beforeEach, expect, it } from "vitest";
import { UNSHARDED_SHARD_ID } from "../../src/lance/shard-id.js";
import { ShardWriter } from "../../src/writer/shard-writer.js";
import { startHeldReader } from "./held-reader.js";

const MIB = 2 ** 20;
const MEMTABLE_BYTES = 2 * MIB;
const ROWS = 20_000;
const ROTATIONS = 100;
const schema = new Schema([new Field("id", new Int64(), false), new Field("value", new Float64(), true)]);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pennon-rotation-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

it("a hundred rotations take the memory of a few memtables, with an idle thread and one that never lets go", {
  timeout: 120_000,
}, async () => {
  const writer = await ShardWriter.open({
    log: { directory: folder },
    shardId: UNSHARDED_SHARD_ID,
    schema,
    primaryKey: ["id"],
    memtableBytes: MEMTABLE_BYTES,
    maxMemoryBytes: 6 * MEMTABLE_BYTES,
    // What an SSTable is made of does not matter here: memory is what it is given up for.
    flusher: () => ({ flush: async ({ rows, bytes }) => ({ rows, bytes }) }),
  });
  const rows = (from: number) =>
    tableFromArrays({
      id: BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(from + i)),
      value: Float64Array.from({ length: ROWS }, (_, i) => from + i),
    }).batches;
  await writer.put(rows(0), { durability: "disk" });
  await startHeldReader(writer.pool, true);
  const holder = await startHeldReader(writer.pool, false);
  expect(holder.first.rows).toBe(ROWS);

  let put = 1;
  const turn = async (rotations: number) => {
    const until = (writer.memtables.at(-1)?.generation ?? 0) + rotations;
    while ((writer.memtables.at(-1)?.generation ?? 0) < until) {
      await writer.put(rows(put++ * ROWS), { durability: "os" });
    }
  };
  await turn(ROTATIONS / 4); // memory has its size by then
  const before = process.memoryUsage().rss;
  await turn((ROTATIONS * 3) / 4);
  const grown = process.memoryUsage().rss - before;
  console.log(JSON.stringify({ put, before, grown }));
  // A third of what a memtable of each rotation would take.
  expect(grown).toBeLessThan(((ROTATIONS * 3) / 4 / 3) * MEMTABLE_BYTES);
  expect(await holder.look()).toEqual(holder.first);
  expect(writer.stats().arenas.pinned).toBe(1);
  await writer.close();
});
