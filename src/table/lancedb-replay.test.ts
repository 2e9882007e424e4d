/** LanceDB replays logs of ours that are larger than what its defaults could take; see `replay-limits.ts`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@lancedb/lancedb";
import { makeData, RecordBatch, Struct, Utf8, vectorFromArray } from "apache-arrow";
import { afterAll, describe, expect, it } from "vitest";
import { dictionary, int32, int64, openTable, schema, utf8 } from "../index.js";

const root = mkdtempSync(join(tmpdir(), "pennon-replay-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Adds a row to the base table, which makes queries look at the key index of every SSTable; then upserts through a writer. */
async function queryAll(database: string, base: object, row: object): Promise<{ ids: Set<bigint>; again: number }> {
  const table = await (await connect(database)).openTable("t");
  await table.add([{ ...base }]);
  await table
    .mergeInsert("id")
    .whenMatchedUpdateAll()
    .whenNotMatchedInsertAll()
    .useLsm(true)
    .execute([{ ...row }]);
  const ids = (await table.query().select(["id"]).toArray()).map((found) => found.id);
  await table.closeLsmWriters();
  const reopened = await (await connect(database)).openTable("t");
  return { ids: new Set(ids), again: (await reopened.query().select(["id"]).toArray()).length };
}

describe("LanceDB", () => {
  it("replays more rows and batches than its defaults allow", async () => {
    const database = join(root, "rows");
    const table = await openTable(join(database, "t"), {
      schema: schema({ id: int64(), n: int32() }),
      primaryKey: "id",
    });
    let id = 0;
    const rows = (n: number) => Array.from({ length: n }, () => ({ id: id++, n: 0 }));
    // Each put that is readable at once is a batch.
    for (let i = 0; i < 8_100; i++) await table.put(rows(1), { durability: "memory" });
    for (let i = 0; i < 10; i++) await table.put(rows(10_000));
    expect(table.stats().log).toMatchObject({ rows: 108_100 });
    expect(table.stats().log.batches).toBeGreaterThan(8_100);
    await table.close();
    const { ids, again } = await queryAll(database, { id: -1n, n: 0 }, { id: -2n, n: 0 });
    expect(ids.size).toBe(108_102);
    expect(again).toBe(108_102);
  }, 60_000);

  it("replays batches that share a large dictionary", async () => {
    const database = join(root, "dictionary");
    const table = await openTable(join(database, "t"), {
      schema: schema({ id: int64(), word: dictionary(utf8(), { indices: "int32" }) }),
      primaryKey: "id",
    });
    const words = vectorFromArray(
      Array.from({ length: 50_000 }, (_, i) => `a word of some length ${i}`),
      new Utf8(),
    );
    const [id, word] = table.schema.fields;
    if (id === undefined || word === undefined) throw new Error("two columns expected");
    const rows = 64;
    // 2,100 batches with the same 1.4 MB: 2.9 GB as LanceDB counts, 3 MB as they lie.
    for (let i = 0; i < 2_100; i++) {
      const ids = BigInt64Array.from({ length: rows }, (_, row) => BigInt(i * rows + row));
      const columns = [
        makeData({ type: id.type, data: ids, nullCount: 0 }),
        makeData({ type: word.type, data: new Int32Array(rows).fill(i), dictionary: words, nullCount: 0 }),
      ];
      const data = makeData({ type: new Struct(table.schema.fields), length: rows, nullCount: 0, children: columns });
      await table.put(new RecordBatch(table.schema, data), { durability: "memory" });
    }
    expect(table.stats().log.bytes).toBeLessThan(2 ** 26);
    await table.close();
    const { ids } = await queryAll(database, { id: -1n, word: "x" }, { id: -2n, word: "x" });
    expect(ids.size).toBe(2_100 * 64 + 2);
  }, 60_000);
});
