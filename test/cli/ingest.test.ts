import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { tableFromIPC, tableToIPC } from "apache-arrow";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { data, ingestJson, pennon, type ReportedColumn } from "./run-pennon.js";

const flights = `${data}flights-200k.arrow`;
const manyFlights = `${data}flights-3m.parquet`;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pennon-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const checksums = (columns: readonly ReportedColumn[]): string[] => columns.map(({ checksum }) => checksum);

describe("pennon ingest", () => {
  it("reports of an Arrow file what apache-arrow finds in it", async () => {
    const table = tableFromIPC(readFileSync(flights));
    const report = await ingestJson([flights]);
    expect(report).toMatchObject({
      rows: table.numRows,
      batches: 25,
      stores: 1,
      readers: 2,
      agree: true,
      verified: true,
    });
    for (const [i, field] of table.schema.fields.entries()) {
      const values = [...(table.getChildAt(i) ?? [])].map(Number);
      const sum = values.reduce((total, value) => total + value, 0);
      const column = report.columns[i];
      expect(column).toMatchObject({ name: field.name, rows: table.numRows, nulls: 0 });
      expect(column?.min).toBe(values.reduce((a, b) => Math.min(a, b)));
      expect(column?.max).toBe(values.reduce((a, b) => Math.max(a, b)));
      expect(column?.mean).toBeCloseTo(sum / values.length, 9);
    }
  });

  it("reports of a Parquet file what another reader finds in it", async () => {
    const rows = await parquetReadObjects({
      file: await asyncBufferFromFile(manyFlights),
      compressors,
      rowEnd: 10_000,
    });
    const report = await ingestJson(["--limit", "10000", manyFlights]);
    const delays = rows.map((row) => Number(row["delay"]));
    const [date, delay, , origin] = report.columns;
    expect(report.rows).toBe(10_000);
    expect(date).toMatchObject({ name: "date", type: "timestamp[us]" });
    expect(delay).toMatchObject({ min: Math.min(...delays), max: Math.max(...delays) });
    expect(delay?.mean).toBeCloseTo(delays.reduce((a, b) => a + b) / delays.length, 9);
    expect(origin).toMatchObject({ nulls: 0, minBytes: 3, maxBytes: 3 });
  });

  it("finds the same through many recycled stores, in other batches, with any number of readers", async () => {
    const limit = ["--limit", "100000", manyFlights];
    const one = await ingestJson(["--readers", "1", ...limit]);
    const recycled = await ingestJson(["--readers", "4", "--store-bytes", "256K", "--batch-rows", "1000", ...limit]);
    const unread = await ingestJson(["--readers", "0", ...limit]);
    const unverified = await ingestJson(["--readers", "2", "--no-verify", ...limit]);
    expect(recycled.stores).toBeGreaterThan(15);
    expect(one.stores).toBe(1);
    for (const other of [recycled, unread, unverified]) {
      expect(other.rows).toBe(100_000);
      expect(checksums(other.columns)).toEqual(checksums(one.columns));
    }
    expect(unverified.verified).toBe(false);
  });

  it("cuts a batch that is larger than a store", async () => {
    const report = await ingestJson(["--store-bytes", "64K", "--batch-rows", "100000", flights]);
    const whole = await ingestJson([flights]);
    expect(report.rows).toBe(200_000);
    expect(report.stores).toBeGreaterThan(10);
    expect(checksums(report.columns)).toEqual(checksums(whole.columns));
  });

  it("claims no agreement when there was nobody to compare with", async () => {
    const report = await ingestJson(["--readers", "1", "--no-verify", "--limit", "100", flights]);
    expect(report.agree).toBeNull();
  });

  it("serves more readers than there are scratch regions", async () => {
    const report = await ingestJson(["--readers", "20", "--limit", "20000", flights]);
    expect(report).toMatchObject({ rows: 20_000, readers: 20, agree: true });
  });

  it("reads CSV, with nulls and times", async () => {
    const path = file("a.csv", "id,name,at\n1,ann,2024-01-01T00:00:00Z\n2,,2024-01-03T12:30:00.5Z\n3,élan,\n");
    const { rows, sources, columns } = await ingestJson([path]);
    expect(rows).toBe(3);
    expect(sources).toEqual([{ name: path, format: "csv", rows: 3 }]);
    expect(columns).toMatchObject([
      { name: "id", type: "int64", nulls: 0, min: 1, max: 3, mean: 2 },
      { name: "name", type: "utf8", nulls: 1, minBytes: 3, maxBytes: 5, meanBytes: 4 },
      { name: "at", nulls: 1, min: "2024-01-01T00:00:00", max: "2024-01-03T12:30:00.5" },
    ]);
  });

  it("reads NDJSON with nested values, from a file and gzipped from standard input", async () => {
    const text = '{"a":1.5,"ok":true,"tags":["x","yy"],"at":{"x":1}}\n{"a":-2,"ok":false,"tags":[],"at":{"x":9}}\n';
    const report = await ingestJson([file("b.ndjson", text)]);
    const [a, ok, tags, at] = report.columns;
    expect(a).toMatchObject({ min: -2, max: 1.5, mean: -0.25 });
    expect(ok).toMatchObject({ min: false, max: true, mean: 0.5 });
    expect(tags).toMatchObject({ rows: 2, children: [{ rows: 2, minBytes: 1, maxBytes: 2 }] });
    expect(at).toMatchObject({ rows: 2, children: [{ name: "x", min: 1, max: 9 }] });
    const piped = await ingestJson(["-"], gzipSync(text));
    expect(piped.sources[0]).toMatchObject({ name: "<stdin>", format: "ndjson", rows: 2 });
    expect(piped.columns).toEqual(report.columns);
  });

  it("reads Arrow streams and Parquet from standard input", async () => {
    const table = tableFromIPC(readFileSync(flights)).slice(0, 5000);
    const { columns } = await ingestJson(["--limit", "5000", flights]);
    expect((await ingestJson(["-"], tableToIPC(table, "stream"))).columns).toEqual(columns);
    const parquet = await ingestJson(["--limit", "2000", "-"], readFileSync(manyFlights));
    expect(parquet).toMatchObject({ rows: 2000, sources: [{ format: "parquet" }] });
  });

  it("goes on with the ordinals from file to file", async () => {
    const table = tableFromIPC(readFileSync(flights));
    const first = file("first.arrow", tableToIPC(table.slice(0, 70_001), "file"));
    const second = file("second.arrow", tableToIPC(table.slice(70_001), "stream"));
    const whole = await ingestJson([flights]);
    const parts = await ingestJson([first, second]);
    expect(parts.sources.map(({ rows }) => rows)).toEqual([70_001, 129_999]);
    expect(checksums(parts.columns)).toEqual(checksums(whole.columns));
    const reversed = await ingestJson([second, first]);
    expect(checksums(reversed.columns)).not.toEqual(checksums(whole.columns));
    expect(reversed.columns.map(({ min }) => min)).toEqual(whole.columns.map(({ min }) => min));
  });

  it("reads a second CSV with the types of the first", async () => {
    const report = await ingestJson([file("floats.csv", "x,y\n1.5,a\n"), file("ints.csv", "y,x\nb,2\n")]);
    expect(report.columns[0]).toMatchObject({ name: "x", type: "float64", min: 1.5, max: 2 });
  });

  it("stops at the limit, also within a file and at 0", async () => {
    const ten = file("ten.csv", `n\n${[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].join("\n")}\n`);
    const report = await ingestJson(["--limit", "15", "--batch-rows", "4", ten, ten, ten]);
    expect(report.sources.map(({ rows }) => rows)).toEqual([10, 5]);
    expect(report.columns[0]).toMatchObject({ rows: 15, min: 0, max: 9 });
    expect(await ingestJson(["--limit", "0", ten])).toMatchObject({ rows: 0, batches: 0, stores: 0 });
  });

  it("prints a table, and no progress when standard error is not a terminal", async () => {
    const { code, stdout, stderr } = await pennon(["ingest", "--limit", "1000", flights]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const lines = stdout.split("\n");
    expect(lines[0]).toBe("1,000 rows in 1 batch, 8.00 kB, from flights-200k.arrow");
    expect(lines[3]).toMatch(/^column +type +nulls +min +max +mean +checksum$/);
    expect(lines[4]).toMatch(/^delay +int16 +0 +-?\d+ +\d+ +-?[\d.]+ +[0-9a-f]{8}$/);
    expect(stdout).toContain("2 readers and the writer agree");
    expect(lines.every((line) => line.length <= 80)).toBe(true);
  });
});
