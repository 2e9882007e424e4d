/** `pennon flush`, `compact`, `adopt`, `detach`, and what `pennon stats` and `pennon ingest --finish` say of them. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { Field, Int64, Schema, tableFromIPC, Utf8 } from "apache-arrow";
import { afterAll, describe, expect, it } from "vitest";
import { int64, openTable, schema, utf8 } from "../../src/index.js";
import { lanceDatabase, lanceRows } from "../lancedb.js";
import { data, pennon } from "./run-pennon.js";
import { ingestInto, makeFolder, rowsOf } from "./tables.js";

const folder = makeFolder();
afterAll(folder.remove);
let count = 0;

/** A table with two rows in its log, and its database. */
async function logged() {
  const database = folder.path(`db${count++}`);
  const path = `${database}/notes`;
  const table = await openTable(path, { schema: schema({ id: int64(), note: utf8() }), primaryKey: "id" });
  await table.put([
    { id: 1n, note: "a" },
    { id: 2n, note: "b" },
  ]);
  await table.close();
  return { database, path };
}

async function readByLanceDb(database: string): Promise<number> {
  const connection = await lanceDatabase(database);
  try {
    return (await lanceRows(await connection.openTable("notes"))).length;
  } finally {
    connection.close();
  }
}

/** Runs a command that must succeed. */
async function json(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await pennon([...args, "--json"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout);
}

/** The shard of a table, as `pennon stats` has it. */
async function shardOf(path: string): Promise<Record<string, unknown>> {
  const report = (await json("stats", path)) as { shards: Record<string, unknown>[] };
  return report.shards[0] ?? {};
}

it("each has a page of help that fits a terminal, and names what is wrong with its path", async () => {
  for (const command of ["flush", "compact", "detach", "adopt"]) {
    const { code, stdout, stderr } = await pennon([command, "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("Exit code:");
    expect(stdout.split("\n").every((line) => line.length <= 80)).toBe(true);
    const missing = await pennon([command, folder.path("missing"), ...(command === "adopt" ? ["--key", "id"] : [])]);
    expect(missing).toMatchObject({ code: 2, stdout: "" });
    expect(missing.stderr).toMatch(/^pennon: .*missing: no such table; expected [^\n]*\n$/);
  }
});

describe("pennon flush and pennon compact", () => {
  it("have the rows of the log become SSTables, and rows of the base table", async () => {
    const { database, path } = await logged();
    expect(await readByLanceDb(database)).toBe(0);
    expect(await json("flush", path)).toMatchObject({ directory: `${path}.lance`, rows: 2, ssTables: 1 });
    expect(await readByLanceDb(database)).toBe(2);
    expect(await shardOf(path)).toMatchObject({ ssTables: { unmerged: 1, retained: 0, mergedThrough: 0 } });
    const again = await pennon(["flush", path]);
    expect(again).toMatchObject({ code: 0, stderr: "" });
    expect(again.stdout).toMatch(/notes: nothing to flush/);

    const compacted = await pennon(["compact", path]);
    expect(compacted).toMatchObject({ code: 0, stderr: "" });
    expect(compacted.stdout).toMatch(/notes: merged 1 SSTable: 2 rows put, 0 deleted, [\d.]+ kB\n$/);
    expect(await json("compact", path)).toMatchObject({ generations: [], rowsUpserted: 0, mergedGeneration: 1 });
    expect(await readByLanceDb(database)).toBe(2);
    expect(await shardOf(path)).toMatchObject({
      ssTables: { unmerged: 0, retained: 1, mergedThrough: 1 },
      log: { replay: { rows: 0 } },
    });
    const text = await pennon(["stats", path]);
    expect(text.stdout).toMatch(/merged +generations 1 to 1 into the base table; 0 not yet, 1 kept/);
  });

  it("say who has the table open, and what to do", async () => {
    const { path } = await logged();
    const held = await openTable(path);
    try {
      for (const command of ["flush", "compact", "detach"]) {
        const { code, stdout, stderr } = await pennon([command, path]);
        expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
        expect(stderr).toMatch(
          new RegExp(
            `^pennon: .* is open for writing in process ${process.pid} .*; that process flushes and merges by itself; close the table there first\n$`,
          ),
        );
      }
    } finally {
      await held.close();
    }
  });

  it("leave tables alone that are none of Pennon's", async () => {
    const database = folder.path(`db${count++}`);
    const connection = await lanceDatabase(database);
    await connection.createTable("notes", [{ id: 1n, note: "x" }]);
    for (const command of ["flush", "compact"]) {
      const { code, stderr } = await pennon([command, `${database}/notes`]);
      expect(code).toBe(2);
      expect(stderr).toMatch(/the table has no log/);
    }
    expect(await (await connection.openTable("notes")).getLsmWriteSpec()).toBeUndefined();
  });
});

describe("pennon adopt and pennon detach", () => {
  it("make a table of LanceDB one of ours, and a plain one again", async () => {
    const database = folder.path(`db${count++}`);
    const path = `${database}/notes`;
    const connection = await lanceDatabase(database);
    const columns = new Schema([new Field("id", new Int64(), true), new Field("note", new Utf8(), true)]);
    const rows = [1n, 2n, 2n, null].map((id) => ({ id, note: "n" }));
    const lance = await connection.createTable("notes", rows, { schema: columns });
    const refused = await pennon(["adopt", path, "--key", "id"]);
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toMatch(
      /^pennon: "id" cannot be the primary key of .*: there are 1 row without a value in it, and 1 row whose value an earlier row has \(1 value: 2 \(2 times\)\)\. Nothing was changed[^\n]*\n$/,
    );
    expect((await pennon(["adopt", path])).stderr).toMatch(/required option '--key <column>'/);
    await lance.delete("id IS NULL OR id = 2");
    expect(await json("adopt", path, "--key", "id")).toEqual({ directory: `${path}.lance`, primaryKey: ["id"] });
    expect(await json("adopt", path, "--key", "id")).toMatchObject({ primaryKey: ["id"] });
    expect((await pennon(["adopt", path, "--key", "note"])).code).toBe(1);

    const table = await openTable(path);
    await table.put({ id: 3n, note: "three" });
    await table.close();
    expect(await json("detach", path)).toMatchObject({ detached: true, rowsUpserted: 1 });
    expect(existsSync(`${path}.lance/_mem_wal`)).toBe(false);
    expect(await readByLanceDb(database)).toBe(2);
    const again = await pennon(["detach", path]);
    expect(again.stdout).toMatch(/notes: is a plain Lance table already\n$/);
    connection.close();
  });
});

describe("pennon ingest --finish", () => {
  it("ends with everything in the base table, where LanceDB reads it without a log", async () => {
    const database = folder.path(`db${count++}`);
    const path = `${database}/notes`;
    const flights = `${data}flights-200k.arrow`;
    const report = await ingestInto(path, ["--limit", "3000", "--finish", flights]);
    expect(report).toMatchObject({ rows: 3000, durable: true, finished: true });
    const connection = await lanceDatabase(database);
    const lance = await connection.openTable("notes");
    expect(await lance.countRows()).toBe(3000);
    connection.close();
    expect(await shardOf(path)).toMatchObject({ ssTables: { unmerged: 0 }, log: { replay: { rows: 0 } } });
    const source = tableFromIPC(readFileSync(flights)).slice(0, 3000).toArray();
    expect(await rowsOf(path)).toEqual(source.map((row, i) => ({ _row_id: BigInt(i), ...row.toJSON() })));

    writeFileSync(folder.path("more.csv"), "id,note\n1,x\n");
    const text = await pennon(["ingest", "--into", `${database}/more`, "--finish", folder.path("more.csv")]);
    expect(text).toMatchObject({ code: 0, stderr: "" });
    expect(text.stdout).toMatch(/✓ durable, all in the base table\n$/);
    expect((await pennon(["ingest", "--finish", folder.path("more.csv")])).stderr).toMatch(/--finish needs --into/);
  });
});
