import { mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Connection, connect } from "@lancedb/lancedb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RecordBatchLike } from "../arrow/shape.js";
import { GoneError } from "../errors.js";
import { DatasetReader, NewestVersion } from "./dataset-reader.js";

const root = mkdtempSync(join(tmpdir(), "pennon-dataset-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({ id: from + i, text: `row ${from + i}` }));

/** Links to datasets that are open now, in a directory of this test alone. */
const links = () => readdirSync(tmpdir()).filter((name) => name.startsWith("pennon-link-"));

function idsOf(batches: readonly RecordBatchLike[]): number[] {
  return batches.flatMap(({ schema, data }) => {
    const values = data.children[schema.fields.findIndex(({ name }) => name === "id")]?.values;
    if (!(values instanceof Float64Array)) throw new Error("numbers expected");
    return [...values];
  });
}

async function all(scan: AsyncIterable<RecordBatchLike>): Promise<RecordBatchLike[]> {
  const batches: RecordBatchLike[] = [];
  for await (const batch of scan) batches.push(batch);
  return batches;
}

describe("a dataset of Lance", () => {
  let database: Connection;
  let directory: string;
  beforeAll(async () => {
    process.env["TMPDIR"] = mkdtempSync(join(root, "links-"));
    database = await connect(root);
    const table = await database.createTable("t", rows(0, 5_000));
    await table.add(rows(5_000, 6_000));
    await table.delete("id >= 100 AND id < 200");
    directory = join(root, "t.lance");
  });

  it("is read in large batches, in the order of its rows, and by their places", async () => {
    const dataset = await DatasetReader.open(directory);
    expect([dataset.rows, dataset.columns]).toEqual([5_900, ["id", "text"]]);
    expect(dataset.rowBytes).toBeGreaterThan(8);
    const batches = await all(dataset.scan({ columns: ["id"], batchRows: 65_536 }));
    expect(batches.length).toBeLessThan(4);
    const ids = idsOf(batches);
    expect(ids).toEqual([...rows(0, 100), ...rows(200, 6_000)].map(({ id }) => id));
    const places = [0, 99, 100, 4_899, 4_900, 5_899];
    expect(idsOf(await dataset.take([...places, 5_900], ["text", "id"]))).toEqual(places.map((place) => ids[place]));
    expect(idsOf(await all(dataset.scan({ columns: ["id"], filter: "id > 150", limit: 2, batchRows: 100 })))).toEqual([
      200, 201,
    ]);
    expect(await dataset.countRows("id < 150")).toBe(100);
    await dataset.close();
  });

  it("stays at its version; the newest is found each time", async () => {
    const newest = await NewestVersion.open(directory);
    const version = await newest.get();
    const [now, before] = [await DatasetReader.open(directory, version), await DatasetReader.open(directory, 1)];
    const table = await database.openTable("t");
    await table.delete("id < 50");
    expect(await newest.get()).toBe(version + 1);
    expect([before.rows, await before.countRows(), await now.countRows()]).toEqual([5_000, 5_000, 5_900]);
    expect(idsOf(await all(now.scan({ columns: ["id"], filter: "id < 3", batchRows: 10 })))).toEqual([0, 1, 2]);
    for (const opened of [newest, now, before]) await opened.close();
  });

  it("may have a name that LanceDB does not open, by a link that goes when it is closed", async () => {
    await database.createTable("abcd0001_gen_1", rows(0, 3));
    const ssTable = join(root, "abcd0001_gen_1");
    renameSync(`${ssTable}.lance`, ssTable);
    const before = links();
    const dataset = await DatasetReader.open(ssTable);
    expect(links().length).toBe(before.length + 1);
    expect(idsOf(await all(dataset.scan({ columns: ["id"], batchRows: 10 })))).toEqual([0, 1, 2]);
    await dataset.close();
    expect(links()).toEqual(before);
    rmSync(ssTable, { recursive: true });
    await expect(DatasetReader.open(ssTable)).rejects.toThrow(GoneError);
    expect(links()).toEqual(before);
  });

  it("is gone when there is no such version, no such dataset, or its files are removed", async () => {
    await expect(DatasetReader.open(directory, 99)).rejects.toThrow(GoneError);
    await expect(DatasetReader.open(join(root, "none.lance"))).rejects.toThrow(GoneError);
    await database.createTable("gone", rows(0, 10));
    const dataset = await DatasetReader.open(join(root, "gone.lance"));
    rmSync(join(root, "gone.lance", "data"), { recursive: true });
    await expect(all(dataset.scan({ columns: ["id"], batchRows: 10 }))).rejects.toThrow(GoneError);
    await expect(dataset.take([1], ["id"])).rejects.toThrow(GoneError);
    await dataset.close();
  });
});
