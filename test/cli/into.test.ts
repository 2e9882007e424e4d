import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { DenseUnion, Field, Int32, Schema, Table, tableFromIPC, tableToIPC } from "apache-arrow";
import { afterAll, describe, expect, it } from "vitest";
import { ConflictError, int64, openTable, schema, utf8 } from "../../src/index.js";
import { colorSchema, mixedSchema, seededBatch } from "../batches.js";
import { data, pennon, startPennon } from "./run-pennon.js";
import { entriesAtLeast, entriesOf, ingestInto, makeFolder, rowsOf } from "./tables.js";

const flights = `${data}flights-200k.arrow`;
const folder = makeFolder();
afterAll(folder.remove);

let tables = 0;
const fresh = (): string => folder.path(`db${tables++}`, "rows");

function file(name: string, content: string | Uint8Array): string {
  const path = folder.path(name);
  writeFileSync(path, content);
  return path;
}

async function refuse(args: readonly string[], line: RegExp, code = 2, input = ""): Promise<void> {
  const outcome = await pennon(["ingest", ...args], input);
  expect(outcome.stderr).toMatch(line);
  expect(outcome.stderr).toMatch(/^pennon: [^\n]+\n$/);
  expect(outcome).toMatchObject({ code, stdout: "" });
}

/** A row without apache-arrow's classes, to compare. */
function plain(row: unknown): unknown {
  return JSON.parse(JSON.stringify(row, (_, value) => (typeof value === "bigint" ? `${value}n` : value)));
}

describe("pennon ingest --into", () => {
  it("puts the rows of a file into a new table, numbered, and says so", async () => {
    const table = fresh();
    const { code, stdout, stderr } = await pennon(["ingest", "--limit", "5000", flights, "--into", table]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(
      /^5,000 rows into .*rows, [\d.]+ kB, from flights-200k\.arrow\n[\d.]+ s \(.*rows\/s, .*\/s\), \d+ entr(y|ies) of the log of [\d.]+ kB\nEvery row has a number of its own, _row_id\n✓ durable\n$/,
    );
    const source = tableFromIPC(readFileSync(flights)).slice(0, 5000).toArray();
    const expected = source.map((row, i) => ({ _row_id: BigInt(i), ...row.toJSON() }));
    expect(await rowsOf(table)).toEqual(expected);
  });

  it("with a key keeps the last row of each, and counts the others", async () => {
    const table = fresh();
    const path = file("users.csv", "id,name\na,Ada\nb,Bob\na,Anna\nc,Cy\na,Ann\n");
    const report = await ingestInto(table, ["--key", "id", path]);
    expect(report).toMatchObject({ rows: 5, skippedRows: 0, key: ["id"], duplicates: 2, sources: [{ rows: 5 }] });
    expect((await rowsOf(table)).map((row) => [row["id"], row["name"]])).toEqual([
      ["a", "Ann"],
      ["b", "Bob"],
      ["c", "Cy"],
    ]);
    const more = file("more.csv", "id,name\nd,Di\n");
    const { stdout } = await pennon(["ingest", more, "--into", table]);
    expect(stdout).toContain("No two rows have the same id\n");
    const again = await pennon(["ingest", file("last.csv", "id,name\nd,Di\nd,Do\n"), "--into", table]);
    expect(again.stdout).toContain("1 row replaces an earlier one with the same id\n");
    expect(await rowsOf(table)).toHaveLength(4);
  });

  it("reads standard input, several files, and text as the table has it", async () => {
    const table = fresh();
    await ingestInto(table, ["-"], "n,word\n1.5,x\n");
    await ingestInto(table, [file("one.csv", "n,word\n2,y\n"), file("two.csv", "word,n\nz,3\n")]);
    await ingestInto(table, [file("three.ndjson", '{"n":4,"word":"w"}\n')]);
    expect(await rowsOf(table)).toEqual(
      [1.5, 2, 3, 4].map((n, i) => ({ _row_id: BigInt(i), n, word: ["x", "y", "z", "w"][i] })),
    );
  });

  it("takes a field that no row of NDJSON has for null, where the table may hold null", async () => {
    const table = fresh();
    const columns = schema({ id: int64(), n: int64().nullable(), word: utf8().nullable() });
    await (await openTable(table, { schema: columns, primaryKey: "id" })).close();
    await ingestInto(table, [file("null.ndjson", '{"id":1,"word":"w"}\n{"id":2,"word":"x"}\n')]);
    expect((await rowsOf(table)).map((row) => Object.values(row))).toEqual([
      [1n, null, "w"],
      [2n, null, "x"],
    ]);
    await refuse(["--into", table, file("nokey.ndjson", '{"word":"w"}\n')], /does not have the schema of .*"id"/);
    await refuse(
      ["--into", table, file("other.ndjson", '{"id":3,"wrod":"w"}\n')],
      /does not have the schema of .*"wrod"/,
    );
    await refuse(["--into", table, file("less.csv", "id,word\n3,w\n")], /does not have the schema of/);
  });

  it("says the way out of a bad line, which is not --resume", async () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `{"n":${i}}`);
    const path = file("bad.ndjson", `${lines.join("\n")}\n{"n":"x"}\n`);
    const { code, stderr } = await pennon(["ingest", "--into", fresh(), "--batch-rows", "100", path]);
    expect(stderr).toMatch(
      /line 20001, column "n": .* \([\d,]+ rows are durable in .*; correct the input, then put all/,
    );
    expect(stderr).not.toContain("--resume");
    expect(code).toBe(2);
  });

  it("refuses options that do not go together", async () => {
    const table = fresh();
    await refuse(["--key", "id", flights], /--key needs --into/);
    await refuse(["--takeover", flights], /--takeover needs --into/);
    await refuse(["--resume", flights], /--resume needs --into/);
    await refuse(["--memory", "1G", flights], /--memory needs --into/);
    await refuse(
      ["--into", table, "--readers", "1", flights],
      /'--into <table>' cannot be used with option '--readers/,
    );
    await refuse(["--into", table, "--resume", "-"], /--resume needs files: <stdin> cannot be read again/);
    await refuse(["--into", table, flights, flights], /flights-200k\.arrow is given more than once/);
    await refuse(["--into", "s3://bucket/db/table", flights], /tables on s3:\/\/ are not supported/);
  });

  it("refuses rows without a key, and columns that the table or Lance cannot hold", async () => {
    const table = fresh();
    const path = file("nokey.csv", "id,n\na,1\n,2\n");
    await refuse(["--into", table, "--key", "nope", path], /primary key's column "nope" is not in the schema/);
    await refuse(["--into", table, "--key", "id", path], /nokey\.csv: row 2 has no value in the key column "id"/);
    await ingestInto(table, [file("some.csv", "id,n\na,1\n")]);
    await refuse(["--into", table, flights], /flights-200k\.arrow: does not have the schema of .*: field 0 is named/);
    await refuse(["--into", table, "--key", "n", file("key.csv", "id,n\nb,2\n")], /has the primary key "id"/, 1);
    const choice = new Field("choice", new DenseUnion([0], [new Field("a", new Int32(), true)]), true);
    const union = file("union.arrow", tableToIPC(new Table([seededBatch(new Schema([choice]), 1, 5)])));
    await refuse(["--into", fresh(), union], /"choice"/);
  });

  it("refuses a table that another process has open, naming it", async () => {
    const table = fresh();
    const held = await openTable(table, { schema: schema({ n: int64() }) });
    try {
      const inUse = new RegExp(`open for writing in process ${process.pid}`);
      await refuse(["--into", table, file("n.csv", "n\n2\n")], inUse, 1);
      await refuse(["--into", table, file("n.csv", "n\n2\n")], /close it there, or give --takeover to fence/, 1);
      expect(await ingestInto(table, ["--takeover", file("n.csv", "n\n2\n")])).toMatchObject({ rows: 1 });
      await expect(held.put({ n: 3n })).rejects.toThrow(ConflictError);
    } finally {
      await held.close().catch(() => {}); // fenced
    }
  });
});

describe("pennon ingest --into --resume", () => {
  it("goes on behind the rows of an earlier run, and needs to be asked to", async () => {
    const table = fresh();
    const path = file("count.csv", `n\n${Array.from({ length: 1000 }, (_, i) => i).join("\n")}\n`);
    expect(await ingestInto(table, ["--limit", "300", path])).toMatchObject({ rows: 300 });
    await refuse(
      ["--into", table, path],
      /count\.csv: 300 of its rows are in .*rows already; go on behind them with --resume/,
    );
    expect(await ingestInto(table, ["--limit", "500", "--resume", path])).toMatchObject({
      rows: 200,
      skippedRows: 300,
    });
    expect(await ingestInto(table, ["--resume", path])).toMatchObject({ rows: 500, skippedRows: 500 });
    expect(await ingestInto(table, ["--resume", path])).toMatchObject({ rows: 0, skippedRows: 1000, entries: 0 });
    const rows = await rowsOf(table);
    expect(rows).toEqual(Array.from({ length: 1000 }, (_, i) => ({ _row_id: BigInt(i), n: BigInt(i) })));
    appendFileSync(path, "1000\n");
    await refuse(["--into", table, "--resume", path], /count\.csv has changed since rows of it were put into/);
  });

  it("opens the table again with columns of every kind", async () => {
    const table = fresh();
    const { fields: mixed } = mixedSchema;
    // LanceDB does not create tables with large_utf8, which `note` is.
    const fields = [...mixed, ...colorSchema.fields].filter(({ name }) => name !== "note");
    const batch = seededBatch(new Schema(fields), 5, 40);
    const path = file("kinds.arrow", tableToIPC(new Table([batch])));
    expect(await ingestInto(table, ["--limit", "15", path])).toMatchObject({ rows: 15 });
    expect(await ingestInto(table, ["--resume", path])).toMatchObject({ skippedRows: 15, rows: 25 });
    const found = await rowsOf(table);
    const expected = [...batch].map((row, i) => ({ _row_id: BigInt(i), ...row.toJSON() }));
    expect(found.map(plain)).toEqual(expected.map(plain));
  });

  it("counts duplicates over the whole file, in however many runs", async () => {
    const table = fresh();
    const path = file("dup.csv", `id\n${Array.from({ length: 100 }, (_, i) => i % 40).join("\n")}\n`);
    await ingestInto(table, ["--key", "id", "--limit", "50", path]);
    expect(await ingestInto(table, ["--key", "id", "--resume", path])).toMatchObject({ rows: 50, duplicates: 60 });
    expect(await rowsOf(table)).toHaveLength(40);
  });

  it("killed at any moment and started again ends with exactly the rows of the file", async () => {
    const table = fresh();
    const options = ["--batch-rows", "200", "--limit", "60000", "--resume", flights];
    const args = ["ingest", "--into", table, ...options];
    let kills = 0;
    for (const target of [1, 4, 9]) {
      const { child, outcome } = startPennon(...args);
      child.stdin?.end();
      await Promise.race([entriesAtLeast(table, entriesOf(table).length + target), outcome]);
      child.kill("SIGKILL");
      if ((await outcome).signal === "SIGKILL") kills++;
    }
    expect(kills).toBeGreaterThan(0);
    const before = (await rowsOf(table)).length;
    expect(before).toBeGreaterThan(0);
    expect(await ingestInto(table, options)).toMatchObject({ skippedRows: before, rows: 60_000 - before });
    const source = tableFromIPC(readFileSync(flights)).slice(0, 60_000);
    const rows = await rowsOf(table);
    expect(rows.map((row) => row["_row_id"])).toEqual(Array.from({ length: 60_000 }, (_, i) => BigInt(i)));
    for (const name of source.schema.names.map(String)) {
      expect(rows.map((row) => row[name])).toEqual([...(source.getChild(name) ?? [])]);
    }
  }, 60_000);

  it("stopped by Ctrl-C says what is durable, and goes on from there", async () => {
    const table = fresh();
    const { child, outcome } = startPennon("ingest", "--into", table, "--batch-rows", "100", flights);
    child.stdin?.end();
    await entriesAtLeast(table, 2);
    child.kill("SIGINT");
    const { code, stdout, stderr } = await outcome;
    expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
    const durable =
      /^pennon: stopped by SIGINT \(([\d,]+) rows are durable in .*rows; --resume goes on behind them\)\n$/;
    expect(stderr).toMatch(durable);
    const count = Number((durable.exec(stderr)?.[1] ?? "").replaceAll(",", ""));
    const report = await ingestInto(table, ["--resume", "--limit", String(count + 10), flights]);
    expect(report).toMatchObject({ skippedRows: count, rows: 10 });
  });

  it("ends without a word when nobody reads its output", async () => {
    const table = fresh();
    const { child, outcome } = startPennon("ingest", "--limit", "100", "--into", table, flights);
    child.stdout?.destroy();
    child.stdin?.end();
    expect(await outcome).toMatchObject({ code: 0, stderr: "" });
    expect(await rowsOf(table)).toHaveLength(100);
  });
});
