import { Field, Float64, Int16, Schema, TimestampMillisecond, Utf8 } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openInput } from "./open-input.js";
import { batchesOf, dataFile, failure, outcome, readAll, rowsOf, streamOf } from "./sources.fixture.js";

const csv = { format: "csv" } as const;

async function rows(text: string | Uint8Array, chunkBytes?: number): Promise<unknown[]> {
  return rowsOf(await readAll(streamOf(text, chunkBytes), csv));
}

async function types(text: string): Promise<string[]> {
  const input = await openInput(streamOf(text), csv);
  await input.close();
  return input.schema.fields.map((field) => String(field.type));
}

describe("CSV", () => {
  it("reads a real file in batches of at most batchRows, with codes kept as text", async () => {
    const input = await openInput({ path: dataFile("zipcodes.csv") }, { batchRows: 10_000 });
    const batches = await batchesOf(input);
    expect(batches.map((batch) => batch.numRows)).toEqual([10_000, 10_000, 10_000, 10_000, 2049]);
    expect(batches[0]?.get(0)?.toJSON()).toMatchObject({ zip_code: "00501", latitude: 40.922326, city: "Holtsville" });
    expect(input.bytesRead()).toBe(input.totalBytes);
  });

  it("hands a batch on before its texts are more than a batch may hold", async () => {
    const wide = `${"x".repeat(15 * 1024 * 1024)},1\n`;
    const batches = await readAll(streamOf(`s,n\n${wide.repeat(10)}`, 1 << 20), csv);
    expect(batches.map((batch) => batch.numRows)).toEqual([9, 1]);
  }, 20_000);

  it("guesses types from the rows", async () => {
    expect(await types("a\n1\n\n-2\n")).toEqual(["Int64"]);
    expect(await types("a,b\n9223372036854775807,9223372036854775808\n")).toEqual(["Int64", "Utf8"]);
    expect(await types("a\n1\n2.5e3\n")).toEqual(["Float64"]);
    expect(await types("a\nNaN\n1\n")).toEqual(["Float64"]);
    expect(await types("a\ntrue\nFALSE\n")).toEqual(["Bool"]);
    expect(await types("a\n007\n")).toEqual(["Utf8"]);
    expect(await types("a,b\n2024-02-29T12:00:00.123456Z,2024-02-29\n")).toEqual([
      "Timestamp<MICROSECOND, UTC>",
      "Timestamp<MICROSECOND>",
    ]);
    expect(await types("a\n2023-02-29\n")).toEqual(["Utf8"]);
    expect(await types("a\n2024-01-01T00:00Z\n2024-01-01T00:00\n")).toEqual(["Utf8"]);
    expect(await types("a\n1\nx\n")).toEqual(["Utf8"]);
  });

  it("keeps every digit of 64-bit integers, and reads empty fields as null", async () => {
    expect(await rows("a,b\n9007199254740993,x\n,\n-9223372036854775808,z\n-1,y\n")).toEqual([
      { a: 9007199254740993n, b: "x" },
      { a: null, b: null },
      { a: -(2n ** 63n), b: "z" },
      { a: -1n, b: "y" },
    ]);
  });

  it("reads quotes, newlines in fields, a byte-order mark, CRLF and every delimiter", async () => {
    expect(await rows('\ufeffa,b\r\n"x ""y""\nz",1\r\n')).toEqual([{ a: 'x "y"\nz', b: 1n }]);
    for (const delimiter of [";", "\t", "|"])
      expect(await rows(`a${delimiter}"b,c"\nx,y${delimiter}2\n`)).toEqual([{ a: "x,y", "b,c": 2n }]);
    expect(await rows("a\n€😀\n", 1)).toEqual([{ a: "€😀" }]);
  });

  it("names the line, the column and the value that does not fit", async () => {
    const lines = Array.from({ length: 10_000 }, (_, row) => `${row},x`).join("\n");
    expect(await failure(streamOf(`n,s\n${lines}\n1,"y\ny"\noops,z\n`), csv)).toBe(
      'UsageError: <stdin>: line 10004, column "n": "oops" is not Int64, the column\'s type by its first rows or by the given schema',
    );
    expect(await failure(streamOf(`n,s\n${lines}\n${"9".repeat(50)},z\n`), csv)).toMatch(/: "9{39}… is not Int64/);
  });

  it("names the line of a row with too many or too few fields, of an open quote, of bytes that are not UTF-8", async () => {
    expect(await failure(streamOf("a,b\n1,2\n3\n"), csv)).toBe("UsageError: <stdin>: line 3 has 1 fields; expected 2");
    expect(await failure(streamOf("a,b\n1,2,3\n"), csv)).toBe("UsageError: <stdin>: line 2 has 3 fields; expected 2");
    expect(await failure(streamOf('a,b\n1,"2\n'), csv)).toMatch(/line \d+: a quoted field is not closed/);
    const bad = Buffer.concat([Buffer.from("a\nü\n"), Buffer.from([0xff, 10])]);
    expect(await failure(streamOf(bad, 3), csv)).toBe(
      "UsageError: <stdin>: line 3 is not valid UTF-8; convert the file to UTF-8",
    );
    expect(await failure(streamOf(Buffer.from([97, 10, 0xe2, 0x82])), csv)).toMatch(/line 2 is not valid UTF-8/);
  });

  it("refuses a line past its bound without keeping it, a header twice the same, and a header alone", async () => {
    expect(await failure(streamOf(`a,b\n"${"x".repeat(17 * 1024 * 1024)}`), csv)).toMatch(
      /line 2 is longer than 16777216/,
    );
    expect(await failure(streamOf("a,a\n1,2\n"), csv)).toMatch(/two columns are called "a"/);
    expect(await failure(streamOf("a,b\n"), csv)).toMatch(/header row and no others/);
  });

  it("takes a schema in place of guesses, in any order of its columns", async () => {
    const schema = new Schema([
      new Field("t", new TimestampMillisecond(), true),
      new Field("z", new Utf8(), true),
      new Field("n", new Int16(), true),
      new Field("f", new Float64(), true),
    ]);
    const batches = await readAll(streamOf("n,z,f,t\n-7,007,1,2024-01-01T00:00:00.5\n"), { ...csv, schema });
    expect(rowsOf(batches)).toEqual([{ t: 1704067200500, z: "007", n: -7, f: 1 }]);
    expect(await failure(streamOf("n,z,f,t\n40000,0,1,\n"), { ...csv, schema })).toMatch(
      /line 2, column "n": "40000" is not Int16/,
    );
    expect(await failure(streamOf("n,z,f\n1,0,1\n"), { ...csv, schema })).toMatch(/has no column "t"/);
    expect(await failure(streamOf("n,z,f,t,u\n1,0,1,,\n"), { ...csv, schema })).toMatch(
      /column "u" is not in the schema/,
    );
  });

  it("reads back any table of texts, however it is cut into chunks", async () => {
    const field = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }).filter((text) => text.trim() === text);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(field, field), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 50 }),
        async (table, size) => {
          const quoted = table.map((row) => row.map((text) => `"${text.replaceAll('"', '""')}"`).join(",")).join("\n");
          const schema = new Schema([new Field("a", new Utf8(), true), new Field("b", new Utf8(), true)]);
          const batches = await readAll(streamOf(`a,b\n${quoted}\n`, size), { ...csv, schema });
          expect(rowsOf(batches)).toEqual(table.map(([a, b]) => ({ a, b })));
        },
      ),
      { numRuns: 100 },
    );
  });

  it("gives batches or one of our errors for any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
        await outcome(streamOf(Buffer.concat([Buffer.from("a,b\n1,"), bytes])), csv);
      }),
      { numRuns: 200 },
    );
  });
});
