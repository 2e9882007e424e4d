/** `pennon gc` and `pennon verify`, on tables of ours and of LanceDB. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Field, Int64, Schema, Utf8 } from "apache-arrow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { int64, openTable, schema, utf8 } from "../../src/index.js";
import { lanceDatabase, lanceRows, lanceUpsert, makeLanceTable } from "../lancedb.js";
import { pennon } from "./run-pennon.js";
import { entriesOf, entryPath, makeFolder, rowsOf, shardOf } from "./tables.js";

const folder = makeFolder();
afterAll(folder.remove);
const table = folder.path("db", "notes");

/** Ten entries that SSTables of LanceDB cover, and what a crash left behind. */
beforeAll(async () => {
  const lanceSchema = new Schema([new Field("id", new Int64(), false), new Field("note", new Utf8(), true)]);
  const made = await makeLanceTable(folder.path("db"), { name: "notes", schema: lanceSchema, primaryKey: ["id"] });
  for (let id = 1; id <= 10; id++) await lanceUpsert(made.table, [{ id: BigInt(id), note: `note ${id}` }]);
  await made.close();
  mkdirSync(join(shardOf(table), "0badc0de_gen_7", "data"), { recursive: true });
  writeFileSync(join(shardOf(table), "0badc0de_gen_7", "data", "0.lance"), "half");
});

/** The JSON output, as far as tests look at it. */
interface GcReport {
  readonly shards: readonly {
    readonly removed: readonly { readonly kind: string; readonly key: string; readonly bytes: number }[];
    readonly kept: readonly { readonly kind: string; readonly count: number }[];
  }[];
}

async function gcJson(...args: string[]): Promise<GcReport["shards"]> {
  const { code, stdout, stderr } = await pennon(["gc", "--json", ...args, table]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const report: GcReport = JSON.parse(stdout);
  return report.shards;
}

/** Has the notes of earlier runs be from long ago. */
function age(): void {
  const path = join(shardOf(table), "pennon-gc.json");
  const longAgo = Date.now() - 2 * 60 * 60 * 1000;
  const state = JSON.stringify({
    notes: [{ atMs: longAgo, version: 1, replayAfter: 1000, compactedThrough: 0 }],
    seen: [{ name: "0badc0de_gen_7", atMs: longAgo }],
  });
  writeFileSync(path, state);
}

it("each command has a page of help that fits a terminal, and names what is wrong with its path", async () => {
  for (const command of ["gc", "verify"]) {
    const { code, stdout, stderr } = await pennon([command, "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("Exit code:");
    expect(stdout.split("\n").every((line) => line.length <= 80)).toBe(true);
    const missing = await pennon([command, folder.path("missing")]);
    expect(missing).toMatchObject({ code: 2, stdout: "" });
    expect(missing.stderr).toMatch(/^pennon: .*missing: no such table; expected [^\n]*\n$/);
  }
  const wrong = await pennon(["gc", "--retention", "soon", table]);
  expect(wrong).toMatchObject({ code: 2 });
  expect(wrong.stderr).toMatch(/Expected a time from 0 to 365d/);
});

describe("pennon gc", () => {
  it("removes nothing that was not needed only a moment ago", async () => {
    const [shard] = await gcJson();
    expect(shard?.removed).toEqual([]);
    expect(shard?.kept.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["orphan", "entry"]));
    expect(entriesOf(table)).toHaveLength(10);
  });

  it("says what it would remove, then does, beside an owner; and every row is there", async () => {
    age();
    const before = entriesOf(table).length;
    const dry = await pennon(["gc", "--dry-run", table]);
    expect(dry).toMatchObject({ code: 0, stderr: "" });
    expect(dry.stdout).toMatch(/Would remove 9 entries of the log, [\d.]+ kB\n/);
    expect(dry.stdout).toMatch(/Would remove 1 file of SSTables that are not listed, 4 B\n/);
    expect(dry.stdout).toMatch(/\n {2}0badc0de_gen_7\/data\/0.lance {2}4 B {2}not listed in the manifest\n/);
    expect(entriesOf(table)).toHaveLength(before);

    const held = await openTable(table);
    try {
      age();
      const [shard] = await gcJson();
      expect(shard?.removed.filter(({ kind }) => kind === "entry")).toHaveLength(9);
      expect(existsSync(join(shardOf(table), "0badc0de_gen_7"))).toBe(false);
      await held.put({ id: 11n, note: "after" });
    } finally {
      await held.close();
    }
    // The tip, the fence of our opening, and its entry.
    expect(entriesOf(table)).toHaveLength(3);
    expect((await rowsOf(table)).map((row) => row["id"])).toContain(11n);
    const database = await lanceDatabase(folder.path("db"));
    const lance = await database.openTable("notes");
    await lanceUpsert(lance, [{ id: 12n, note: "by LanceDB" }]);
    expect((await lanceRows(lance)).length).toBe(12);
    await lance.closeLsmWriters();
    database.close();
  });
});

describe("pennon verify", () => {
  it("finds nothing wrong with a table that is whole", async () => {
    expect(await pennon(["verify", table])).toMatchObject({ code: 0, stdout: "", stderr: "" });
    const { code, stdout } = await pennon(["verify", "--json", table]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ sound: true, findings: [] });
  });

  it("prints a line for each finding", async () => {
    const other = folder.path("db", "other");
    const opened = await openTable(other, { schema: schema({ id: int64(), note: utf8() }), primaryKey: "id" });
    for (let id = 0n; id < 4n; id++) await opened.put({ id, note: "x" });
    await opened.close();
    rmSync(entryPath(other, 2));
    mkdirSync(join(shardOf(other), "0badc0de_gen_7"));
    const { code, stdout, stderr } = await pennon(["verify", other]);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^error: _mem_wal\/.*\/wal\/01.*\.arrow: entry 2 is missing.*; `pennon repair` says what can be done\n/,
    );
    expect(stdout).toMatch(/\nwarning: _mem_wal\/.*\/0badc0de_gen_7: it is not listed .*; `pennon gc` removes it.*\n$/);
    expect(stderr).toMatch(/^pennon: .*other: 2 findings\n$/);
    const json = await pennon(["verify", "--json", other]);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      sound: false,
      findings: [{ severity: "error" }, { severity: "warning" }],
    });
    expect(readdirSync(shardOf(other))).toContain("0badc0de_gen_7");
  });
});
