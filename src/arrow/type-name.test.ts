import {
  Binary,
  Bool,
  type DataType,
  Date_,
  Decimal,
  DenseUnion,
  Dictionary,
  Duration,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int8,
  Int32,
  Int64,
  Interval,
  LargeBinary,
  LargeUtf8,
  List,
  Map_,
  Null,
  Schema,
  SparseUnion,
  Struct,
  TimeMicrosecond,
  TimeSecond,
  Timestamp,
  Uint16,
  Utf8,
} from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryType } from "../../test/arrow-arbitrary.js";
import { foreignArrow } from "../../test/foreign-arrow.js";
import { UsageError } from "../errors.js";
import { END_OF_STREAM } from "./message.js";
import { encodeSchemaMessage, normaliseSchema } from "./schema.js";
import type { TypeLike } from "./shape.js";
import { MAX_NESTING, typeName } from "./type-name.js";

const item = (type: DataType, nullable = true): Field => new Field("item", type, nullable);
const pair = [new Field("a", new Int32(), true), new Field("b", new Utf8(), true)];
const entries = new Field("entries", new Struct([item(new Utf8(), false), item(new Int64())]), false);

const names: readonly (readonly [string, DataType])[] = [
  ["null", new Null()],
  ["bool", new Bool()],
  ["int8", new Int8()],
  ["uint16", new Uint16()],
  ["int64", new Int64()],
  ["float16", new Float16()],
  ["float32", new Float32()],
  ["float64", new Float64()],
  ["utf8", new Utf8()],
  ["large_utf8", new LargeUtf8()],
  ["binary", new Binary()],
  ["large_binary", new LargeBinary()],
  ["fixed_size_binary[7]", new FixedSizeBinary(7)],
  ["decimal128(10, 2)", new Decimal(2, 10)],
  ["decimal256(40, -3)", new Decimal(-3, 40, 256)],
  ["date32[day]", new Date_(0)],
  ["date64[ms]", new Date_(1)],
  ["time32[s]", new TimeSecond()],
  ["time64[us]", new TimeMicrosecond()],
  ["timestamp[ms]", new Timestamp(1)],
  ["timestamp[ns, tz=Europe/Berlin]", new Timestamp(3, "Europe/Berlin")],
  ["duration[s]", new Duration(0)],
  ["interval[year_month]", new Interval(0)],
  ["interval[day_time]", new Interval(1)],
  ["list<utf8>", new List(item(new Utf8()))],
  ["fixed_size_list<float32>[768]", new FixedSizeList(768, item(new Float32()))],
  ["struct<a: int32, b: utf8>", new Struct(pair)],
  ["map<utf8, int64>", new Map_(entries)],
  ["map<utf8, int64, sorted>", new Map_(entries, true)],
  ["dense_union<a: int32, b: utf8>[0, 5]", new DenseUnion([0, 5], pair)],
  ["sparse_union<a: int32, b: utf8>[1, 2]", new SparseUnion([1, 2], pair)],
  ["dictionary<values=utf8, indices=int32>", new Dictionary(new Utf8(), new Int32())],
];

function nested(depth: number): DataType {
  let type: DataType = new Int32();
  for (let i = 0; i < depth; i++) type = new List(item(type));
  return type;
}

describe("typeName", () => {
  it.each(names)("%s", (name, type) => {
    expect(typeName(type)).toBe(name);
  });

  it("has a name of its own for each type", () => {
    expect(new Set(names.map(([, type]) => typeName(type))).size).toBe(names.length);
  });

  it("leaves names without meaning and nullability out", () => {
    expect(typeName(new List(new Field("element", new Utf8(), false)))).toBe(typeName(new List(item(new Utf8()))));
    const other = new Struct([new Field("k", new Utf8(), false), new Field("v", new Int64(), true)]);
    expect(typeName(new Map_(new Field("kv", other, false)))).toBe(typeName(new Map_(entries)));
  });

  it("is the same for types of another copy of apache-arrow", () => {
    fc.assert(
      fc.property(arbitraryType(), (type) => {
        const schema = normaliseSchema(new Schema([new Field("c", type, true)]));
        const stream = Buffer.concat([encodeSchemaMessage(schema), END_OF_STREAM]);
        const foreign = foreignArrow.tableFromIPC(stream).schema.fields[0]?.type;
        expect(foreign).not.toBeInstanceOf(Object.getPrototypeOf(type).constructor);
        expect(foreign && typeName(foreign)).toBe(typeName(type));
      }),
      { numRuns: 300 },
    );
  });

  it("refuses what apache-arrow 18.1 cannot hold", () => {
    const unsupported: TypeLike[] = [
      { typeId: 11, unit: 2 },
      { typeId: 21, children: [item(new Int32())] },
      { typeId: 24 },
      { typeId: 3, precision: 3 },
      { typeId: 10, unit: 4 },
      { typeId: -1, indices: new Int32() },
    ];
    for (const type of unsupported) expect(() => typeName(type)).toThrow(UsageError);
    expect(() => typeName({ typeId: 12, children: [] })).toThrow("it has no child 0");
  });

  it("refuses a dictionary of dictionary-encoded values, for which the IPC format has no room", () => {
    const inner = new Dictionary(new Utf8(), new Int32(), 1);
    expect(() => typeName(new Dictionary(inner, new Int32(), 2))).toThrow("themselves dictionary-encoded");
    expect(typeName(new Dictionary(new List(item(inner)), new Int32(), 2))).toContain("list<dictionary<");
  });

  it("refuses types nested deeper than it will follow", () => {
    expect(typeName(nested(MAX_NESTING))).toContain("int32");
    expect(() => typeName(nested(MAX_NESTING + 1))).toThrow(`at most ${MAX_NESTING} levels`);
    const cyclic: { typeId: number; children: unknown[] } = { typeId: 13, children: [] };
    cyclic.children.push({ name: "self", type: cyclic, nullable: true });
    expect(() => typeName(cyclic as TypeLike)).toThrow(UsageError);
  });
});
