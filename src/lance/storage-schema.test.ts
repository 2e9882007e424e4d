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
  TimeMicrosecond,
  Timestamp,
  TimeUnit,
  Uint64,
  Utf8,
} from "apache-arrow";
import { describe, expect, it } from "vitest";
import { typeName } from "../arrow/type-name.js";
import { UsageError } from "../errors.js";
import { assertLanceSchema, assertPrimaryKey, KEY_POSITION, storageSchema, TOMBSTONE } from "./storage-schema.js";

const field = (name: string, type: DataType, nullable = true, metadata = new Map<string, string>()): Field =>
  new Field(name, type, nullable, metadata);
const item = (type: DataType, nullable = true): Field => field("item", type, nullable);
const list = (type: DataType, nullable = true): List => new List(item(type, nullable));
const fixed = (type: DataType, size = 3): FixedSizeList => new FixedSizeList(size, item(type));
const map = (key: DataType, value: DataType, sorted = false): Map_ =>
  new Map_(
    new Field(
      "entries",
      new Struct<{ key: DataType; value: DataType }>([field("key", key, false), field("value", value)]),
      false,
    ),
    sorted,
  );
let dictionaries = 0;
const dictionary = (values: DataType): Dictionary => new Dictionary(values, new Int32(), dictionaries++);
const struct = (...fields: Field[]): Struct => new Struct(fields);
const mixed = (children: Field[]): DataType[] => [new DenseUnion([0], children), new SparseUnion([0], children)];

/** Name, type, and words of the error. */
const REFUSED: readonly (readonly [string, DataType, string])[] = [
  ["interval[year_month]", new IntervalYearMonth(), "an interval"],
  ["interval[day_time]", new IntervalDayTime(), "an interval"],
  ["decimal32", new Decimal(2, 9, 32), "decimal of 32 bits"],
  ["decimal64", new Decimal(2, 18, 64), "decimal of 64 bits"],
  ["timestamp", new Timestamp(TimeUnit.SECOND, "+02:00"), "zone +02:00"],
  ["sorted map", map(new Utf8(), new Int32(), true), "sorted keys"],
  ["fixed-size list of nothing", fixed(new Float32(), 0), "no items"],
  ...[new Utf8(), new Binary(), new LargeUtf8(), new LargeBinary(), new Null(), list(new Int32()), struct()].map(
    (type): [string, DataType, string] => [`fixed-size list of ${type}`, fixed(type), "fixed-size list"],
  ),
  ["fixed-size list of dictionary", fixed(dictionary(new Utf8())), "fixed-size list"],
  ["fixed-size list of lists of utf8", fixed(fixed(new Utf8())), '"item" a fixed-size list'],
  ...[new DateDay(), new Timestamp(0), new Decimal(2, 9, 128), new FixedSizeBinary(3), struct(), list(new Int32())].map(
    (type): [string, DataType, string] => [`dictionary of ${type}`, dictionary(type), "dictionary"],
  ),
  ...mixed([field("a", new Int32())]).map((type): [string, DataType, string] => [String(type), type, "a union"]),
  ["null in a struct", struct(field("a", new Null())), '"a" a null type'],
  ["null in a list", list(new Null()), '"item" a null type'],
  ["two fields of one name", struct(field("a", new Int32()), field("a", new Utf8())), "two fields of one name"],
  ["nullable list of strings in a struct", struct(field("a", list(new Utf8()))), '"a" a list of long values'],
  ["list of lists in a struct", struct(field("a", list(list(new Int32())), false)), '"a" a list'],
  ["map in a struct", struct(field("a", map(new Utf8(), new Int32()), false)), '"a" a list'],
  ["list of structs in a struct", struct(field("a", list(struct(field("b", new Utf8()))), false)), '"a" a list'],
  ["list in a struct in a struct", struct(field("a", struct(field("b", list(new Utf8()), false)))), '"a.b" a list'],
  ["list in a struct in a list", list(struct(field("b", list(new Utf8())))), '"item.b" a list'],
  ["list in a struct in a map", map(new Utf8(), struct(field("b", list(new Utf8()), false))), '"value.b" a list'],
  ["interval in a list in a struct", struct(field("a", list(new IntervalDayTime()), false)), '"a.item" an interval'],
];

describe("storageSchema", () => {
  it("numbers the key columns, makes all others nullable, and puts the tombstones last", () => {
    const metadata = new Map([
      ["unit", "m"],
      [KEY_POSITION, "7"],
    ]);
    const table = new Schema(
      [field("a", new Int32(), false, metadata), field("b", new Utf8(), true, metadata), field("c", new Int64(), true)],
      new Map([["fence_sentinel", "true"]]),
    );
    const { fields, metadata: own } = storageSchema(table, ["c", "b"]);
    expect(fields.map(({ name, nullable, metadata }) => [name, nullable, Object.fromEntries(metadata)])).toEqual([
      ["a", true, { unit: "m" }],
      ["b", false, { unit: "m", [KEY_POSITION]: "2" }],
      ["c", false, { [KEY_POSITION]: "1" }],
      [TOMBSTONE, false, {}],
    ]);
    expect(fields.map(({ type }) => String(type))).toEqual(["Int32", "Utf8", "Int64", "Bool"]);
    expect(own.size).toBe(0);
    expect(table.fields.map(({ nullable }) => nullable)).toEqual([false, true, true]);
  });

  it("has the items of fixed-size lists as Lance has them, at every depth", () => {
    const odd = new FixedSizeList(2, field("x", new Float32(), false, new Map([["a", "b"]])));
    const kept = field("y", odd, false, new Map([["c", "d"]]));
    const types = [
      odd,
      new List(kept),
      struct(kept),
      map(new Utf8(), odd),
      new FixedSizeList(3, field("z", odd, false)),
    ];
    const table = new Schema([field("id", new Int32(), false), ...types.map((type, i) => field(`c${i}`, type))]);
    const innermost = ({ name, nullable, metadata, type }: Field): unknown[] => [
      name,
      nullable,
      Object.fromEntries(metadata),
      ...(type.children ?? []).map((child: Field) => innermost(child)),
    ];
    const stored = ["item", true, {}];
    const list = ["y", false, { c: "d" }, stored];
    expect(storageSchema(table, ["id"]).fields.slice(1, -1).map(innermost)).toEqual([
      ["c0", true, {}, stored],
      ["c1", true, {}, list],
      ["c2", true, {}, list],
      ["c3", true, {}, ["entries", false, {}, ["key", false, {}], ["value", true, {}, stored]]],
      ["c4", true, {}, ["item", true, {}, stored]],
    ]);
  });

  it("keeps the types", () => {
    const types = [
      ...[new Int8(), new Uint64(), new Float16(), new Float64(), new Bool(), new DateDay(), new DateMillisecond()],
      ...[new TimeMicrosecond(), new Timestamp(TimeUnit.NANOSECOND, "Europe/Berlin"), new DurationSecond(), new Null()],
      ...[
        new Decimal(2, 20, 128),
        new Decimal(2, 60, 256),
        new Utf8(),
        new LargeUtf8(),
        new Binary(),
        new LargeBinary(),
      ],
      ...[new FixedSizeBinary(3), new FixedSizeBinary(0), dictionary(new Utf8()), dictionary(new Float64())],
      ...[fixed(new Float32()), fixed(fixed(new Bool())), fixed(new FixedSizeBinary(16)), list(list(new Utf8()))],
      ...[
        list(map(new Utf8(), list(new Int32()))),
        map(new Utf8(), map(new Int32(), new Utf8())),
        list(fixed(new Float32())),
      ],
      ...[
        struct(),
        struct(field("a", new Int32()), field("A", dictionary(new Utf8()))),
        struct(field("a.b", struct(field("", new Utf8())))),
      ],
      ...[
        struct(field("v", fixed(new Float32()))),
        list(struct(field("a", new Utf8()))),
        map(new Utf8(), struct(field("a", new Utf8()))),
      ],
      struct(field("tags", list(new Utf8()), false), field("n", new Int32())),
      ...[
        struct(field("a", list(new Int32()))),
        list(struct(field("a", list(new DateDay())))),
        struct(field("a", struct(field("b", list(new Bool()))))),
      ],
      struct(field("words", list(dictionary(new Utf8())), false)),
    ];
    const table = new Schema([field("id", new Int64(), false), ...types.map((type, i) => field(`c${i}`, type))]);
    const stored = storageSchema(table, ["id"]).fields.slice(1, -1);
    expect(stored.map(({ type }) => typeName(type))).toEqual(types.map((type) => typeName(type)));
  });
});

describe("assertLanceSchema", () => {
  it.each(REFUSED)("refuses %s, naming the column", (_, type, words) => {
    const schema = new Schema([field("id", new Int32(), false), field("bad one", type)]);
    const check = (): void => assertLanceSchema(schema);
    expect(check).toThrow(UsageError);
    expect(check).toThrow('the column "bad one" ');
    expect(check).toThrow(words);
    expect(() => storageSchema(schema, ["id"])).toThrow(UsageError);
  });

  it.each(["a.b", "a`", "_rowid", "_rowaddr", "_rowoffset", "_row_created_at_version", "_distance", TOMBSTONE])(
    "refuses a column named %s",
    (name) => {
      const check = (): void => assertLanceSchema(new Schema([field(name, new Int32())]));
      expect(check).toThrow(UsageError);
      expect(check).toThrow(JSON.stringify(name));
      expect(check).toThrow("rename it");
    },
  );

  it("refuses a name that is taken twice, and no other", () => {
    const named = (...names: string[]): Schema => new Schema(names.map((name) => field(name, new Int32())));
    expect(() => assertLanceSchema(named("a", "b", "a"))).toThrow(/two columns named "a"/);
    expect(() => assertLanceSchema(named("", "a", "A", "a b", '"', "_row_id", "_score", "select"))).not.toThrow();
  });
});

describe("assertPrimaryKey", () => {
  const schema = new Schema(
    [new Int32(), new Int64(), new Utf8(), new LargeUtf8(), new Binary(), new LargeBinary()].map((type, i) =>
      field(`k${i}`, type, false),
    ),
  );

  it("accepts the types that Lance can hash, alone and together", () => {
    for (const { name } of schema.fields) expect(() => assertPrimaryKey(schema, [name])).not.toThrow();
    expect(() => assertPrimaryKey(schema, schema.fields.map(({ name }) => name).reverse())).not.toThrow();
  });

  it.each([
    [[], "no columns"],
    [["x"], /"x" is not in the schema; expected one of "k0", "k1"/],
    [["k0", "k1", "k0"], '"k0" twice'],
  ])("refuses %j", (key, words) => {
    expect(() => assertPrimaryKey(schema, key)).toThrow(UsageError);
    expect(() => assertPrimaryKey(schema, key)).toThrow(words);
  });

  it.each([
    new Int8(),
    new Uint64(),
    new Float64(),
    new Bool(),
    new DateDay(),
    new FixedSizeBinary(16),
    dictionary(new Utf8()),
  ])("refuses a key of type %s", (type) => {
    const other = new Schema([field("id", type, false)]);
    expect(() => assertPrimaryKey(other, ["id"])).toThrow(UsageError);
    expect(() => assertPrimaryKey(other, ["id"])).toThrow('"id" is ');
  });
});
