/**
 * The canonical name of an Arrow type, as pyarrow prints it: `int64`, `timestamp[us, tz=UTC]`, `list<utf8>`,
 * `dictionary<values=utf8, indices=int32>`. Two types lay their bytes out alike, and mean the same, exactly when their names
 * are equal, so the name serves both to compare types from different copies of apache-arrow and to tell a person which
 * one was expected. Names of list items and map entries are left out, as they are conventions without meaning.
 *
 * @module
 */
import { Type, UnionMode } from "apache-arrow";
import { UsageError } from "../errors.js";
import type { FieldLike, TypeLike } from "./shape.js";

const TIME_UNITS = ["s", "ms", "us", "ns"] as const;
const FLOAT_NAMES = ["float16", "float32", "float64"] as const;

/** How deep types may nest; deeper ones are refused so that no recursion over a type is unbounded. */
export const MAX_NESTING = 64;

/**
 * The canonical name of `type`.
 *
 * @throws UsageError for a type that apache-arrow 18.1 cannot hold, or one nested deeper than {@link MAX_NESTING}.
 */
export function typeName(type: TypeLike, depth = 0): string {
  if (depth > MAX_NESTING) throw new UsageError(`types nest at most ${MAX_NESTING} levels deep`);
  const child = (index: number): string => typeName(childField(type, index).type, depth + 1);
  const named = (): string =>
    (type.children ?? []).map((field) => `${quoted(field.name)}: ${typeName(field.type, depth + 1)}`).join(", ");
  switch (type.typeId) {
    case Type.Null:
      return "null";
    case Type.Int:
      return `${type.isSigned ? "int" : "uint"}${type.bitWidth}`;
    case Type.Float:
      return FLOAT_NAMES[precisionOf(type)] ?? unsupported(type);
    case Type.Binary:
      return "binary";
    case Type.LargeBinary:
      return "large_binary";
    case Type.Utf8:
      return "utf8";
    case Type.LargeUtf8:
      return "large_utf8";
    case Type.Bool:
      return "bool";
    case Type.Decimal:
      return `decimal${type.bitWidth ?? 128}(${type.precision}, ${type.scale})`;
    case Type.Date:
      return type.unit === 0 ? "date32[day]" : "date64[ms]";
    case Type.Time:
      return `time${type.bitWidth}[${timeUnit(type)}]`;
    case Type.Timestamp:
      return type.timezone ? `timestamp[${timeUnit(type)}, tz=${type.timezone}]` : `timestamp[${timeUnit(type)}]`;
    case Type.Duration:
      return `duration[${timeUnit(type)}]`;
    case Type.Interval:
      if (type.unit !== 0 && type.unit !== 1) return unsupported(type);
      return type.unit === 0 ? "interval[year_month]" : "interval[day_time]";
    case Type.FixedSizeBinary:
      return `fixed_size_binary[${type.byteWidth}]`;
    case Type.List:
      return `list<${child(0)}>`;
    case Type.FixedSizeList:
      return `fixed_size_list<${child(0)}>[${type.listSize}]`;
    case Type.Map:
      return `map<${(childField(type, 0).type.children ?? []).map((f) => typeName(f.type, depth + 2)).join(", ")}${
        type.keysSorted ? ", sorted" : ""
      }>`;
    case Type.Struct:
      return `struct<${named()}>`;
    case Type.Union:
      return `${type.mode === UnionMode.Dense ? "dense" : "sparse"}_union<${named()}>[${Array.from(type.typeIds ?? []).join(", ")}]`;
    case Type.Dictionary:
      if (!type.dictionary || !type.indices) return unsupported(type);
      if (type.dictionary.typeId === Type.Dictionary) {
        throw new UsageError(
          "a dictionary's values are themselves dictionary-encoded, which the IPC format cannot express",
        );
      }
      return `dictionary<values=${typeName(type.dictionary, depth + 1)}, indices=${typeName(type.indices, depth + 1)}>`;
    default:
      return unsupported(type);
  }
}

/** The field of a nested type's child. */
export function childField(type: TypeLike, index: number): FieldLike {
  const field = type.children?.[index];
  if (field === undefined) throw new UsageError(`type ${type.typeId} is malformed: it has no child ${index}`);
  return field;
}

/** `precision` of a floating-point type: 0 half, 1 single, 2 double. */
function precisionOf(type: TypeLike): number {
  return type.precision ?? -1;
}

/** A name as it is, unless it could be taken for part of a type. */
function quoted(name: string): string {
  return /^\w+$/.test(name) ? name : JSON.stringify(name);
}

function timeUnit(type: TypeLike): string {
  return TIME_UNITS[type.unit ?? -1] ?? unsupported(type);
}

function unsupported(type: TypeLike): never {
  throw new UsageError(
    `Arrow type ${type.typeId} (${String(type)}) is not supported: expected one of the types of apache-arrow 18.1`,
  );
}
