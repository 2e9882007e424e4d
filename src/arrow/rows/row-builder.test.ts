import { runInNewContext } from "node:vm";
import {
  Binary,
  Bool,
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
  Float64,
  Int8,
  Int32,
  Int64,
  IntervalDayTime,
  IntervalYearMonth,
  LargeBinary,
  LargeUtf8,
  List,
  Map_,
  Null,
  Schema,
  SparseUnion,
  Struct,
  TimeMillisecond,
  TimeNanosecond,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  TimestampSecond,
  Uint16,
  Uint64,
  Utf8,
} from "apache-arrow";
import { describe, expect, it } from "vitest";
import { rowsOf } from "../../../test/plain-model.js";
import { UsageError } from "../../errors.js";
import { RowBuilder } from "./row-builder.js";

const nullable = (name: string, type: DataType): Field => new Field(name, type, true);
const required = (name: string, type: DataType): Field => new Field(name, type, false);

/** What a column of `type` holds for each of `values`, as `plain-model.ts` reads it. */
function stored(type: DataType, values: readonly unknown[], isNullable = false): unknown[] {
  const builder = new RowBuilder(new Schema([new Field("v", type, isNullable)]));
  for (const v of values) builder.append({ v });
  return rowsOf(builder.finish()).map(([value]) => value);
}

/** The message of the refusal of `value`. */
function refusal(type: DataType, value: unknown, isNullable = false): string {
  const builder = new RowBuilder(new Schema([new Field("v", type, isNullable)]));
  try {
    builder.append({ v: value });
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    expect(builder.rows).toBe(0);
    return error instanceof Error ? error.message : "";
  }
  throw new Error(`${type} took ${String(value)}`);
}

const textMap = new Map_(
  required("entries", new Struct([required("key", new Utf8()), nullable("value", new Int32())])),
);
const numberMap = new Map_(
  required("entries", new Struct([required("key", new Int32()), required("value", new Utf8())])),
);
const address = new Struct([required("city", new Utf8()), nullable("zip", new Int32())]);
const date = new Date("2024-02-29T12:34:56.789Z");

describe("values", () => {
  it.each<[string, DataType, readonly unknown[], readonly unknown[]]>([
    ["int8", new Int8(), [-128, 127, -0], [-128, 127, 0]],
    ["uint16", new Uint16(), [0, 65_535], [0, 65_535]],
    [
      "int64",
      new Int64(),
      [2n ** 63n - 1n, -(2n ** 63n), 2 ** 53 - 1, -(2 ** 53) + 1, -1],
      [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n - 1n, -(2n ** 53n) + 1n, -1n],
    ],
    ["uint64", new Uint64(), [2n ** 64n - 1n, 2 ** 53 - 1, 0], [2n ** 64n - 1n, 2n ** 53n - 1n, 0n]],
    [
      "float64",
      new Float64(),
      [Number.NaN, -0, 1e308, Number.NEGATIVE_INFINITY],
      [Number.NaN, -0, 1e308, Number.NEGATIVE_INFINITY],
    ],
    [
      "float32",
      new Float32(),
      [0.1, 3.4e38, Number.POSITIVE_INFINITY],
      [0.1, 3.4e38, Number.POSITIVE_INFINITY].map(Math.fround),
    ],
    [
      "float16",
      new Float16(),
      [1.5, -65_519, Number.NEGATIVE_INFINITY, 2 ** -24],
      [1.5, -65_504, Number.NEGATIVE_INFINITY, 2 ** -24],
    ],
    ["bool", new Bool(), [true, false, true], [true, false, true]],
    ["utf8", new Utf8(), ["", "abc", "ü€😀", "long ".repeat(500)], ["", "abc", "ü€😀", "long ".repeat(500)]],
    ["large utf8", new LargeUtf8(), ["x", "", "\u0000é"], ["x", "", "\u0000é"]],
    [
      "binary",
      new Binary(),
      [Uint8Array.of(1, 2), Buffer.from("a"), new ArrayBuffer(1), new DataView(new ArrayBuffer(3), 1)],
      [[1, 2], [97], [0], [0, 0]],
    ],
    [
      "large binary",
      new LargeBinary(),
      [Uint16Array.of(0x0201), new Uint8Array(new SharedArrayBuffer(1))],
      [[1, 2], [0]],
    ],
    [
      "fixed-size binary",
      new FixedSizeBinary(2),
      [Uint8Array.of(7, 8), Uint8Array.of(9, 10)],
      [
        [7, 8],
        [9, 10],
      ],
    ],
    ["decimal", new Decimal(2, 10), [-150n, "1.5", "-.05", "+7", "1.500"], [-150n, 150n, -5n, 700n, 150n]],
    ["decimal of negative scale", new Decimal(-3, 10, 256), ["12000", 7n], [12n, 7n]],
    ["timestamp in s", new TimestampSecond(), [new Date(-1_000), 8_640_000_000_000n], [-1n, 8_640_000_000_000n]],
    ["timestamp in ms", new TimestampMillisecond(), [date, -5n], [BigInt(date.getTime()), -5n]],
    [
      "timestamp in µs",
      new TimestampMicrosecond(),
      [date, new Date(-8.64e15)],
      [BigInt(date.getTime()) * 1_000n, -8_640_000_000_000_000_000n],
    ],
    ["timestamp in ns", new TimestampNanosecond(), [date], [BigInt(date.getTime()) * 1_000_000n]],
    ["date in days", new DateDay(), [new Date("2024-02-29"), new Date("1969-12-31")], [19_782, -1]],
    ["date in ms", new DateMillisecond(), [new Date("1969-12-31")], [-86_400_000n]],
    ["time in ms", new TimeMillisecond(), [0, 86_399_999], [0, 86_399_999]],
    ["time in ns", new TimeNanosecond(), [1n, 86_399_999_999_999], [1n, 86_399_999_999_999n]],
    ["duration", new DurationSecond(), [-5n, 5], [-5n, 5n]],
    ["months", new IntervalYearMonth(), [-13], [-13]],
    [
      "days and milliseconds",
      new IntervalDayTime(),
      [[1, -2], Int32Array.of(3, 4)],
      [
        [1, -2],
        [3, 4],
      ],
    ],
    [
      "list",
      new List(nullable("item", new Int32())),
      [[1, null, undefined], [], Int32Array.of(5)],
      [[1, null, null], [], [5]],
    ],
    ["list of bigints", new List(required("item", new Int64())), [BigInt64Array.of(5n), [1, 2n]], [[5n], [1n, 2n]]],
    [
      "vector",
      new FixedSizeList(2, required("item", new Float32())),
      [[1, 0.5], Float32Array.of(2, 3), Float64Array.of(4, 5), Int8Array.of(6, 7)],
      [
        [1, 0.5],
        [2, 3],
        [4, 5],
        [6, 7],
      ],
    ],
    ["vector of halves", new FixedSizeList(1, required("item", new Float16())), [[1], Float32Array.of(2)], [[1], [2]]],
    [
      "struct",
      address,
      [{ city: "Bonn", zip: 53_111 }, { zip: null, city: "" }, { city: "x" }],
      [
        { city: "Bonn", zip: 53_111 },
        { city: "", zip: null },
        { city: "x", zip: null },
      ],
    ],
    [
      "map",
      textMap,
      [
        new Map([
          ["a", 1],
          ["b", null],
        ]),
        { c: 3, d: undefined },
        {},
      ],
      [
        [
          ["a", 1],
          ["b", null],
        ],
        [
          ["c", 3],
          ["d", null],
        ],
        [],
      ],
    ],
    ["map of numbers", numberMap, [new Map([[2, "two"]])], [[[2, "two"]]]],
    ["null", new Null(), [null, undefined], [null, null]],
  ])("%s", (_, type, values, expected) => {
    expect(stored(type, values)).toEqual(expected);
  });

  it("unions of both kinds, by name", () => {
    const fields = [required("number", new Int32()), nullable("text", new Utf8())];
    for (const type of [new DenseUnion([3, 7], fields), new SparseUnion([3, 7], fields)]) {
      expect(
        stored(type, [{ type: "text", value: "a" }, { type: "number", value: 1 }, null, { type: "text" }], true),
      ).toEqual([
        { typeId: 7, value: "a" },
        { typeId: 3, value: 1 },
        { typeId: 7, value: null },
        { typeId: 7, value: null },
      ]);
      expect(refusal(type, "a")).toBe(
        'field "v" is "a"; expected { type, value } with one of the types "number", "text"',
      );
      expect(refusal(type, { type: "txt", value: "a" })).toBe(
        'field "v.type" is "txt"; expected one of "number", "text"',
      );
      expect(refusal(type, { type: "number", value: "a" })).toMatch(
        /^field "v.number" is "a"; expected a whole number/,
      );
      expect(refusal(type, null)).toMatch(/^field "v" is null; expected/);
    }
    const strict = new SparseUnion([0], [required("number", new Int32())]);
    expect(refusal(strict, null, true)).toMatch(/^field "v" is null/);
  });

  it("nulls, in every column that allows them", () => {
    const types = [
      new Int8(),
      new Int64(),
      new Float16(),
      new Bool(),
      new Utf8(),
      new FixedSizeBinary(3),
      address,
      textMap,
    ];
    for (const type of types) expect(stored(type, [null, undefined], true)).toEqual([null, null]);
    expect(stored(new FixedSizeList(2, required("item", address)), [null], true)).toEqual([null]);
  });

  it("of another realm, such as a test runner makes one, are taken for what they are", () => {
    const foreign: unknown = runInNewContext(
      "({ date: new Date(5), map: new Map([['a', 1]]), list: [1], bytes: Uint8Array.of(1), buffer: new ArrayBuffer(1) })",
    );
    const builder = new RowBuilder(
      new Schema([
        required("date", new TimestampMillisecond()),
        required("map", textMap),
        required("list", new List(required("item", new Int32()))),
        required("bytes", new Binary()),
        required("buffer", new Binary()),
      ]),
    );
    Reflect.apply(builder.append, builder, [foreign]);
    expect(rowsOf(builder.finish())).toEqual([[5n, [["a", 1]], [1], [1], [0]]]);
  });

  it("takes copies", () => {
    const vector = Float32Array.of(1, 2);
    const bytes = Uint8Array.of(1);
    const schema = new Schema([
      required("v", new FixedSizeList(2, required("item", new Float32()))),
      required("b", new Binary()),
    ]);
    const builder = new RowBuilder(schema);
    builder.append({ v: vector, b: bytes });
    vector.fill(9);
    bytes.fill(9);
    const batch = builder.finish();
    builder.append({ v: vector, b: bytes });
    expect(rowsOf(batch)).toEqual([[[1, 2], [1]]]);
  });
});

describe("refusals say what, where and what instead", () => {
  it.each<[DataType, unknown, string]>([
    [new Int8(), 128, 'field "v" is 128; expected a whole number from -128 to 127 (int8)'],
    [new Int8(), 1.5, 'field "v" is 1.5; expected a whole number from -128 to 127 (int8)'],
    [new Int8(), 1n, 'field "v" is 1n; expected a whole number from -128 to 127 (int8)'],
    [new Int32(), Number.NaN, 'field "v" is NaN; expected a whole number from -2147483648 to 2147483647 (int32)'],
    [
      new Int64(),
      2 ** 53,
      'field "v" is 9007199254740992; expected a bigint or a safe integer from -9223372036854775808 to 9223372036854775807 (int64)',
    ],
    [
      new Int64(),
      2n ** 63n,
      'field "v" is 9223372036854775808n; expected a bigint or a safe integer from -9223372036854775808 to 9223372036854775807 (int64)',
    ],
    [
      new Int64(),
      "5",
      'field "v" is "5"; expected a bigint or a safe integer from -9223372036854775808 to 9223372036854775807 (int64)',
    ],
    [new Uint64(), -1, 'field "v" is -1; expected a bigint or a safe integer from 0 to 18446744073709551615 (uint64)'],
    [new Float64(), 1n, 'field "v" is 1n; expected a number (float64)'],
    [new Bool(), 1, 'field "v" is 1; expected true or false'],
    [new Utf8(), 5, 'field "v" is 5; expected a string'],
    [
      new Utf8(),
      "a\ud800",
      'field "v" is "a\\ud800"; expected a string without lone surrogates: text.toWellFormed() replaces them',
    ],
    [
      new Utf8(),
      `${"long ".repeat(9)}\udc00`,
      'field "v" is "long long long long long long long long "…; expected a string without lone surrogates: text.toWellFormed() replaces them',
    ],
    [new Binary(), [1, 2], 'field "v" is an array of 2; expected a Uint8Array'],
    [
      new FixedSizeBinary(2),
      Uint8Array.of(1),
      'field "v" is a Uint8Array of 1; expected a Uint8Array of exactly 2 bytes',
    ],
    [
      new Decimal(2, 4),
      "1.234",
      'field "v" is "1.234"; expected a bigint in units of 1e-2, or a text such as "-1.5", of at most 4 digits, 2 of them after the point',
    ],
    [
      new Decimal(2, 4),
      10_000n,
      'field "v" is 10000n; expected a bigint in units of 1e-2, or a text such as "-1.5", of at most 4 digits, 2 of them after the point',
    ],
    [
      new Decimal(2, 4),
      1.5,
      'field "v" is 1.5; expected a bigint in units of 1e-2, or a text such as "-1.5", of at most 4 digits, 2 of them after the point',
    ],
    [
      new TimestampMillisecond(),
      new Date(Number.NaN),
      'field "v" is an invalid Date; expected a valid Date, or a bigint of milliseconds since 1970-01-01',
    ],
    [
      new TimestampMillisecond(),
      5,
      'field "v" is 5; expected a valid Date, or a bigint of milliseconds since 1970-01-01',
    ],
    [
      new TimestampMillisecond(),
      2n ** 63n,
      'field "v" is 9223372036854775808n; expected a valid Date, or a bigint of milliseconds since 1970-01-01, from -8640000000000000 to 8640000000000000',
    ],
    [
      new TimestampSecond(),
      -8_640_000_000_001n,
      'field "v" is -8640000000001n; expected a valid Date, or a bigint of seconds since 1970-01-01, from -8640000000000 to 8640000000000',
    ],
    [
      new Float32(),
      -1e300,
      'field "v" is -1e+300; expected a number below 3.4028235677973366e+38 in size, or an infinite one (float32)',
    ],
    [new Float16(), 65_520, 'field "v" is 65520; expected a number below 65520 in size, or an infinite one (float16)'],
    [
      new FixedSizeList(2, new Field("item", new Float32(), false)),
      Float64Array.of(1, 1e39),
      'field "v[1]" is 1e+39; expected a number below 3.4028235677973366e+38 in size, or an infinite one (float32)',
    ],
    [
      new TimestampSecond(),
      date,
      'field "v" is the Date 2024-02-29T12:34:56.789Z; expected whole seconds: round it first, or store milliseconds',
    ],
    [
      new TimestampNanosecond(),
      new Date(-8.64e15),
      'field "v" is the Date -271821-04-20T00:00:00.000Z; expected a Date from 1677-09-21 to 2262-04-11, as nanoseconds reach',
    ],
    [
      new DateDay(),
      date,
      'field "v" is the Date 2024-02-29T12:34:56.789Z; expected a valid Date at midnight UTC (a time of day would be lost; new Date(2024, 0, 31) is local time)',
    ],
    [
      new TimeMillisecond(),
      86_400_000,
      'field "v" is 86400000; expected a whole number from 0 to 86399999 (time32[ms])',
    ],
    [
      new TimeNanosecond(),
      -1n,
      'field "v" is -1n; expected a bigint or a safe integer from 0 to 86399999999999 (time64[ns])',
    ],
    [
      new IntervalDayTime(),
      [1],
      'field "v" is an array of 1; expected [days, milliseconds], both whole numbers of 32 bits',
    ],
    [new List(required("item", new Int32())), "ab", 'field "v" is "ab"; expected an array, or a typed array'],
    [
      new List(required("item", new Int32())),
      [1, 2, null],
      'field "v[2]" is null; expected a whole number from -2147483648 to 2147483647 (int32)',
    ],
    [
      new List(required("item", new Int8())),
      [1, 300],
      'field "v[1]" is 300; expected a whole number from -128 to 127 (int8)',
    ],
    [
      new FixedSizeList(2, required("item", new Int8())),
      Float32Array.of(0.5, 1),
      'field "v[0]" is 0.5; expected a whole number from -128 to 127 (int8)',
    ],
    [new List(required("item", address)), [{ city: "x" }, { city: 5 }], 'field "v[1].city" is 5; expected a string'],
    [
      new FixedSizeList(3, required("item", new Float32())),
      [1, 2],
      'field "v" is an array of 2; expected an array, or a typed array, of exactly 3',
    ],
    [
      new FixedSizeList(3, required("item", new Float32())),
      [1, 2, "3"],
      'field "v[2]" is "3"; expected a number (float32)',
    ],
    [
      new FixedSizeList(3, required("item", new Float32())),
      new BigInt64Array(3),
      'field "v[0]" is 0n; expected a number (float32)',
    ],
    [
      new FixedSizeList(1, required("item", new Float16())),
      Uint16Array.of(15_360),
      'field "v[0]" is a Uint16Array of 1; expected numbers, or a Float32Array: a Uint16Array might hold their bits',
    ],
    [address, { zip: 5 }, 'field "v.city" is missing, and it is not nullable; expected a string'],
    [address, { city: "x", Zip: 1 }, 'field "v.Zip" is not in the schema; did you mean "v.zip"?'],
    [address, new Map([["city", "x"]]), 'field "v" is a Map; expected an object'],
    [address, ["x"], 'field "v" is an array of 1; expected an object'],
    [
      textMap,
      new Map([["a", 1.5]]),
      'field "v["a"]" is 1.5; expected a whole number from -2147483648 to 2147483647 (int32) or null'.replaceAll(
        '"a"',
        '\\"a\\"',
      ),
    ],
    [textMap, new Map([[null, 1]]), 'field "v, key" is null; expected a string'],
    [numberMap, { 1: "one" }, 'field "v" is an object; expected a Map'],
    [new Null(), 0, 'field "v" is 0; expected null: the column holds nothing else'],
    [new Dictionary(new Utf8(), new Int32()), 5, 'field "v" is 5; expected a string'],
  ])("%s: %s", (type, value, message) => {
    expect(refusal(type, value)).toBe(message);
  });

  it("names null where the column has none, and offers it where it has", () => {
    expect(refusal(new Int8(), null)).toBe('field "v" is null; expected a whole number from -128 to 127 (int8)');
    expect(refusal(new Bool(), "x", true)).toBe('field "v" is "x"; expected true or false or null');
  });

  it.each([
    [null, "a row is null"],
    [5, "a row is 5"],
    [[{ id: 1 }], "a row is an array of 1"],
    [Promise.resolve({ id: 1 }), "a row is a Promise"],
    [new Map([["id", 1]]), "a row is a Map"],
    [Uint8Array.of(1), "a row is a Uint8Array of 1"],
    [new Date(0), "a row is the Date 1970-01-01T00:00:00.000Z"],
  ])("a row that is none: %s", (row, message) => {
    const builder = new RowBuilder(new Schema([nullable("id", new Int32())]));
    expect(() => Reflect.apply(builder.append, builder, [row])).toThrow(message);
    expect(builder.rows).toBe(0);
  });
});

describe("fields", () => {
  const schema = new Schema([
    required("id", new Int32()),
    nullable("name", new Utf8()),
    nullable("score", new Float64()),
  ]);
  const rows = (...objects: object[]): unknown[][] => {
    const builder = new RowBuilder(schema);
    for (const object of objects) builder.append(object);
    return rowsOf(builder.finish());
  };

  it("in any order, and left out", () => {
    expect(
      rows({ id: 1, name: "a", score: 1 }, { score: 2, id: 2 }, { name: "c", id: 3, score: undefined }, { id: 4 }),
    ).toEqual([
      [1, "a", 1],
      [2, null, 2],
      [3, "c", null],
      [4, null, null],
    ]);
  });

  it("that the schema does not have are refused, with the name that was meant", () => {
    expect(() => rows({ id: 1, nmae: "a" })).toThrow('field "nmae" is not in the schema; did you mean "name"?');
    expect(() => rows({ id: 1, other: "a" })).toThrow(
      'field "other" is not in the schema; expected "id", "name", "score"',
    );
    expect(() => rows({ id: 1, other: undefined })).toThrow('field "other" is not in the schema');
  });

  it("that are missing are refused unless they are nullable", () => {
    expect(() => rows({ name: "a" })).toThrow('field "id" is missing, and it is not nullable');
    expect(() => rows({ id: undefined })).toThrow('field "id" is missing, and it is not nullable');
    expect(() => rows({ id: null })).toThrow('field "id" is null; expected a whole number');
    expect(() => rows({})).toThrow('field "id" is missing');
  });

  it("are own properties only", () => {
    class Row {
      id = 1;
      get name(): string {
        return "inherited";
      }
    }
    expect(rows(new Row(), Object.assign(Object.create({ id: 5, name: "x" }), { id: 2 }))).toEqual([
      [1, null, null],
      [2, null, null],
    ]);
  });

  it("may have the names of properties that every object has", () => {
    const names = ["constructor", "__proto__", "toString", "hasOwnProperty"];
    const odd = new Schema(names.map((name) => nullable(name, new Int32())));
    const builder = new RowBuilder(odd);
    builder.append({});
    builder.append(JSON.parse('{ "__proto__": 1, "constructor": 2, "toString": 3 }'));
    expect(rowsOf(builder.finish())).toEqual([
      [null, null, null, null],
      [2, 1, 3, null],
    ]);
    expect(() => rows(JSON.parse('{ "id": 1, "__proto__": {} }'))).toThrow('field "__proto__" is not in the schema');
  });

  it("of one name are refused", () => {
    expect(() => new RowBuilder(new Schema([nullable("a", new Int32()), nullable("a", new Utf8())]))).toThrow(
      'two fields are named "a"',
    );
    const struct = new Struct([nullable("a", new Int32()), nullable("a", new Utf8())]);
    expect(() => new RowBuilder(new Schema([nullable("s", new List(nullable("item", struct)))]))).toThrow(
      'field "s": two fields are named "a"',
    );
  });

  it("whose getters throw, or use the builder, change nothing", () => {
    const builder = new RowBuilder(schema);
    builder.append({ id: 1 });
    const throwing = {
      id: 2,
      get name(): string {
        throw new Error("out of reach");
      },
    };
    const meddling = {
      id: 3,
      get name(): string {
        builder.append({ id: 4 });
        return "";
      },
    };
    expect(() => builder.append(throwing)).toThrow("out of reach");
    expect(() => builder.append(meddling)).toThrow("a getter of a row used the builder");
    builder.append({ id: 5 });
    expect(rowsOf(builder.finish())).toEqual([
      [1, null, null],
      [5, null, null],
    ]);
  });
});

describe("marks", () => {
  const schema = new Schema([required("id", new Int32())]);

  it("take rows back", () => {
    const builder = new RowBuilder(schema);
    builder.append({ id: 1 });
    const mark = builder.mark();
    builder.append({ id: 2 });
    builder.append({ id: 3 });
    builder.rollback(mark);
    builder.append({ id: 4 });
    expect(rowsOf(builder.finish())).toEqual([[1], [4]]);
  });

  it("of a batch that was finished are refused", () => {
    const builder = new RowBuilder(schema);
    builder.append({ id: 1 });
    const mark = builder.mark();
    builder.finish();
    expect(() => builder.rollback(mark)).toThrow("cannot go back to 1 rows of 0");
  });
});

describe("bytes", () => {
  it("are those of the values, and start anew with each batch", () => {
    const builder = new RowBuilder(new Schema([required("id", new Int64()), nullable("text", new Utf8())]));
    const empty = builder.bytes;
    builder.append({ id: 1, text: "abc" });
    expect(builder.bytes - empty).toBe(8 + 4 + 3);
    builder.append({ id: 1 });
    expect(builder.bytes - empty).toBe(2 * (8 + 4) + 3 + 1);
    builder.finish();
    expect(builder.bytes).toBe(empty);
  });

  it("large arrays are not kept for the next batch, and the batch is right", () => {
    const builder = new RowBuilder(new Schema([required("text", new Utf8()), required("id", new Int64())]));
    const text = "x".repeat(3_000);
    for (let id = 0; id < 1_000; id++) builder.append({ id, text });
    const batch = builder.finish();
    builder.append({ id: 7, text: "y" });
    expect(rowsOf(batch).every(([value]) => value === text)).toBe(true);
    expect(rowsOf(builder.finish())).toEqual([["y", 7n]]);
  });
});
