import {
  Binary,
  Bool,
  Data,
  type DataType,
  DateDay,
  DateMillisecond,
  Decimal,
  DenseUnion,
  Dictionary,
  DurationSecond,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float16,
  Float32,
  Int8,
  Int32,
  Int64,
  IntervalDayTime,
  IntervalYearMonth,
  LargeUtf8,
  List,
  Map_,
  Null,
  RecordBatch,
  Schema,
  Struct,
  TimeMillisecond,
  TimeNanosecond,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  TimestampSecond,
  Uint8,
  Uint64,
  Utf8,
  Vector,
} from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryBatch } from "../../../test/arrow-arbitrary.js";
import { foreignArrow } from "../../../test/foreign-arrow.js";
import { emptyStore } from "../../../test/stores.js";
import { UsageError } from "../../errors.js";
import { RowBuilder } from "./row-builder.js";
import { RowReader } from "./row-reader.js";

const nullable = (name: string, type: DataType): Field => new Field(name, type, true);

function batchOf(type: DataType, values: readonly unknown[]): RecordBatch {
  const builder = new RowBuilder(new Schema([nullable("v", type)]));
  for (const v of values) builder.append({ v });
  return builder.finish();
}

function read(type: DataType, values: readonly unknown[]): unknown[] {
  const batch = batchOf(type, values);
  return new RowReader(batch.schema).readAll(batch).map(({ v }) => v);
}

/** A batch of one column with these raw 64-bit values. */
function raw64(type: DataType, values: readonly bigint[]): RecordBatch {
  const schema = new Schema([nullable("v", type)]);
  const child = new Data<DataType>(type, 0, values.length, 0, { 1: BigInt64Array.from(values) });
  return new RecordBatch(schema, new Data(new Struct(schema.fields), 0, values.length, 0, {}, [child]));
}

function readRaw64(type: DataType, values: readonly bigint[]): unknown[] {
  const batch = raw64(type, values);
  return new RowReader(batch.schema).readAll(batch).map(({ v }) => v);
}

const date = new Date("2024-02-29T12:34:56.789Z");

describe("values", () => {
  const entries: Field = new Field(
    "entries",
    new Struct([new Field("key", new Utf8(), false), nullable("value", new Int32())]),
    false,
  );
  it.each<[string, DataType, readonly unknown[], readonly unknown[]]>([
    ["numbers", new Int8(), [-128, null], [-128, null]],
    ["bigints", new Int64(), [5, -(2n ** 63n)], [5n, -(2n ** 63n)]],
    ["unsigned bigints", new Uint64(), [2n ** 64n - 1n], [2n ** 64n - 1n]],
    ["halves", new Float16(), [1.5, -0], [1.5, -0]],
    ["booleans", new Bool(), [true, false, null], [true, false, null]],
    [
      "strings",
      new Utf8(),
      ["", "a", "\ufeffü€😀", "long ".repeat(99), null],
      ["", "a", "\ufeffü€😀", "long ".repeat(99), null],
    ],
    ["long-offset strings", new LargeUtf8(), ["a", "twelve and more"], ["a", "twelve and more"]],
    ["binary", new Binary(), [Uint8Array.of(1, 2), Uint8Array.of()], [Uint8Array.of(1, 2), Uint8Array.of()]],
    ["fixed binary", new FixedSizeBinary(1), [Uint8Array.of(9)], [Uint8Array.of(9)]],
    ["decimals", new Decimal(2, 10), ["-1.5", 5n, -5n, 0n], ["-1.50", "0.05", "-0.05", "0.00"]],
    ["decimals of scale 0", new Decimal(0, 38), [10n ** 38n - 1n], ["9".repeat(38)]],
    ["seconds", new TimestampSecond(), [new Date(-1_000)], [new Date(-1_000)]],
    ["milliseconds", new TimestampMillisecond(), [date, new Date(-8.64e15)], [date, new Date(-8.64e15)]],
    [
      "microseconds",
      new TimestampMicrosecond(),
      [date, new Date(8.64e15), new Date(-1)],
      [date, new Date(8.64e15), new Date(-1)],
    ],
    ["nanoseconds", new TimestampNanosecond(), [date], [BigInt(date.getTime()) * 1_000_000n]],
    ["days", new DateDay(), [new Date("1969-12-31")], [new Date("1969-12-31")]],
    ["days in ms", new DateMillisecond(), [new Date("2024-02-29")], [new Date("2024-02-29")]],
    ["short times", new TimeMillisecond(), [1], [1]],
    ["long times", new TimeNanosecond(), [1], [1n]],
    ["durations", new DurationSecond(), [-1], [-1n]],
    ["months", new IntervalYearMonth(), [-1], [-1]],
    ["days and milliseconds", new IntervalDayTime(), [[1, 2]], [[1, 2]]],
    ["lists", new List(nullable("item", new Int32())), [[1, null], [], null], [[1, null], [], null]],
    [
      "vectors",
      new FixedSizeList(2, nullable("item", new Float32())),
      [[1, 2], null, [3, 4]],
      [Float32Array.of(1, 2), null, Float32Array.of(3, 4)],
    ],
    [
      "vectors with nulls in them",
      new FixedSizeList(2, nullable("item", new Float32())),
      [
        [1, 2],
        [null, 4],
      ],
      [Float32Array.of(1, 2), [null, 4]],
    ],
    ["vectors of halves", new FixedSizeList(2, nullable("item", new Float16())), [[1, 2]], [Float32Array.of(1, 2)]],
    ["vectors of bytes", new FixedSizeList(2, nullable("item", new Uint8())), [[1, 2]], [Uint8Array.of(1, 2)]],
    ["vectors of bigints", new FixedSizeList(2, nullable("item", new Int64())), [[1, 2]], [BigInt64Array.of(1n, 2n)]],
    ["fixed-size lists of texts", new FixedSizeList(2, nullable("item", new Utf8())), [["a", null]], [["a", null]]],
    ["structs", new Struct([nullable("a", new Int32())]), [{ a: 1 }, {}, null], [{ a: 1 }, { a: null }, null]],
    [
      "maps",
      new Map_(entries),
      [{ a: 1, b: null }],
      [
        new Map([
          ["a", 1],
          ["b", null],
        ]),
      ],
    ],
    [
      "unions",
      new DenseUnion([1, 2], [nullable("n", new Int32()), nullable("t", new Utf8())]),
      [{ type: "t", value: "a" }, { type: "n", value: 1 }, null],
      [
        { type: "t", value: "a" },
        { type: "n", value: 1 },
        { type: "n", value: null },
      ],
    ],
    ["dictionaries", new Dictionary(new Utf8(), new Int32()), ["a", "b", null, "a"], ["a", "b", null, "a"]],
    [
      "dictionaries of objects",
      new Dictionary(new Binary(), new Int32()),
      [Uint8Array.of(1), Uint8Array.of(1)],
      [Uint8Array.of(1), Uint8Array.of(1)],
    ],
    ["nulls", new Null(), [null], [null]],
  ])("%s", (_, type, values, expected) => {
    expect(read(type, values)).toEqual(expected);
  });

  it("microseconds are cut to the millisecond before, on both sides of 1970", () => {
    expect(readRaw64(new TimestampMicrosecond(), [1_999n, -1n, -1_000n, -1_001n])).toEqual([
      new Date(1),
      new Date(-1),
      new Date(-1),
      new Date(-2),
    ]);
  });

  it("microseconds agree with bigint arithmetic all over a Date's range", () => {
    const micros = fc.bigInt({ min: -8_640_000_000_000_000_000n, max: 8_640_000_000_000_000_000n });
    fc.assert(
      fc.property(micros, (value) => {
        const floor = (value - (((value % 1_000n) + 1_000n) % 1_000n)) / 1_000n;
        expect(readRaw64(new TimestampMicrosecond(), [value])).toEqual([new Date(Number(floor))]);
      }),
    );
  });

  it("what is further away than a Date reaches is an invalid Date", () => {
    const far = [
      ...readRaw64(new TimestampSecond(), [2n ** 62n]),
      ...readRaw64(new TimestampMicrosecond(), [2n ** 63n - 1n]),
    ];
    expect(far.map((value) => value instanceof Date && value.getTime())).toEqual([Number.NaN, Number.NaN]);
  });
});

describe("rows", () => {
  const schema = new Schema([
    nullable("id", new Int64()),
    nullable("name", new Utf8()),
    nullable("v", new FixedSizeList(2, nullable("item", new Float32()))),
  ]);
  const rows = [
    { id: 1n, name: "one", v: Float32Array.of(1, 2) },
    { id: 2n, name: "two", v: Float32Array.of(3, 4) },
  ];
  const built = (): RecordBatch => {
    const builder = new RowBuilder(schema);
    for (const row of rows) builder.append(row);
    return builder.finish();
  };

  it("have the selected columns, in the order in which they are selected", () => {
    const batch = built();
    const [selected] = new RowReader(schema, { select: ["v", "id"] }).readAll(batch);
    expect(Object.entries(selected ?? {})).toEqual([
      ["v", Float32Array.of(1, 2)],
      ["id", 1n],
    ]);
    const [without] = new RowReader(schema, { without: ["v", "_tombstone"] }).readAll(batch);
    expect(Object.entries(without ?? {})).toEqual([
      ["id", 1n],
      ["name", "one"],
    ]);
    expect(new RowReader(schema, { select: [] }).readAll(batch)).toEqual([{}, {}]);
  });

  it("of columns that are not there, or twice there, are refused", () => {
    expect(() => new RowReader(schema, { select: ["nmae"] })).toThrow(
      'column "nmae" is not in the schema; did you mean "name"?',
    );
    expect(() => new RowReader(schema, { select: ["id", "id"] })).toThrow('column "id" is selected twice');
    expect(() => new RowReader(new Schema([nullable("a", new Int8()), nullable("a", new Int8())]))).toThrow(
      'two fields are named "a"',
    );
  });

  it("that are not there, and batches of another width, are refused", () => {
    const batch = built();
    const reader = new RowReader(schema);
    for (const row of [-1, 2, 0.5, Number.NaN]) expect(() => reader.read(batch, row)).toThrow(UsageError);
    expect(() => reader.readAll(batchOf(new Int8(), [1]))).toThrow("the batch has 1 columns; expected the 3");
  });

  it("are plain objects, whatever the fields are called", () => {
    const names = ["__proto__", "constructor", "toString", "plain"];
    const odd = new Schema(names.map((name) => nullable(name, new Int32())));
    const builder = new RowBuilder(odd);
    builder.append(JSON.parse('{ "__proto__": 1, "constructor": 2, "toString": 3, "plain": 4 }'));
    const [row] = new RowReader(odd).readAll(builder.finish());
    expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
    expect(Object.entries(row ?? {})).toEqual(names.map((name, i) => [name, i + 1]));
  });

  it("are copies: what they hold is not in the store's memory, and stays when that is used anew", () => {
    const store = emptyStore(schema);
    store.append(built());
    const reader = new RowReader(schema);
    const batch = store.get(0)?.recordBatch;
    if (batch === undefined) throw new Error("no batch");
    const read = [reader.read(batch, 0), reader.read(batch, 1)];
    expect(read).toEqual(rows);
    for (const { v } of read) expect(v instanceof Float32Array && v.buffer).toBeInstanceOf(ArrayBuffer);
    store.recycle();
    store.append(built());
    expect(read).toEqual(rows);
    store.close();
  });

  it("of a batch that was released can be read again", () => {
    const reader = new RowReader(schema);
    const [first, second] = [built(), built().slice(1)];
    expect(reader.read(first, 1)).toEqual(rows[1]);
    reader.release();
    reader.release();
    expect(reader.read(first, 0)).toEqual(rows[0]);
    expect(reader.read(second, 0)).toEqual(rows[1]);
    expect(reader.read(first, 0)).toEqual(rows[0]);
  });

  it("of another copy of apache-arrow are read", () => {
    const table = foreignArrow.tableFromArrays({ id: [1n, 2n], name: ["a", "b"] });
    const [batch] = table.batches;
    if (batch === undefined) throw new Error("no batch");
    const own = new Schema([nullable("id", new Int64()), nullable("name", new Dictionary(new Utf8(), new Int32()))]);
    expect(new RowReader(own).readAll(batch)).toEqual([
      { id: 1n, name: "a" },
      { id: 2n, name: "b" },
    ]);
  });
});

describe("memory", () => {
  it("of a Buffer is copied too, though its slice shares", () => {
    const bytes = Buffer.from([1, 2, 3, 4]);
    const type = new FixedSizeList(2, nullable("item", new Uint8()));
    const items = new Data<DataType>(new Uint8(), 0, 4, 0, { 1: bytes });
    const fixed = new Data<DataType>(new FixedSizeBinary(2), 0, 2, 0, { 1: bytes });
    const schema = new Schema([nullable("v", type), nullable("b", new FixedSizeBinary(2))]);
    const list = new Data<DataType>(type, 0, 2, 0, {}, [items]);
    const batch = new RecordBatch(schema, new Data(new Struct(schema.fields), 0, 2, 0, {}, [list, fixed]));
    const [row] = new RowReader(schema).readAll(batch);
    bytes.fill(9);
    expect(row).toEqual({ v: Uint8Array.of(1, 2), b: Uint8Array.of(1, 2) });
  });

  it("that lies at an odd address is read all the same", () => {
    const bytes = new Uint8Array(17);
    new DataView(bytes.buffer).setBigInt64(1, 5n, true);
    new DataView(bytes.buffer).setBigInt64(9, -1n, true);
    const values = new Uint8Array(bytes.buffer, 1, 16);
    const child = new Data<DataType>(new Int64(), 0, 2, 0, {});
    Object.assign(child, { values });
    const schema = new Schema([nullable("v", new Int64())]);
    const batch = new RecordBatch(schema, new Data(new Struct(schema.fields), 0, 2, 0, {}, [child]));
    expect(new RowReader(schema).readAll(batch)).toEqual([{ v: 5n }, { v: -1n }]);
  });

  it("of a value that a dictionary holds once is not shared by rows", () => {
    const [first, second] = read(new Dictionary(new Binary(), new Int32()), [Uint8Array.of(1), Uint8Array.of(1)]);
    expect(second).toEqual(first);
    expect(second).not.toBe(first);
  });

  it("a dictionary of several chunks is read through", () => {
    const type = new Dictionary(new Utf8(), new Int8());
    const chunk = (values: readonly string[]): Data =>
      batchOf(new Utf8(), values).data.children[0] ?? new Data(new Null(), 0, 0);
    const dictionary = new Vector([chunk(["a"]), chunk([]), chunk(["b", "c"])]);
    const indices = new Data<DataType>(type, 0, 4, 0, { 1: Int8Array.of(2, 0, 1, 2) }, [], dictionary);
    const schema = new Schema([nullable("v", type)]);
    const batch = new RecordBatch(schema, new Data(new Struct(schema.fields), 0, 4, 0, {}, [indices]));
    expect(new RowReader(schema).readAll(batch).map(({ v }) => v)).toEqual(["c", "a", "b", "c"]);
  });

  it("shared or not, and every slice of it, is read alike", () => {
    const seeds = fc.record({ seed: fc.integer() });
    fc.assert(
      fc.property(seeds, ({ seed }) => {
        const options = { seed, numRuns: 1 };
        const [plain] = fc.sample(arbitraryBatch({}), options);
        const [shared] = fc.sample(arbitraryBatch({ shared: true }), options);
        if (plain === undefined || shared === undefined || plain.schema.fields.length === 0) return;
        const reader = new RowReader(plain.schema);
        const rows = reader.readAll(plain);
        expect(reader.readAll(shared)).toEqual(rows);
        const from = Math.floor(plain.numRows / 3);
        expect(reader.readAll(plain.slice(from))).toEqual(rows.slice(from));
      }),
      { numRuns: 150 },
    );
  });
});
