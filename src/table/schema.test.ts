import { DataType } from "apache-arrow";
import { describe, expect, expectTypeOf, it } from "vitest";
import { emptyStore } from "../../test/stores.js";
import { RowBuilder } from "../arrow/rows/row-builder.js";
import { RowReader } from "../arrow/rows/row-reader.js";
import { typeName } from "../arrow/type-name.js";
import { UsageError } from "../errors.js";
import {
  binary,
  bool,
  date,
  dateMillisecond,
  decimal,
  decimal256,
  duration,
  fixedSizeBinary,
  float16,
  float32,
  float64,
  int8,
  int16,
  int32,
  int64,
  intervalDayTime,
  intervalYearMonth,
  largeBinary,
  largeUtf8,
  nulls,
  time,
  timestamp,
  uint8,
  uint16,
  uint32,
  uint64,
  utf8,
} from "./column-types.js";
import { dictionary, fixedSizeList, list, map, struct, union, vector } from "./nested-column-types.js";
import { type Row, type RowInput, schema } from "./schema.js";

const notes = schema({ id: int64(), at: timestamp("ms").nullable(), text: utf8(), embedding: vector(3) });
type Note = Row<typeof notes>;
type NewNote = RowInput<typeof notes>;

/** Every type, with a value that is read as it was put. */
const everything = schema({
  nulls: nulls(),
  bool: bool(),
  int8: int8(),
  int16: int16(),
  int32: int32(),
  int64: int64(),
  uint8: uint8(),
  uint16: uint16(),
  uint32: uint32(),
  uint64: uint64(),
  float16: float16(),
  float32: float32(),
  float64: float64(),
  utf8: utf8(),
  largeUtf8: largeUtf8(),
  binary: binary(),
  largeBinary: largeBinary(),
  fixedSizeBinary: fixedSizeBinary(2),
  decimal: decimal(5, 2),
  decimal256: decimal256(60, 0),
  date: date(),
  dateMillisecond: dateMillisecond(),
  timeS: time("s"),
  timeMs: time("ms"),
  timeUs: time("us"),
  timeNs: time("ns"),
  timestampS: timestamp("s", "UTC"),
  timestampMs: timestamp("ms"),
  timestampUs: timestamp("us", "Europe/Berlin"),
  timestampNs: timestamp("ns"),
  duration: duration("us"),
  months: intervalYearMonth(),
  dayTime: intervalDayTime(),
  list: list(utf8().nullable()),
  triple: fixedSizeList(int32(), 3),
  pair: fixedSizeList(utf8(), 2),
  vector: vector(2, "float64"),
  half: vector(2, "float16"),
  struct: struct({ city: utf8(), zip: int32().nullable() }),
  map: map(utf8(), int64().nullable()),
  union: union({ number: float64(), text: utf8() }),
  sparse: union({ number: float64(), text: utf8().nullable() }, { mode: "sparse" }).nullable(),
  dictionary: dictionary(utf8(), { indices: "uint8" }).nullable(),
});

const row: Row<typeof everything> = {
  nulls: null,
  bool: true,
  int8: -8,
  int16: -16,
  int32: -32,
  int64: -64n,
  uint8: 8,
  uint16: 16,
  uint32: 32,
  uint64: 64n,
  float16: 0.5,
  float32: 0.25,
  float64: 0.1,
  utf8: "ü",
  largeUtf8: "large",
  binary: Uint8Array.of(1),
  largeBinary: Uint8Array.of(1, 2),
  fixedSizeBinary: Uint8Array.of(3, 4),
  decimal: "-1.50",
  decimal256: "9".repeat(60),
  date: new Date("2024-02-29"),
  dateMillisecond: new Date("1969-07-20"),
  timeS: 86_399,
  timeMs: 1,
  timeUs: 2n,
  timeNs: 3n,
  timestampS: new Date(1_000),
  timestampMs: new Date(1),
  timestampUs: new Date(-1),
  timestampNs: 5n,
  duration: -7n,
  months: 14,
  dayTime: [1, -1],
  list: ["a", null],
  triple: Int32Array.of(1, 2, 3),
  pair: ["x", "y"],
  vector: Float64Array.of(1, 2),
  half: Float32Array.of(1, 2),
  struct: { city: "Bonn", zip: null },
  map: new Map([["a", 1n]]),
  union: { type: "number", value: 5 },
  sparse: { type: "text", value: null },
  dictionary: "tag",
};

describe("types of rows", () => {
  it("come from the schema", () => {
    expectTypeOf<Note>().toEqualTypeOf<{ id: bigint; at: Date | null; text: string; embedding: Float32Array }>();
    expectTypeOf<NewNote["id"]>().toEqualTypeOf<bigint | number>();
    expectTypeOf<NewNote["at"]>().toEqualTypeOf<Date | bigint | null | undefined>();
    expectTypeOf<{ id: number; text: string; embedding: number[] }>().toExtend<NewNote>();
    expectTypeOf<{ id: bigint; at: Date; text: string; embedding: Float32Array }>().toExtend<NewNote>();
    expectTypeOf<Note>().toExtend<NewNote>();
    expectTypeOf<{ id: bigint; embedding: number[] }>().not.toExtend<NewNote>();
    expectTypeOf<{ id: string; text: string; embedding: number[] }>().not.toExtend<NewNote>();
    expectTypeOf<{ id: bigint; text: null; embedding: number[] }>().not.toExtend<NewNote>();
  });

  it("refuse unknown fields of literals", () => {
    // @ts-expect-error: there is no column txt
    const wrong: NewNote = { id: 1n, text: "a", embedding: [1, 2, 3], txt: "b" };
    expect(wrong).toBeDefined();
  });

  it("follow nesting, keys, units and nullability", () => {
    const nested = schema({
      times: struct({ start: time("ms"), end: time("ns").nullable() }),
      tags: list(dictionary(utf8())).nullable(),
      counts: map(int32(), list(uint64())),
      shape: union({ circle: float64(), box: struct({ side: float32() }) }),
      nanos: timestamp("ns"),
      flags: fixedSizeList(bool(), 2),
      maybe: fixedSizeList(float32().nullable(), 2),
      bytes: fixedSizeList(uint8(), 2),
    });
    expectTypeOf<Row<typeof nested>>().toEqualTypeOf<{
      times: { start: number; end: bigint | null };
      tags: string[] | null;
      counts: Map<number, bigint[]>;
      shape: { type: "circle"; value: number } | { type: "box"; value: { side: number } };
      nanos: bigint;
      flags: boolean[];
      maybe: Float32Array | (number | null)[];
      bytes: Uint8Array;
    }>();
    expectTypeOf<RowInput<typeof nested>["times"]>().toEqualTypeOf<{
      readonly start: number;
      readonly end?: number | bigint | null | undefined;
    }>();
    expectTypeOf<RowInput<typeof nested>["tags"]>().toEqualTypeOf<readonly string[] | null | undefined>();
    expectTypeOf<BigUint64Array>().toExtend<ReturnType<RowInput<typeof nested>["counts"]["get"]>>();
    expectTypeOf<{ a: number[] }>().not.toExtend<RowInput<typeof nested>["counts"]>();
    const text = schema({ m: map(utf8(), int32()) });
    expectTypeOf<{ a: number }>().toExtend<RowInput<typeof text>["m"]>();
    expectTypeOf<string>().not.toExtend<RowInput<typeof nested>["tags"]>();
  });

  it("of a bare Arrow schema are objects of anything", () => {
    expectTypeOf<Row<(typeof notes)["arrow"]>>().toEqualTypeOf<Record<string, unknown>>();
    expectTypeOf<RowInput<(typeof notes)["arrow"]>>().toEqualTypeOf<Readonly<Record<string, unknown>>>();
  });
});

describe("a schema", () => {
  it("is the Arrow schema that its names say", () => {
    expect(notes.arrow.fields.map((field) => `${field.name} ${typeName(field.type)} ${field.nullable}`)).toEqual([
      "id int64 false",
      "at timestamp[ms] true",
      "text utf8 false",
      "embedding fixed_size_list<float32>[3] false",
    ]);
    const types = everything.arrow.fields.map((field) => typeName(field.type));
    expect(types).toEqual([
      ..."null bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split(" "),
      ..."utf8 large_utf8 binary large_binary fixed_size_binary[2]".split(" "),
      "decimal128(5, 2)",
      "decimal256(60, 0)",
      ..."date32[day] date64[ms] time32[s] time32[ms] time64[us] time64[ns]".split(" "),
      "timestamp[s, tz=UTC]",
      "timestamp[ms]",
      "timestamp[us, tz=Europe/Berlin]",
      ..."timestamp[ns] duration[us] interval[year_month] interval[day_time]".split(" "),
      "list<utf8>",
      "fixed_size_list<int32>[3]",
      "fixed_size_list<utf8>[2]",
      "fixed_size_list<float64>[2]",
      "fixed_size_list<float16>[2]",
      "struct<city: utf8, zip: int32>",
      "map<utf8, int64>",
      "dense_union<number: float64, text: utf8>[0, 1]",
      "sparse_union<number: float64, text: utf8>[0, 1]",
      "dictionary<values=utf8, indices=uint8>",
    ]);
    expect(everything.arrow.fields.filter((field) => field.nullable).map((field) => field.name)).toEqual([
      "nulls",
      "sparse",
      "dictionary",
    ]);
  });

  it("its rows go in, through a store, and come out as they were", () => {
    const input: RowInput<typeof everything> = row;
    const builder = new RowBuilder(everything.arrow);
    builder.append(input);
    const store = emptyStore(everything.arrow);
    store.append(builder.finish());
    const batch = store.get(0)?.recordBatch;
    if (batch === undefined) throw new Error("no batch");
    expect(new RowReader(everything.arrow).read(batch, 0)).toEqual(row);
    store.close();
  });

  it("one type may serve for several columns", () => {
    const tag = dictionary(utf8());
    const { arrow } = schema({ a: tag, b: tag.nullable() });
    const ids = arrow.fields.map(({ type }) => (DataType.isDictionary(type) ? type.id : undefined));
    expect(ids).toEqual([0, 1]);
    expect(arrow.fields.map((field) => field.nullable)).toEqual([false, true]);
  });

  it.each<[string, () => unknown, string]>([
    ["no columns", () => schema({}), "the schema has no columns"],
    ["a tombstone", () => schema({ _tombstone: bool() }), 'column "_tombstone" has a name that is kept'],
    ["a reserved name", () => schema({ _pennon_id: bool() }), 'column "_pennon_id" has a name that is kept'],
    ["a bare function", () => Reflect.apply(schema, null, [{ id: int64 }]), 'the type of "id" is a function'],
    ["a name for a type", () => Reflect.apply(schema, null, [{ id: "int64" }]), 'the type of "id" is int64'],
    ["an empty vector", () => vector(0), "dimensions is 0; expected a whole number from 1"],
    ["half a dimension", () => vector(1.5), "dimensions is 1.5"],
    ["a vector of texts", () => Reflect.apply(vector, null, [3, "utf8"]), "the kind of a vector is utf8"],
    ["too many digits", () => decimal(39, 0), "precision is 39; expected a whole number from 1 to 38"],
    ["no bytes", () => fixedSizeBinary(0), "byteWidth is 0"],
    ["an unknown unit", () => Reflect.apply(timestamp, null, ["m"]), 'the time unit is "m"'],
    ["nullable keys", () => map(utf8().nullable(), utf8()), "the keys of a map are nullable"],
    ["nullable dictionary values", () => dictionary(utf8().nullable()), "call .nullable() on the dictionary instead"],
    ["a dictionary of dictionaries", () => schema({ a: dictionary(dictionary(utf8())) }), 'field "a"'],
    ["an empty union", () => union({}), "a union has 0 types"],
  ])("refuses %s", (_, make, message) => {
    expect(make).toThrow(UsageError);
    expect(make).toThrow(message);
  });
});
