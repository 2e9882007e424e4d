/** Rows with vectors, on their way into a base table with a vector index: LanceDB's vector search finds them at every step. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Index } from "@lancedb/lancedb";
import { Field, FixedSizeList, Float32, Int64, Schema } from "apache-arrow";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openTable } from "../../src/table/open-table.js";
import { lanceDatabase } from "../lancedb.js";
import { AT_ONCE } from "./life-script.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pennon-vectors-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

it("are found by LanceDB's vector search, indexed yet or not, and collected when they are", {
  timeout: 60_000,
}, async () => {
  const vector = new FixedSizeList(4, new Field("item", new Float32(), true));
  const schema = new Schema([new Field("id", new Int64(), false), new Field("v", vector, true)]);
  const connection = await lanceDatabase(folder);
  const rows = Array.from({ length: 400 }, (_, i) => ({ id: BigInt(i), v: [i, 1, 0, 0] }));
  const made = await connection.createTable("life", rows, { schema });
  await made.createIndex("v", { config: Index.ivfFlat({ numPartitions: 2, distanceType: "l2" }) });
  made.close();
  const table = await openTable(join(folder, "life"), { primaryKey: "id", maintenance: AT_ONCE });
  const nearest = async (x: number) => {
    const fresh = await connection.openTable("life");
    const found = await fresh.query().nearestTo([x, 1, 0, 0]).select(["id", "_distance"]).limit(2).toArray();
    fresh.close();
    return found.map(({ id }) => Number(id));
  };
  await table.put([
    { id: 1_000n, v: [5_000, 1, 0, 0] },
    { id: 7n, v: [6_000, 1, 0, 0] },
  ]);
  await table.delete([9n]);
  const unlisted: string[] = [];
  for (const step of ["flush", "compact", "collect", "optimize", "collect"] as const) {
    const result = await table[step]();
    if (result !== undefined && "unlisted" in result) unlisted.push(...result.unlisted);
    expect(await nearest(5_000), step).toEqual([1_000, 7]);
    expect(await nearest(6_000), step).toEqual([7, 1_000]);
    expect(new Set(await nearest(9)), step).toEqual(new Set([8, 10]));
  }
  expect(unlisted).toHaveLength(1); // once the index has its rows
  await table.close();
  connection.close();
});
