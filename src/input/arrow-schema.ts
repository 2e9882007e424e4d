/**
 * Arrow IPC schema messages → schemas of apache-arrow, with every number checked against what the format allows.
 *
 * Field numbers and type numbers are those of Arrow's `format/Schema.fbs`.
 *
 * @module
 */

import {
  Binary,
  Bool,
  type DataType,
  Date_,
  DateUnit,
  Decimal,
  Dictionary,
  Duration,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float,
  Int,
  Int8,
  Int16,
  Int32,
  Interval,
  IntervalUnit,
  LargeBinary,
  LargeUtf8,
  List,
  Map_,
  MetadataVersion,
  Null,
  Precision,
  Schema,
  Struct,
  Time,
  Timestamp,
  TimeUnit,
  Uint8,
  Uint16,
  Uint32,
  Union,
  UnionMode,
  Utf8,
  util,
} from "apache-arrow";
import { CorruptError, UsageError } from "../errors.js";
import type { FlatTable } from "./arrow-flatbuffer.js";

/** Deepest nesting of one column. */
const MAX_DEPTH = 64;
/** Most fields of a schema, nested ones included. */
const MAX_FIELDS = 65_536;
const MAX_FIXED_WIDTH = 2 ** 24;

interface Decoding {
  readonly dictionaries: Map<number, DataType>;
  fields: number;
}

/**
 * Decodes the `Schema` table of a message.
 *
 * @throws CorruptError for impossible values; UsageError for types that apache-arrow 18.1 cannot hold.
 */
export function decodeSchema(table: FlatTable, version: number): Schema {
  if (table.int16(0) !== 0) throw new UsageError("the data is big-endian; expected little-endian");
  const decoding: Decoding = { dictionaries: new Map(), fields: 0 };
  const fields = table.tables(1).map((field) => decodeField(field, decoding, 0));
  const known = version >= MetadataVersion.V4 ? MetadataVersion.V5 : MetadataVersion.V4;
  return new Schema(fields, decodeMetadata(table, 2), decoding.dictionaries, known);
}

function decodeField(table: FlatTable, decoding: Decoding, depth: number): Field {
  const name = table.string(0) ?? "";
  if (depth > MAX_DEPTH) throw new CorruptError(`column "${name}" is nested more than ${MAX_DEPTH} levels deep`);
  decoding.fields += 1;
  if (decoding.fields > MAX_FIELDS) throw new CorruptError(`the schema has more than ${MAX_FIELDS} fields`);
  const children = table.tables(5).map((child) => decodeField(child, decoding, depth + 1));
  const plain = decodeType(table, children, name);
  const encoding = table.table(4);
  const type = encoding === undefined ? plain : dictionaryOf(encoding, plain, decoding, name);
  return new Field(name, type, table.bool(1), decodeMetadata(table, 6));
}

function dictionaryOf(encoding: FlatTable, plain: DataType, decoding: Decoding, name: string): DataType {
  const id = encoding.int64(0);
  const index = encoding.table(1);
  const width = index === undefined ? 32 : index.int32(0);
  const signed = index === undefined || index.bool(1);
  if (width === 64) throw new UsageError(`column "${name}" has 64-bit dictionary indices; expected 8, 16 or 32 bits`);
  const known = decoding.dictionaries.get(id);
  if (known !== undefined && !util.compareTypes(known, plain)) {
    throw new CorruptError(`column "${name}" shares dictionary ${id} with a column of another type`);
  }
  decoding.dictionaries.set(id, known ?? plain);
  const [asSigned, asUnsigned] = INDEX_TYPES[oneOf(width, [8, 16, 32] as const, "index width", name)];
  return new Dictionary(known ?? plain, signed ? asSigned : asUnsigned, id, encoding.bool(2));
}

function decodeType(field: FlatTable, children: Field[], name: string): DataType {
  const number = field.uint8(2);
  const table = field.table(3);
  const count = CHILDREN[number];
  if (count !== undefined && children.length !== count) {
    throw new CorruptError(`column "${name}" has ${children.length} child fields; expected ${count}`);
  }
  const child = children[0];
  const int16 = (at: number, otherwise = 0) => table?.int16(at, otherwise) ?? otherwise;
  const int32 = (at: number, otherwise = 0) => table?.int32(at, otherwise) ?? otherwise;
  switch (number) {
    case 1:
      return new Null();
    case 2:
      return intType(int32(0), table?.bool(1) ?? false, name);
    case 3:
      return new Float(oneOf(int16(0), [Precision.HALF, Precision.SINGLE, Precision.DOUBLE], "precision", name));
    case 4:
      return new Binary();
    case 5:
      return new Utf8();
    case 6:
      return new Bool();
    case 7:
      return decimalType(int32(0), int32(1), int32(2, 128), name);
    case 8:
      return new Date_(oneOf(int16(0, DateUnit.MILLISECOND), [DateUnit.DAY, DateUnit.MILLISECOND], "date unit", name));
    case 9:
      return timeType(int16(0, TimeUnit.MILLISECOND), int32(1, 32), name);
    case 10:
      return new Timestamp(timeUnit(int16(0), name), table?.string(1));
    case 11:
      if (int16(0) === 2) throw unsupported(name, "month-day-nano interval");
      return new Interval(oneOf(int16(0), [IntervalUnit.YEAR_MONTH, IntervalUnit.DAY_TIME], "interval unit", name));
    case 12:
      return new List(required(child, name));
    case 13:
      return new Struct(children);
    case 14:
      return unionType(table, children, name);
    case 15:
      return new FixedSizeBinary(fixedWidth(int32(0), 1, name));
    case 16:
      return new FixedSizeList(fixedWidth(int32(0), 1, name), required(child, name));
    case 17: {
      const entries = required(child, name);
      if (!isStructOfTwo(entries)) throw new CorruptError(`column "${name}" is a map without key and value fields`);
      return new Map_(entries, table?.bool(0) ?? false);
    }
    case 18:
      return new Duration(timeUnit(int16(0, TimeUnit.MILLISECOND), name));
    case 19:
      return new LargeBinary();
    case 20:
      return new LargeUtf8();
    default: {
      const known = UNSUPPORTED[number];
      if (known !== undefined) throw unsupported(name, known);
      throw new CorruptError(`column "${name}" has unknown type number ${number}`);
    }
  }
}

const INDEX_TYPES = {
  8: [new Int8(), new Uint8()],
  16: [new Int16(), new Uint16()],
  32: [new Int32(), new Uint32()],
} as const;

/** Child fields that a type must have: none, or one. */
const CHILDREN: Readonly<Record<number, number>> = {
  ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 18, 19, 20].map((number) => [number, 0])),
  ...Object.fromEntries([12, 16, 17].map((number) => [number, 1])),
};

const UNSUPPORTED: Readonly<Record<number, string>> = {
  21: "large list",
  22: "run-end encoded",
  23: "binary view",
  24: "utf8 view",
  25: "list view",
  26: "large list view",
};

function unsupported(name: string, what: string): UsageError {
  return new UsageError(
    `column "${name}" has type ${what}, which apache-arrow 18.1 cannot hold; cast it when writing the file`,
  );
}

function required(child: Field | undefined, name: string): Field {
  if (child === undefined) throw new CorruptError(`column "${name}" lacks its child field`);
  return child;
}

function isStructOfTwo(field: Field): field is Field<Struct> {
  return field.type instanceof Struct && field.type.children.length === 2;
}

function oneOf<T extends number>(value: number, allowed: readonly T[], what: string, name: string): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new CorruptError(`column "${name}" has impossible ${what} ${value}`);
  return found;
}

function intType(width: number, signed: boolean, name: string): Int {
  return new Int(signed, oneOf(width, [8, 16, 32, 64] as const, "integer width", name));
}

function timeUnit(value: number, name: string): TimeUnit {
  const units = [TimeUnit.SECOND, TimeUnit.MILLISECOND, TimeUnit.MICROSECOND, TimeUnit.NANOSECOND] as const;
  return oneOf(value, units, "time unit", name);
}

function timeType(value: number, width: number, name: string): Time {
  const unit = timeUnit(value, name);
  const expected = unit === TimeUnit.SECOND || unit === TimeUnit.MILLISECOND ? 32 : 64;
  if (width !== expected) throw new CorruptError(`column "${name}" is a time of ${width} bits; expected ${expected}`);
  return new Time(unit, expected);
}

function decimalType(precision: number, scale: number, width: number, name: string): Decimal {
  if (width === 32 || width === 64) throw unsupported(name, `decimal of ${width} bits`);
  const bits = oneOf(width, [128, 256] as const, "decimal width", name);
  const most = bits === 128 ? 38 : 76;
  if (precision < 1 || precision > most || Math.abs(scale) > 1000) {
    throw new CorruptError(`column "${name}" is decimal(${precision}, ${scale}); expected a precision of 1 to ${most}`);
  }
  return new Decimal(scale, precision, bits);
}

function fixedWidth(width: number, least: number, name: string): number {
  if (width >= least && width <= MAX_FIXED_WIDTH) return width;
  throw new CorruptError(`column "${name}" has fixed size ${width}; expected ${least} to ${MAX_FIXED_WIDTH}`);
}

function unionType(table: FlatTable | undefined, children: Field[], name: string): Union {
  const mode = oneOf(table?.int16(0) ?? 0, [UnionMode.Sparse, UnionMode.Dense] as const, "union mode", name);
  const vector = table?.vector(1, 4);
  const ids =
    vector === undefined
      ? children.map((_, index) => index)
      : Array.from({ length: Math.min(vector.count, 128) }, (_, i) => vector.view.getInt32(vector.start + i * 4, true));
  const fits = ids.every((id) => id >= 0 && id <= 127) && new Set(ids).size === ids.length;
  if (!fits || ids.length !== children.length || children.length > 128) {
    throw new CorruptError(`column "${name}" is a union whose type ids do not match its ${children.length} children`);
  }
  return new Union(mode, ids, children);
}

function decodeMetadata(table: FlatTable, field: number): Map<string, string> {
  return new Map(table.tables(field).map((entry) => [entry.string(0) ?? "", entry.string(1) ?? ""]));
}
