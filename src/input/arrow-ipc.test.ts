import { readFileSync } from "node:fs";
import {
  Binary,
  Bool,
  Data,
  DateDay,
  DateMillisecond,
  Decimal,
  DenseUnion,
  Dictionary,
  DurationMicrosecond,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  IntervalDayTime,
  LargeUtf8,
  List,
  Map_,
  makeData,
  Null,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  Schema,
  SparseUnion,
  Struct,
  Table,
  TimeMillisecond,
  TimestampMicrosecond,
  tableFromIPC,
  tableToIPC,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openInput } from "./open-input.js";
import { batchesOf, dataFile, failure, outcome, readAll, rowsOf, streamOf, withFile } from "./sources.fixture.js";

const flights = readFileSync(dataFile("flights-200k.arrow"));

/** A table with a column of nearly every type, with nulls. */
function everyType(): Table {
  const point = new Struct([new Field("x", new Int32(), true), new Field("y", new Utf8(), true)]);
  const entries = new Struct([new Field("key", new Utf8(), false), new Field("value", new Int32(), true)]);
  const columns = {
    nothing: vectorFromArray([null, null, null], new Null()),
    flag: vectorFromArray([true, null, false], new Bool()),
    allNullFlag: vectorFromArray([null, null, null], new Bool()),
    i8: vectorFromArray([1, null, -3], new Int8()),
    u8: vectorFromArray([1, null, 255], new Uint8()),
    i16: vectorFromArray([1, null, -3], new Int16()),
    u16: vectorFromArray([1, null, 65_535], new Uint16()),
    i32: vectorFromArray([1, 2, -3], new Int32()),
    u32: vectorFromArray([1, 2, 4_000_000_000], new Uint32()),
    i64: vectorFromArray([1n, null, -(2n ** 63n)], new Int64()),
    u64: vectorFromArray([1n, null, 2n ** 64n - 1n], new Uint64()),
    f16: vectorFromArray([1, null, 0.5], new Float16()),
    f32: vectorFromArray([1, null, 0.5], new Float32()),
    f64: vectorFromArray([1, null, 0.1], new Float64()),
    text: vectorFromArray(["a", null, "ü€😀"], new Utf8()),
    largeText: vectorFromArray(["a", null, "ü€😀"], new LargeUtf8()),
    bytes: vectorFromArray([new Uint8Array([1]), null, new Uint8Array(0)], new Binary()),
    fixed: vectorFromArray([new Uint8Array([1, 2]), null, new Uint8Array([3, 4])], new FixedSizeBinary(2)),
    decimal: vectorFromArray([new Uint32Array([1, 0, 0, 0]), null, new Uint32Array(4)], new Decimal(2, 10, 128)),
    day: vectorFromArray([new Date(0), null, new Date(86_400_000)], new DateDay()),
    dayMillis: vectorFromArray([new Date(0), null, new Date(86_400_000)], new DateMillisecond()),
    time: vectorFromArray([1, null, 2], new TimeMillisecond()),
    at: vectorFromArray([1, null, 2], new TimestampMicrosecond("UTC")),
    span: vectorFromArray([1n, null, 2n], new DurationMicrosecond()),
    interval: vectorFromArray([new Int32Array([1, 2]), null, new Int32Array([3, 4])], new IntervalDayTime()),
    list: vectorFromArray([[1, null], null, []], new List(new Field("item", new Int32(), true))),
    pair: vectorFromArray([[1, 2], null, [3, 4]], new FixedSizeList(2, new Field("item", new Int32(), true))),
    point: vectorFromArray([{ x: 1, y: "a" }, null, { x: null, y: "c" }], point),
    map: vectorFromArray([new Map([["k", 1]]), null, new Map()], new Map_(new Field("entries", entries, false))),
    word: vectorFromArray(["a", null, "a"], new Dictionary(new Utf8(), new Int16(), 7)),
  };
  return new Table(columns);
}

function unions(): Table {
  const fields = [new Field("i", new Int32(), true), new Field("s", new Utf8(), true)];
  const ints = vectorFromArray([1, 2, 3], new Int32()).data[0];
  const texts = vectorFromArray(["a", "b", "c"], new Utf8()).data[0];
  if (ints === undefined || texts === undefined) throw new Error("no data");
  const children = [ints, texts];
  const typeIds = new Int8Array([5, 9, 5]);
  const dense = makeData({
    type: new DenseUnion([5, 9], fields),
    length: 3,
    typeIds,
    valueOffsets: new Int32Array([0, 0, 2]),
    children,
  });
  const sparse = makeData({ type: new SparseUnion([5, 9], fields), length: 3, typeIds, children });
  const schema = new Schema([new Field("dense", dense.type), new Field("sparse", sparse.type)]);
  const struct = makeData({ type: new Struct(schema.fields), length: 3, children: [dense, sparse] });
  return new Table([new RecordBatch(schema, struct)]);
}

/** Bytes whose dictionary grows by a delta between two batches, each of one row with the last entry. */
function growingDictionary(): Uint8Array {
  const type = new Dictionary(new Utf8(), new Int32(), 1);
  const schema = new Schema([new Field("word", type, true)]);
  const writer = new RecordBatchStreamWriter();
  const first = vectorFromArray(["a", "b"], new Utf8());
  for (const dictionary of [first, first.concat(vectorFromArray(["c"], new Utf8()))]) {
    const word = makeData({ type, length: 2, data: Int32Array.of(0, dictionary.length - 1), dictionary });
    writer.write(new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: 2, children: [word] })));
  }
  return writer.finish().toUint8Array(true);
}

/** Bytes whose dictionary is replaced between two batches. */
function changingDictionary(): Uint8Array {
  const type = new Dictionary(new Utf8(), new Int32(), 1);
  const writer = new RecordBatchStreamWriter();
  const batch = (words: string[]) => new Table({ word: vectorFromArray(words, type) }).batches[0];
  for (const words of [
    ["a", "b"],
    ["c", "d", "c"],
  ]) {
    const next = batch(words);
    if (next !== undefined) writer.write(next);
  }
  return writer.finish().toUint8Array(true);
}

describe("Arrow IPC", () => {
  it("reads a real file as apache-arrow does, in batches of at most batchRows", async () => {
    const input = await openInput({ path: dataFile("flights-200k.arrow") }, { batchRows: 5000 });
    const batches = await batchesOf(input);
    const expected = tableFromIPC(flights);
    expect(batches.every((batch) => batch.numRows <= 5000)).toBe(true);
    expect(batches.reduce((rows, batch) => rows + batch.numRows, 0)).toBe(expected.numRows);
    const actual = new Table(batches);
    for (const row of [0, 4999, 5000, 123_456, 199_999])
      expect(actual.get(row)?.toJSON()).toEqual(expected.get(row)?.toJSON());
    expect(input.bytesRead()).toBe(input.totalBytes);
    expect(input.schema.fields.map((field) => field.name)).toEqual(expected.schema.fields.map((field) => field.name));
  });

  for (const [name, table] of [
    ["every type", everyType()],
    ["unions", unions()],
  ] as const) {
    for (const format of ["stream", "file"] as const) {
      it(`reads ${name} from the ${format} format, however it is cut into chunks`, async () => {
        const bytes = tableToIPC(table, format);
        const expected = rowsOf(tableFromIPC(bytes).batches);
        expect(rowsOf(await readAll(streamOf(bytes)))).toEqual(expected);
        expect(rowsOf(await readAll(streamOf(bytes, 7)))).toEqual(expected);
      });
    }
  }

  it("reads empty batches and batches without nulls", async () => {
    const bytes = tableToIPC(everyType().slice(0, 0), "stream");
    expect(rowsOf(await readAll(streamOf(bytes)))).toEqual([]);
  });

  it("keeps the dictionary a batch was read with when a later one changes it", async () => {
    const bytes = changingDictionary();
    const expected = ["a", "b", "c", "d", "c"].map((word) => ({ word }));
    expect(rowsOf(await readAll(streamOf(bytes)))).toEqual(expected);
  });

  it("adds deltas to a dictionary", async () => {
    const expected = ["a", "b", "a", "c"].map((word) => ({ word }));
    expect(rowsOf(await readAll(streamOf(growingDictionary())))).toEqual(expected);
  });

  it("reads streams from before the continuation mark, and streams without an end mark", async () => {
    const bytes = tableToIPC(new Table({ a: vectorFromArray([1, 2], new Int32()) }), "stream");
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const parts: Uint8Array[] = [];
    for (let at = 0; view.getInt32(at + 4, true) !== 0; ) {
      const metadata = view.getInt32(at + 4, true);
      const isBatch = parts.length > 0;
      const end = isBatch ? bytes.length - 8 : at + 8 + metadata;
      parts.push(bytes.subarray(at + 4, end));
      at = end;
    }
    const legacy = Buffer.concat(parts);
    await withFile("old.arrow", legacy, async (path) => {
      expect(rowsOf(await readAll({ path }))).toEqual([{ a: 1 }, { a: 2 }]);
    });
    expect(rowsOf(await readAll(streamOf(bytes.subarray(0, bytes.length - 8))))).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it("says where a file or stream is cut off, and refuses bytes after the end", async () => {
    const file = tableToIPC(everyType(), "file");
    expect(await failure(streamOf(file.subarray(0, file.length - 3)))).toMatch(/CorruptError: <stdin>: .*cut off/);
    expect(await failure(streamOf(flights.subarray(0, 100_000)))).toMatch(
      /CorruptError: <stdin>: Arrow message at byte \d+: .*cut off/,
    );
    expect(await failure(streamOf(flights.subarray(0, flights.length - 3)))).toMatch(/does not end with ARROW1/);
    const stream = tableToIPC(everyType(), "stream");
    expect(await failure(streamOf(Buffer.concat([stream, stream])))).toMatch(/bytes follow the end of the stream/);
    expect(await outcome(streamOf(Buffer.concat([stream, new Uint8Array(100)])))).toBe("batches");
  });

  it("bounds what all dictionaries take together, those that were replaced not counted", async () => {
    const words = (prefix: string) =>
      vectorFromArray(Array.from({ length: 20_000 }, (_, i) => `${prefix}${i} ${"x".repeat(20)}`));
    const two = tableToIPC(new Table({ a: words("a"), b: words("b") }), "stream");
    expect(await failure(streamOf(two), { format: "arrow", maxMessageBytes: 1 << 20 })).toMatch(
      /the dictionaries take \d+ bytes together; at most 1048576 \(maxMessageBytes\)/,
    );
    expect(await outcome(streamOf(two), { format: "arrow", maxMessageBytes: 1 << 21 })).toBe("batches");
    const one = new Table({ a: words("a") }).batches.concat(new Table({ a: words("b") }).batches);
    const type = new Dictionary(new Utf8(), new Int32(), 0);
    const schema = new Schema([new Field("a", type, true)]);
    const replaced = one.map((batch) => {
      const [child] = batch.data.children;
      if (child === undefined) throw new Error("a column is missing");
      const data = new Data(type, 0, child.length, 0, [undefined, child.values], [], child.dictionary);
      return new RecordBatch(
        schema,
        makeData({ type: new Struct(schema.fields), length: child.length, children: [data] }),
      );
    });
    const stream = RecordBatchStreamWriter.writeAll(replaced).toUint8Array(true);
    expect(await outcome(streamOf(stream), { format: "arrow", maxMessageBytes: 1 << 20 })).toBe("batches");
  });

  it("refuses messages past the bound, and another schema than the one asked for", async () => {
    expect(await failure({ path: dataFile("flights-200k.arrow") }, { maxMessageBytes: 2048 })).toMatch(
      /maxMessageBytes/,
    );
    const schema = new Schema([new Field("delay", new Int32()), ...tableFromIPC(flights).schema.fields.slice(1)]);
    expect(await failure({ path: dataFile("flights-200k.arrow") }, { schema })).toMatch(
      /UsageError: .*column 1 is "delay" \(Int16\); expected "delay" \(Int32\)/,
    );
  });

  it("gives batches or one of our errors for any damage", async () => {
    const writer = new RecordBatchFileWriter();
    for (const batch of unions().batches) writer.write(batch);
    const originals = [
      tableToIPC(everyType(), "stream"),
      tableToIPC(everyType(), "file"),
      changingDictionary(),
      tableToIPC(unions(), "stream"),
    ];
    const damage = fc.record({
      which: fc.integer({ min: 0, max: originals.length - 1 }),
      flips: fc.array(
        fc.record({
          at: fc.nat(1_000_000),
          value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.integer({ min: 0, max: 255 })),
        }),
        { maxLength: 6 },
      ),
      cut: fc.option(fc.nat(1_000_000)),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ which, flips, cut }) => {
        const bytes = Uint8Array.from(originals[which] ?? []);
        for (const { at, value } of flips) bytes[at % bytes.length] = value;
        await outcome(streamOf(cut === null ? bytes : bytes.subarray(0, cut % bytes.length)), {
          format: "arrow",
          maxMessageBytes: 1 << 20,
        });
      }),
      { numRuns: 1500 },
    );
  });
});
