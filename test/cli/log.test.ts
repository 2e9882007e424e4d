/** `pennon wal`, `pennon stats` and `pennon repair`, on logs of ours and of LanceDB. */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Field, Int64, Schema, Utf8 } from "apache-arrow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { int64, openTable, schema, utf8 } from "../../src/index.js";
import { UNSHARDED_SHARD_ID } from "../../src/lance/shard-id.js";
import { lanceDatabase, lanceRows, lanceUpsert, makeLanceTable } from "../lancedb.js";
import { type Outcome, pennon, startPennon } from "./run-pennon.js";
import { entriesOf, entryPath, makeFolder, rowsOf, shardOf } from "./tables.js";

const folder = makeFolder();
afterAll(folder.remove);

const notes = schema({ id: int64(), note: utf8().nullable() });
const ids = (...ranges: [number, number][]): bigint[] =>
  ranges.flatMap(([from, count]) => Array.from({ length: count }, (_, i) => BigInt(from + i)));

/** A table of five entries with ten rows each, 0 to 49. */
const whole = folder.path("db", "whole");
beforeAll(async () => {
  const table = await openTable(whole, { schema: notes, primaryKey: "id" });
  for (let i = 0; i < 5; i++) await table.put(ids([10 * i, 10]).map((id) => ({ id, note: `note ${id}` })));
  await table.close();
});

/** A copy of it, with other entries. */
function damaged(name: string, damage: (entry: (position: number) => string) => void): string {
  const table = folder.path("db", name);
  cpSync(`${whole}.lance`, `${table}.lance`, { recursive: true });
  damage((position) => entryPath(table, position));
  return table;
}

const torn = (name: string): string =>
  damaged(name, (entry) => {
    truncateSync(entry(2), 1000);
    rmSync(entry(4));
  });

/** The JSON output, as far as tests pick parts of it. */
interface LogReport {
  readonly entries: readonly { readonly kind: string }[];
  readonly table: unknown;
  readonly shards: unknown;
}

async function json(...args: string[]): Promise<{ code: number | null; stderr: string; report: LogReport }> {
  const { code, stdout, stderr } = await pennon([...args, "--json"]);
  return { code, stderr, report: JSON.parse(stdout) };
}

const keys = async (table: string): Promise<unknown[]> => (await rowsOf(table)).map((row) => row["id"]);

async function refuse(args: readonly string[], line: RegExp, code = 2): Promise<void> {
  const outcome = await pennon(args);
  expect(outcome.stderr).toMatch(line);
  expect(outcome.stderr).toMatch(/^pennon: [^\n]+\n$/);
  expect(outcome).toMatchObject({ code, stdout: "" });
}

describe("a path that is no log", () => {
  it("is told in one line, with exit code 2", async () => {
    mkdirSync(folder.path("plain.lance"), { recursive: true });
    mkdirSync(folder.path("two.lance", "_versions"), { recursive: true });
    for (const command of ["wal", "stats", "repair"]) {
      await refuse([command], /missing required argument 'path'/);
      await refuse([command, folder.path("missing")], /missing: no such table; expected <database>\/<table>/);
      await refuse([command, folder.path("plain")], /plain\.lance is neither a Lance table .* nor a shard's directory/);
    }
    await refuse(["wal", folder.path("two")], /two: the table has no log; it gets one when it is first opened/);
    for (const bucket of ["1", "2"]) {
      mkdirSync(folder.path("two.lance", "_mem_wal", UNSHARDED_SHARD_ID.replace(/.$/, bucket), "wal"), {
        recursive: true,
      });
    }
    await refuse(["wal", folder.path("two")], /two: the table has 2 shards; give the directory of one, such as /);
  });
});

it("each command has a page of help that fits a terminal", async () => {
  for (const command of ["wal", "stats", "repair"]) {
    const { code, stdout, stderr } = await pennon([command, "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("Exit code:");
    expect(stdout.split("\n").every((line) => line.length <= 80)).toBe(true);
  }
});

describe("pennon wal", () => {
  it("lists every entry, and finds a sound log sound", async () => {
    const { code, stdout, stderr } = await pennon(["wal", whole]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/whole: shard aa48498d-.*, epoch 1, no SSTables\n\n +position +epoch +writer/);
    const lines = stdout.split("\n").filter((line) => line.endsWith("  ok"));
    expect(lines).toHaveLength(5);
    expect(lines[2]).toMatch(/^ +3 +1 +[0-9a-f]{8} +3 +1 +10 +[\d.]+ kB +ok$/);
    expect(stdout).toMatch(/\n5 entries, 50 rows in 5 batches, [\d.]+ kB\nChecksums: 5 right, 0 wrong, 0 absent/);
    expect(stdout.split("\n").every((line) => line.length <= 100)).toBe(true);
    for (const path of [shardOf(whole), `${whole}.lance`]) {
      const { report } = await json("wal", path);
      expect(report).toMatchObject({ shard: UNSHARDED_SHARD_ID, sound: true, totals: { entries: 5, rows: 50 } });
      expect(report.entries[1]).toMatchObject({
        kind: "entry",
        position: 2,
        file: `wal/${basename(entryPath(whole, 2))}`,
        epoch: 1,
        sequence: 2,
        batches: 1,
        rows: 10,
        checksum: "ok",
      });
    }
  });

  it("names what is torn, altered or missing, with exit code 1", async () => {
    const table = torn("wal-torn");
    const bytes = readFileSync(entryPath(table, 5));
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
    writeFileSync(entryPath(table, 5), bytes);
    const { code, stdout, stderr } = await pennon(["wal", table]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^pennon: .*wal-torn: 2 entries are damaged, 1 entry is missing; pennon repair says what can be done\n$/,
    );
    expect(stdout).toMatch(
      new RegExp(`\\n +2 .*damaged\\n +wal/${basename(entryPath(table, 2))}: bytes \\d+ to 1000: `),
    );
    expect(stdout).toMatch(/\n +4 {2}missing\n/);
    expect(stdout).toMatch(/\n +5 .*wrong +damaged\n.*do not agree with their checksum\n/);
    const { report } = await json("wal", table);
    expect(report).toMatchObject({ sound: false, totals: { damaged: 2, missing: 1 } });
    expect(report.entries.map(({ kind }) => kind)).toEqual(["entry", "entry", "entry", "missing", "entry"]);
  });

  it("ends without a word when nobody reads its output", async () => {
    for (const command of ["wal", "stats", "repair"]) {
      const { child, outcome } = startPennon(command, whole);
      child.stdout?.destroy();
      child.stdin?.end();
      expect(await outcome).toMatchObject({ code: 0, stderr: "" });
    }
  });
});

describe("pennon stats", () => {
  it("shows spec, manifest, owner and log", async () => {
    const table = damaged("stats", () => {});
    const held = await openTable(table);
    let outcome: Outcome;
    let report: LogReport;
    try {
      outcome = await pennon(["stats", table]);
      ({ report } = await json("stats", table));
    } finally {
      await held.close();
    }
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(outcome.stdout).toMatch(/\n {2}write spec +unsharded\n/);
    expect(outcome.stdout).toMatch(new RegExp(`\\n {2}owner +process ${process.pid}, since .*, epoch 2\\n`));
    expect(outcome.stdout).toMatch(/\n {2}manifest +version 3, epoch 2, active\n/);
    expect(outcome.stdout).toMatch(/\n {2}log +6 entries to replay, 50 rows in 5 batches, .*; the next is 7\n/);
    expect(report.table).toMatchObject({ directory: `${table}.lance`, writeSpec: { numShards: 1, config: {} } });
    expect(report.shards).toMatchObject([
      {
        id: UNSHARDED_SHARD_ID,
        owner: { pid: process.pid, epoch: 2, answers: true },
        manifest: { epoch: 2, status: "active", lastSeen: 6, ssTables: [] },
        log: { next: 7, fences: 1, replay: { rows: 50 }, damaged: 0, missing: 0, sound: true },
      },
    ]);
    const after = await pennon(["stats", table]);
    expect(after.stdout).toMatch(/\n {2}owner +none: nobody on this machine has it open for writing\n/);
  });

  it("says that a log is damaged, and shows a table without one", async () => {
    const outcome = await pennon(["stats", torn("stats-torn")]);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(outcome.stdout).toMatch(/\n {2}damage +1 entry is damaged, 1 entry is missing; pennon wal lists them/);
    const database = await lanceDatabase(folder.path("db"));
    await database.createEmptyTable("bare", new Schema([new Field("id", new Int64(), false)]));
    database.close();
    const bare = await pennon(["stats", folder.path("db", "bare")]);
    expect(bare).toMatchObject({ code: 0, stderr: "" });
    expect(bare.stdout).toMatch(/write spec +none: .*\n {2}log +none: it gets one when/);
  });
});

describe("pennon repair", () => {
  it("shows what would be lost, and changes nothing without --yes", async () => {
    const table = torn("repair-dry");
    const { code, stdout, stderr } = await pennon(["repair", table]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(stdout).toMatch(/\nEntry 2 is damaged: bytes \d+ to 1000: the file is cut off/);
    expect(stdout).toMatch(/\nEntry 4 is missing: nobody knows how many rows were in it\n/);
    expect(stdout).toMatch(/\nLost: the rows of 2 entries, how many is not known\n/);
    expect(stdout).toMatch(
      /\nKept: 3 entries with 30 rows, in order, among them 2 entries with 20 rows behind the first damage\n/,
    );
    expect(stdout).toMatch(/\nNothing was changed\. With --yes it would\n/);
    expect(entriesOf(table)).toHaveLength(4);
    expect(readFileSync(entryPath(table, 2))).toHaveLength(1000);
    await expect(openTable(table)).rejects.toThrow(/pennon repair/);
  });

  it("with --yes sets the damaged entry aside; then we and LanceDB read all other rows", async () => {
    const table = torn("repair");
    const { code, stdout, stderr } = await pennon(["repair", "--yes", table]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const aside = /what was set aside is in (.*)\n/.exec(stdout)?.[1] ?? "";
    expect(readFileSync(join(aside, "entry-2.arrow"))).toHaveLength(1000);
    expect(JSON.parse(readFileSync(join(aside, "record.json"), "utf8"))).toMatchObject({ entries: [{ position: 2 }] });
    expect(await pennon(["wal", table])).toMatchObject({ code: 0 });
    expect((await pennon(["repair", table])).stdout).toMatch(/nothing to repair; 3 entries with 30 rows/);
    const copy = folder.path("db", "repaired-copy");
    cpSync(`${table}.lance`, `${copy}.lance`, { recursive: true });
    expect(await keys(table)).toEqual(ids([0, 10], [20, 10], [40, 10]));

    const database = await lanceDatabase(folder.path("db"));
    const lance = await database.openTable(basename(copy));
    await lanceUpsert(lance, [{ id: 100n, note: "by LanceDB" }]);
    const found = (await lanceRows(lance)).map((row) => row["id"]).sort((a, b) => Number(a) - Number(b));
    await lance.closeLsmWriters();
    database.close();
    expect(found).toEqual([...ids([0, 10], [20, 10], [40, 10]), 100n]);
  });

  it("repairs what a power failure leaves of a log of LanceDB", async () => {
    const lanceSchema = new Schema([new Field("id", new Int64(), false), new Field("note", new Utf8(), true)]);
    const made = await makeLanceTable(folder.path("db"), { name: "lance", schema: lanceSchema, primaryKey: ["id"] });
    for (const id of [1n, 2n, 3n]) await lanceUpsert(made.table, [{ id, note: `note ${id}` }]);
    const table = folder.path("db", "lance-torn");
    cpSync(made.directory, `${table}.lance`, { recursive: true });
    await made.close();
    expect(entriesOf(table).length).toBeGreaterThanOrEqual(3);
    truncateSync(entryPath(table, 2), 0);
    expect(await pennon(["wal", table])).toMatchObject({ code: 1 });
    expect(await pennon(["repair", "--yes", table])).toMatchObject({ code: 0, stderr: "" });
    expect(await keys(table)).toEqual([1n, 3n]);
  });

  it("sets entries that are sound, but not of this table, aside only when told to", async () => {
    const other = folder.path("db", "other");
    const opened = await openTable(other, { schema: schema({ id: int64(), other: utf8() }), primaryKey: "id" });
    await opened.put({ id: 1n, other: "x" });
    await opened.close();
    const table = damaged("repair-other", (entry) => renameSync(entryPath(other, 1), entry(3)));
    const wal = await pennon(["wal", table]);
    expect(wal.stdout).toMatch(/\n +3 .* ok +other columns\n +wal.*: its columns are not the table's: .*other.*\n/);
    expect(wal.stderr).toMatch(/1 sound entry has other columns than the table .*change them back/);
    expect(wal.code).toBe(1);
    const shown = await pennon(["repair", table]);
    expect(shown.stdout).toMatch(
      /Entry 3 is sound, and not of this table: .*its columns are not the table's: .*"other"/,
    );
    expect(shown.stdout).toMatch(/\n {2}the table's columns were changed while the log held rows; change them back\n/);
    expect(shown.stdout).toContain("With --yes --drop-sound it would");
    expect(shown.code).toBe(1);
    const before = readFileSync(entryPath(table, 3));
    await refuse(["repair", "--yes", table], /entry 3 of the log cannot be replayed, though nothing is wrong with it/);
    expect(readFileSync(entryPath(table, 3))).toEqual(before);
    expect(await pennon(["repair", "--yes", "--drop-sound", table])).toMatchObject({ code: 0 });
    expect(await keys(table)).toEqual(ids([0, 20], [30, 20]));
  });

  it("refuses while a process has the table open", async () => {
    const table = damaged("repair-open", () => {});
    const held = await openTable(table);
    try {
      truncateSync(entryPath(table, 2), 1000);
      await refuse(
        ["repair", "--yes", table],
        new RegExp(`repair-open is open for writing in process ${process.pid} since`),
        1,
      );
      expect(readFileSync(entryPath(table, 2))).toHaveLength(1000);
    } finally {
      await held.close();
    }
    expect(await json("repair", "--yes", table)).toMatchObject({
      code: 0,
      stderr: "",
      report: { repaired: true, epoch: 3, damaged: [{ position: 2 }], kept: { rows: 40 } },
    });
    expect(existsSync(entryPath(table, 2))).toBe(true);
  });
});
