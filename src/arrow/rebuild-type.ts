/**
 * Arrow types and fields of any copy of apache-arrow, rebuilt from this copy's classes.
 *
 * @module
 */
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
  Float,
  Int,
  Interval,
  LargeBinary,
  LargeUtf8,
  List,
  Map_,
  Null,
  SparseUnion,
  Struct,
  Time,
  Timestamp,
  Type,
  UnionMode,
  Utf8,
} from "apache-arrow";
import { UsageError } from "../errors.js";
import type { FieldLike, TypeLike } from "./shape.js";
import { childField } from "./type-name.js";

/** Numbers the dictionaries met, in the order inner before outer. */
export type NextDictionaryId = () => number;

/** `field` with its type rebuilt; name, nullability and metadata are kept. */
export function rebuildField(field: FieldLike, nextId: NextDictionaryId): Field {
  return new Field(field.name, rebuildType(field.type, nextId), field.nullable, new Map(field.metadata ?? []));
}

/** `type` rebuilt. */
export function rebuildType(type: TypeLike, nextId: NextDictionaryId): DataType {
  const child = (index: number): Field => rebuildField(childField(type, index), nextId);
  const children = (): Field[] => (type.children ?? []).map((field) => rebuildField(field, nextId));
  switch (type.typeId) {
    case Type.Null:
      return new Null();
    case Type.Bool:
      return new Bool();
    case Type.Int:
      return rebuildInt(type);
    case Type.Float:
      return new Float(parameter(type, "precision"));
    case Type.Utf8:
      return new Utf8();
    case Type.LargeUtf8:
      return new LargeUtf8();
    case Type.Binary:
      return new Binary();
    case Type.LargeBinary:
      return new LargeBinary();
    case Type.Decimal:
      return new Decimal(parameter(type, "scale"), parameter(type, "precision"), decimalBits(type));
    case Type.Date:
      return new Date_(parameter(type, "unit"));
    case Type.Time:
      return new Time(parameter(type, "unit"), type.bitWidth === 32 ? 32 : 64);
    case Type.Timestamp:
      return new Timestamp(parameter(type, "unit"), type.timezone ?? null);
    case Type.Duration:
      return new Duration(parameter(type, "unit"));
    case Type.Interval:
      return new Interval(parameter(type, "unit"));
    case Type.FixedSizeBinary:
      return new FixedSizeBinary(parameter(type, "byteWidth"));
    case Type.List:
      return new List(child(0));
    case Type.FixedSizeList:
      return new FixedSizeList(parameter(type, "listSize"), child(0));
    case Type.Map:
      return new Map_(child(0), type.keysSorted ?? false);
    case Type.Struct:
      return new Struct(children());
    case Type.Union: {
      const ids = unionIds(type);
      return type.mode === UnionMode.Dense ? new DenseUnion(ids, children()) : new SparseUnion(ids, children());
    }
    case Type.Dictionary: {
      if (!type.dictionary || !type.indices) throw new UsageError("a dictionary type lacks its values or its indices");
      const values = rebuildType(type.dictionary, nextId);
      // apache-arrow declares indices of up to 32 bits; its code, like the format, has 64 too.
      const indices = rebuildInt(type.indices) as Dictionary["indices"];
      return new Dictionary(values, indices, nextId(), type.isOrdered ?? false);
    }
    default:
      throw new UsageError(`Arrow type ${type.typeId} is not supported`);
  }
}

function rebuildInt(type: TypeLike): Int {
  const width = type.bitWidth;
  if (width !== 8 && width !== 16 && width !== 32 && width !== 64) {
    throw new UsageError(`an integer type has ${String(width)} bits; expected 8, 16, 32 or 64`);
  }
  return new Int(type.isSigned ?? true, width);
}

function decimalBits({ bitWidth = 128 }: TypeLike): number {
  if (bitWidth === 32 || bitWidth === 64 || bitWidth === 128 || bitWidth === 256) return bitWidth;
  throw new UsageError(`a decimal type has ${bitWidth} bits; expected 32, 64, 128 or 256`);
}

/** One id for each child: readers look a row's child up by its id, and would find none for an id too many. */
function unionIds(type: TypeLike): number[] {
  const ids = Array.from(type.typeIds ?? []);
  const children = type.children?.length ?? 0;
  const sound = ids.every((id) => Number.isInteger(id) && id >= 0 && id <= 127);
  if (!sound || ids.length !== children || new Set(ids).size !== children) {
    throw new UsageError(
      `a union of ${children} types has the ids ${ids.join(", ")}; expected one from 0 to 127 for each`,
    );
  }
  return ids;
}

function parameter(type: TypeLike, name: "precision" | "scale" | "unit" | "byteWidth" | "listSize"): number {
  const value = type[name];
  const least = name === "scale" ? Number.MIN_SAFE_INTEGER : 0;
  if (!(Number.isSafeInteger(value) && (value ?? 0) >= least))
    throw new UsageError(`Arrow type ${type.typeId} has no valid ${name}`);
  return value ?? 0;
}
