/**
 * Which columns Lance can hold: those whose rows come back as they were written, from the log, from an SSTable and from the table itself.
 *
 * Found out with LanceDB 0.39 (Lance 12, files of version 2.2), each type by: create the table, replay an entry of ours, merge rows, query,
 * close (which writes the SSTable), query again; and by adding rows to a table directly, 40 to 400 times with random nulls.
 *
 * | type | result |
 * |---|---|
 * | ints, floats (16 too), bool, decimal128 and 256, date, time, timestamp, duration | held |
 * | utf8, large_utf8, binary, large_binary, fixed-size binary | held (LanceDB's Node package refuses to *create* large ones from another copy of apache-arrow) |
 * | null | held as a column of its own; below a struct, a fixed-size list or a dictionary no SSTable can be written or read |
 * | interval, union, decimal32 and 64 | refused by Lance: "Unsupported data type" |
 * | timestamp with a `:` in its time zone, like `+02:00` | Lance panics when the table is created |
 * | list, map, at any depth | held; a map whose keys are sorted is refused by Lance |
 * | fixed-size list of a fixed-width type, or of such lists | held, but Lance forgets the item's name, nullability and metadata: see `storage-schema.ts` |
 * | fixed-size list of utf8, binary and the large ones | Lance panics and then hangs when it writes the SSTable |
 * | fixed-size list of struct, list, map, dictionary; of no items | refused by Lance, or rows that cannot be read |
 * | dictionary of ints, floats, bool, utf8, binary and the large ones, with indices of any width | held |
 * | dictionary of any other type | Lance panics when the table is created |
 * | struct of all these but lists and maps | held, unless two of its children have one name |
 * | struct with lists below it, of numbers, booleans, dates and times | held |
 * | struct with any other list, or a map, below it | **rows are mixed up or cannot be read** where values have 256 bytes or more, and some structs and some lists are null: `[{a: null}, {a: ["x…", "y…"]}, null]` comes back with `["", "x…"]`. Tombstones are null, so every column's struct may be. Held when the list is a child of the column's struct itself, is not nullable and has no list, map or struct below it |
 *
 * | name of a column | result |
 * |---|---|
 * | with a `.`; `_rowid`, `_rowaddr`, `_rowoffset`, `_row_created_at_version`, `_row_last_updated_at_version` | refused by Lance |
 * | `_distance` | left out of what queries of a table with a log return |
 * | with a backtick | queries fail |
 * | any other, the empty one too, and those that differ in case only | held |
 *
 * @module
 */
import { Type } from "apache-arrow";
import type { FieldLike, TypeLike } from "../arrow/shape.js";

const RESERVED_NAMES = new Set([
  "_rowid",
  "_rowaddr",
  "_rowoffset",
  "_row_created_at_version",
  "_row_last_updated_at_version",
  "_distance",
]);

const DICTIONARY_VALUES: ReadonlySet<number> = new Set([
  Type.Int,
  Type.Float,
  Type.Bool,
  Type.Utf8,
  Type.LargeUtf8,
  Type.Binary,
  Type.LargeBinary,
]);

/** Types of short values of one width. */
const NUMBERS: ReadonlySet<number> = new Set([
  Type.Int,
  Type.Float,
  Type.Bool,
  Type.Decimal,
  Type.Date,
  Type.Time,
  Type.Timestamp,
  Type.Duration,
]);

const FIXED_SIZE_LIST_ITEMS: ReadonlySet<number> = new Set([...NUMBERS, Type.FixedSizeBinary, Type.FixedSizeList]);

/** What keeps Lance from holding a column of this name, in words that follow the name; undefined when nothing does. */
export function nameProblem(name: string): string | undefined {
  if (RESERVED_NAMES.has(name)) return "has a name that Lance keeps for itself";
  if (name.includes(".")) return "has a name with a dot, which Lance takes for a path into a struct";
  if (name.includes("`")) return "has a name with a backtick, which queries of Lance cannot quote";
  return undefined;
}

/** What keeps Lance from holding the column `field`, in words that follow its name; undefined when nothing does. */
export function typeProblem(field: FieldLike): string | undefined {
  return problemOf(field.type, [], false);
}

/**
 * @param path names of the fields between the column and this type
 * @param belowStruct whether one of the types above is a struct
 */
function problemOf(type: TypeLike, path: readonly string[], belowStruct: boolean): string | undefined {
  const [item] = type.children ?? [];
  const refuse = (what: string): string =>
    `${path.length > 0 ? `has at ${JSON.stringify(path.join("."))}` : "is"} ${what}`;
  switch (type.typeId) {
    case Type.Null:
      return path.length > 0 ? refuse("a null type, which Lance holds only as a column of its own") : undefined;
    case Type.Interval:
      return refuse("an interval, which Lance cannot hold; use int32, int64 or a duration");
    case Type.Union:
      return refuse("a union, which Lance cannot hold; use a column for each of its types");
    case Type.Decimal:
      if (type.bitWidth === undefined || type.bitWidth >= 128) return undefined;
      return refuse(`a decimal of ${type.bitWidth} bits, which Lance cannot hold; use one of 128`);
    case Type.Timestamp:
      if (!type.timezone?.includes(":")) return undefined;
      return refuse(
        `a timestamp in zone ${type.timezone}, which Lance cannot hold; use a name like UTC or Europe/Berlin`,
      );
    case Type.Dictionary:
      if (DICTIONARY_VALUES.has(type.dictionary?.typeId ?? Type.NONE)) return undefined;
      return refuse("a dictionary of values other than numbers, booleans, strings and binary, which Lance cannot hold");
    case Type.FixedSizeList:
      if ((type.listSize ?? 0) < 1) return refuse("a fixed-size list of no items, which Lance cannot hold");
      if (item !== undefined && FIXED_SIZE_LIST_ITEMS.has(item.type.typeId)) return below(item, path, belowStruct);
      return refuse(
        "a fixed-size list of items without a fixed width of their own, which Lance cannot hold; use a list",
      );
    case Type.Map:
      if (type.keysSorted) return refuse("a map with sorted keys, which Lance cannot hold; use an unsorted one");
      if (belowStruct) return refuse(MIXED_UP);
      // Its entries are a struct that is never null.
      return firstOf(item?.type.children ?? [], (child) => below(child, path, false));
    case Type.List:
      if (belowStruct && !NUMBERS.has(item?.type.typeId ?? Type.NONE)) return refuse(MIXED_UP);
      return item && below(item, path, false);
    case Type.Struct:
      return structProblem(type.children ?? [], path, belowStruct);
    default:
      return undefined;
  }
}

const MIXED_UP =
  "a list of long values or a map below a struct, whose rows Lance mixes up when some are null; give it a column of its own, or, as a child of the column's struct, make it a list that is not nullable, of a plain type";

function structProblem(
  children: readonly FieldLike[],
  path: readonly string[],
  belowStruct: boolean,
): string | undefined {
  const names = new Set(children.map(({ name }) => name));
  if (names.size < children.length)
    return `has two fields of one name in ${JSON.stringify(path.join(".") || "its struct")}`;
  return firstOf(children, (child) => {
    const [item] = child.type.children ?? [];
    const isList = child.type.typeId === Type.List;
    // A list that is never null, of items without lists, below a struct that is a column.
    const safe = isList && !child.nullable && path.length === 0 && !belowStruct && !item?.type.children?.length;
    return safe && item !== undefined ? below(item, [...path, child.name], false) : below(child, path, true);
  });
}

function below(child: FieldLike, path: readonly string[], belowStruct: boolean): string | undefined {
  return problemOf(child.type, [...path, child.name], belowStruct);
}

function firstOf<T>(items: readonly T[], problem: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = problem(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
