import { readFileSync } from "node:fs";
import { Field, Int32, Schema, tableFromIPC } from "apache-arrow";
import fc from "fast-check";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { describe, expect, it } from "vitest";
import { openInput } from "./open-input.js";
import { dataFile, failure, outcome, plain, readAll, rowsOf, streamOf } from "./sources.fixture.js";

const flights = dataFile("flights-3m.parquet");
// Written by arrow-rs from every-type.arrows: row groups of 17 rows, pages of a few rows, nulls at every level.
const golden = (name: string) => readFileSync(new URL(`./golden/${name}`, import.meta.url));
const goldenFiles = ["every-type-v2-zstd.parquet", "every-type-v1-lz4-delta.parquet"];

describe("Parquet", () => {
  for (const name of goldenFiles) {
    it(`reads every type, nested and with nulls: ${name}`, async () => {
      const expected = tableFromIPC(golden("every-type.arrows"));
      const batches = await readAll(streamOf(golden(name), 1000), { batchRows: 10 });
      expect(batches.map((batch) => batch.numRows)).toEqual([10, 7, 3]);
      const types = (schema: Schema) => schema.fields.map((field) => `${field.name}: ${field.type}`);
      expect(types(batches[0]?.schema ?? new Schema())).toEqual(types(expected.schema));
      expect(rowsOf(batches)).toEqual(rowsOf(expected.batches));
    });
  }

  it("reads a real file as hyparquet does, at the full precision of its timestamps", async () => {
    const input = await openInput({ path: flights }, { batchRows: 1000 });
    expect(input.totalRows).toBe(3_000_000);
    expect(input.schema.fields.map((field) => `${field.name}: ${field.type}`)).toEqual([
      "date: Timestamp<MICROSECOND>",
      "delay: Int64",
      "distance: Int64",
      "origin: Utf8",
      "destination: Utf8",
    ]);
    const bytes = readFileSync(flights);
    const file = {
      byteLength: bytes.length,
      slice: (start: number, end?: number) => Uint8Array.from(bytes.subarray(start, end)).buffer,
    };
    const parsers = { timestampFromMicroseconds: (micros: bigint) => micros };
    const expected = await parquetReadObjects({ file, compressors, parsers, rowEnd: 1000 });
    for await (const batch of input.batches()) {
      const micros: BigInt64Array = batch.getChild("date")?.toArray();
      const actual = batch.toArray().map((row: unknown, index) => ({ ...(plain(row) as object), date: micros[index] }));
      expect(actual).toEqual(expected);
      break;
    }
  });

  it("reads the whole of three million rows", async () => {
    const input = await openInput({ path: flights });
    let rows = 0;
    for await (const batch of input.batches()) rows += batch.numRows;
    expect(rows).toBe(3_000_000);
    expect(input.bytesRead()).toBe(input.totalBytes);
  });

  it("bounds the temporary file of a stream, and the size of a column chunk", async () => {
    const bytes = golden("every-type-v2-zstd.parquet");
    expect(await failure(streamOf(bytes), { maxSpoolBytes: 2000 })).toMatch(/UsageError: <stdin>: .*maxSpoolBytes/);
    expect(await failure({ path: flights }, { maxMessageBytes: 4096 })).toMatch(
      /CorruptError: .*row group 0, column "date": .*maxMessageBytes/,
    );
  });

  it("bounds what the columns of a row group take together", async () => {
    // 272,727 rows of 38 bytes; no column takes more than 2.2 MB.
    expect(await failure({ path: flights }, { maxMessageBytes: 2_200_000 })).toMatch(
      /row group 0, column "(origin|destination)": .*decodes to more than/,
    );
  });

  it("bounds the room that nulls take, of which a few bytes can state any number", async () => {
    const options = { maxMessageBytes: 1 << 20 };
    expect(rowsOf(await readAll(streamOf(nullsOnly(3)), options))).toEqual([{ c: null }, { c: null }, { c: null }]);
    expect(await failure(streamOf(nullsOnly(131_072)), options)).toBe("no error");
    expect(await failure(streamOf(nullsOnly(131_073)), options)).toMatch(
      /CorruptError: <stdin>: row group 0, column "c": a column chunk decodes to more than 1048576 bytes/,
    );
  });

  it("says what is wrong with a file that is cut off, and with another schema", async () => {
    const bytes = golden("every-type-v2-zstd.parquet");
    expect(await failure(streamOf(bytes.subarray(0, bytes.length - 1)))).toMatch(
      /CorruptError: <stdin>: does not end with PAR1/,
    );
    expect(await failure(streamOf(Buffer.concat([bytes.subarray(0, 100), bytes.subarray(-8)])))).toMatch(
      /the footer states \d+ bytes/,
    );
    expect(await failure({ path: flights }, { schema: new Schema([new Field("date", new Int32())]) })).toMatch(
      /column 1 is "date" \(Timestamp/,
    );
  });

  it("gives batches or one of our errors for any damage", async () => {
    const originals = goldenFiles.map(golden);
    const flip = fc.record({
      at: fc.nat(1_000_000),
      value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.integer({ min: 0, max: 255 })),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.nat(originals.length - 1),
        fc.array(flip, { minLength: 1, maxLength: 5 }),
        async (which, flips) => {
          const bytes = Uint8Array.from(originals[which] ?? []);
          for (const { at, value } of flips) bytes[at % bytes.length] = value;
          await outcome(streamOf(bytes), { format: "parquet", maxMessageBytes: 1 << 22 });
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** A file of one optional int64 column "c" with as many nulls, in Thrift's compact protocol by hand. */
function nullsOnly(rows: number): Uint8Array {
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) + 128, ...varint(value >> 7)]);
  const int = (value: number) => varint(value * 2);
  const text = (value: string) => [value.length, ...Buffer.from(value)];
  const list = (type: number, ...items: number[][]) => [items.length * 16 + type, ...items.flat()];
  /** [field number, type, bytes] of each field; types: 5 i32, 6 i64, 8 binary, 9 list, 12 struct. */
  const struct = (...fields: [number, number, number[]][]) => [
    ...fields.flatMap(([id, type, bytes], i) => [(id - (fields[i - 1]?.[0] ?? 0)) * 16 + type, ...bytes]),
    0,
  ];
  const run = [...varint(rows * 2), 0];
  const levels = [run.length, 0, 0, 0, ...run];
  const page = struct([1, 5, int(rows)], [2, 5, int(0)], [3, 5, int(3)], [4, 5, int(3)]);
  const size = int(levels.length);
  const data = [...struct([1, 5, int(0)], [2, 5, size], [3, 5, size], [5, 12, page]), ...levels];
  const root = struct([4, 8, text("root")], [5, 5, int(1)]);
  const leaf = struct([1, 5, int(2)], [3, 5, int(1)], [4, 8, text("c")]);
  const chunk = struct(
    [1, 5, int(2)],
    [2, 9, list(5, int(0))],
    [3, 9, list(8, text("c"))],
    [4, 5, int(0)],
    [5, 6, int(rows)],
    [6, 6, int(data.length)],
    [7, 6, int(data.length)],
    [9, 6, int(4)],
  );
  const group = struct(
    [1, 9, list(12, struct([2, 6, int(4)], [3, 12, chunk]))],
    [2, 6, int(data.length)],
    [3, 6, int(rows)],
  );
  const footer = struct([1, 5, int(1)], [2, 9, list(12, root, leaf)], [3, 6, int(rows)], [4, 9, list(12, group)]);
  const magic = Buffer.from("PAR1");
  return Buffer.concat([magic, Buffer.from(data), Buffer.from(footer), Buffer.from([footer.length, 0, 0, 0]), magic]);
}
