/**
 * Parquet schemas → Arrow schemas, and the plan by which columns are put together from their levels.
 *
 * A value's definition level counts how many optional and repeated nodes on its path are present, its repetition level at which
 * repeated node a new element starts. `definition` of a plan node is the definition level from which on it is not null;
 * `ancestor` the one from which on its nearest repeated ancestor has an element (so that there is a slot for it at all).
 *
 * Sources: https://parquet.apache.org/docs/file-format/types/logicaltypes/ (lists and maps with their backward-compatibility rules).
 *
 * @module
 */

import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Field,
  FixedSizeBinary,
  Float16,
  Float32,
  Float64,
  Int,
  List,
  Map_,
  Null,
  Struct,
  TimeMicrosecond,
  TimeMillisecond,
  TimeNanosecond,
  Timestamp,
  TimeUnit,
  Utf8,
} from "apache-arrow";
import type { FileMetaData, SchemaElement } from "hyparquet";
import { parquetSchema } from "hyparquet";
import { CorruptError, UsageError } from "../errors.js";

type Tree = ReturnType<typeof parquetSchema>;

/** A leaf: a column chunk per row group. */
export interface Leaf {
  readonly kind: "leaf";
  readonly type: DataType;
  /** Place among the leaves, which is that of its column chunk in every row group. */
  readonly index: number;
  readonly element: SchemaElement;
  readonly path: string;
  readonly nullable: boolean;
  readonly definition: number;
  readonly ancestor: number;
  readonly repetition: number;
}

/** A group: struct, list or map. `children` of a list is its element, of a map its entries. */
export interface Group {
  readonly kind: "struct" | "list";
  readonly type: DataType;
  readonly children: readonly PlanNode[];
  readonly nullable: boolean;
  readonly definition: number;
  readonly ancestor: number;
  readonly repetition: number;
}

export type PlanNode = Leaf | Group;

/** One top-level column. */
export interface ColumnPlan {
  readonly field: Field;
  readonly node: PlanNode;
  readonly leaves: readonly Leaf[];
}

interface Levels {
  readonly definition: number;
  readonly ancestor: number;
  readonly repetition: number;
}

interface Built {
  readonly field: Field;
  readonly node: PlanNode;
}

const MAX_DEPTH = 64;
const MAX_ELEMENTS = 65_536;

/** Plans every column of a file. @throws UsageError naming a column whose type cannot be read. */
export function planColumns(metadata: FileMetaData): ColumnPlan[] {
  checkElements(metadata.schema);
  const leaves: Leaf[] = [];
  return parquetSchema(metadata).children.map((tree) => {
    const first = leaves.length;
    const { field, node } = plan(tree, { definition: 0, ancestor: 0, repetition: 0 }, leaves);
    return { field, node, leaves: leaves.slice(first) };
  });
}

/** Makes sure that the list of elements is one tree, before anything recurses into it. */
function checkElements(elements: readonly SchemaElement[]): void {
  if (elements.length > MAX_ELEMENTS)
    throw new CorruptError(`the schema has ${elements.length} elements; at most ${MAX_ELEMENTS}`);
  const open: number[] = [1];
  for (const element of elements) {
    while (open.at(-1) === 0) open.pop();
    const left = open.pop();
    if (left === undefined) throw new CorruptError("the schema has elements outside its root");
    open.push(left - 1);
    const children = element.num_children ?? 0;
    if (children < 0 || typeof element.name !== "string")
      throw new CorruptError("the schema has an impossible element");
    if (children > 0) open.push(children);
    if (open.length > MAX_DEPTH) throw new CorruptError(`the schema is nested more than ${MAX_DEPTH} levels deep`);
  }
  if (open.some((left) => left > 0)) throw new CorruptError("the schema lacks elements");
}

function plan(tree: Tree, above: Levels, leaves: Leaf[]): Built {
  if (tree.element.repetition_type !== "REPEATED") return planSingle(tree, above, leaves);
  // A repeated field outside a LIST group is a list that cannot be null, of elements that cannot be null.
  const built = planSingle(tree, within(above), leaves);
  return listOf(tree.element.name, false, built, above, new List(built.field));
}

function within(list: Levels): Levels {
  const definition = list.definition + 1;
  return { definition, ancestor: definition, repetition: list.repetition + 1 };
}

function listOf(name: string, nullable: boolean, built: Built, levels: Levels, type: DataType): Built {
  return {
    field: new Field(name, type, nullable),
    node: { kind: "list", type, children: [built.node], nullable, ...levels },
  };
}

/** Plans a node as if it were not repeated. */
function planSingle(tree: Tree, above: Levels, leaves: Leaf[]): Built {
  const { element } = tree;
  const nullable = element.repetition_type === "OPTIONAL";
  const levels = nullable ? { ...above, definition: above.definition + 1 } : above;
  if (tree.children.length === 0) {
    const path = tree.path.join(".");
    const type = leafType(element, path);
    const node: Leaf = { kind: "leaf", type, index: leaves.length, element, path, nullable, ...levels };
    leaves.push(node);
    return { field: new Field(element.name, node.type, nullable), node };
  }
  const annotation = element.logical_type?.type ?? element.converted_type;
  const repeated = tree.children[0];
  if (annotation === "LIST" && repeated?.element.repetition_type === "REPEATED" && tree.children.length === 1) {
    const built = planElement(tree, repeated, within(levels), leaves);
    return listOf(element.name, nullable, built, levels, new List(built.field));
  }
  const isMap = annotation === "MAP" || annotation === "MAP_KEY_VALUE";
  if (isMap && repeated?.element.repetition_type === "REPEATED" && repeated.children.length === 2) {
    const { type, node } = planStruct(repeated, within(levels), false, leaves);
    const entries = new Field("entries", type, false);
    return listOf(element.name, nullable, { field: entries, node }, levels, new Map_(entries));
  }
  if (annotation === "VARIANT") throw unsupported(tree.path.join("."), "VARIANT");
  const { type, node } = planStruct(tree, levels, nullable, leaves);
  return { field: new Field(element.name, type, nullable), node };
}

function planStruct(tree: Tree, levels: Levels, nullable: boolean, leaves: Leaf[]): { type: Struct; node: Group } {
  const built = tree.children.map((child) => plan(child, levels, leaves));
  const type = new Struct(built.map(({ field }) => field));
  return { type, node: { kind: "struct", type, children: built.map(({ node }) => node), nullable, ...levels } };
}

/** The element of a LIST group: the child of the repeated group, or by older rules the repeated node itself. */
function planElement(list: Tree, repeated: Tree, levels: Levels, leaves: Leaf[]): Built {
  const { name } = repeated.element;
  const only = repeated.children[0];
  const itself = repeated.children.length !== 1 || name === "array" || name === `${list.element.name}_tuple`;
  if (!itself && only !== undefined) return plan(only, levels, leaves);
  if (repeated.children.length === 0) return planSingle(repeated, levels, leaves);
  const { type, node } = planStruct(repeated, levels, false, leaves);
  return { field: new Field(name, type, false), node };
}

function leafType(element: SchemaElement, path: string): DataType {
  const logical = element.logical_type;
  const converted = element.converted_type;
  if (logical?.type === "NULL") return new Null();
  if (logical?.type === "DECIMAL" || converted === "DECIMAL") return decimalType(element, path);
  switch (element.type) {
    case "BOOLEAN":
      return new Bool();
    case "INT32":
      if (logical?.type === "DATE" || converted === "DATE") return new DateDay();
      if (logical?.type === "TIME" || converted === "TIME_MILLIS") return new TimeMillisecond();
      return intType(element, 32);
    case "INT64":
      if (logical?.type === "TIME") return logical.unit === "NANOS" ? new TimeNanosecond() : new TimeMicrosecond();
      if (converted === "TIME_MICROS") return new TimeMicrosecond();
      if (logical?.type === "TIMESTAMP")
        return new Timestamp(UNITS[logical.unit], logical.isAdjustedToUTC ? "UTC" : null);
      if (converted === "TIMESTAMP_MILLIS") return new Timestamp(TimeUnit.MILLISECOND, "UTC");
      if (converted === "TIMESTAMP_MICROS") return new Timestamp(TimeUnit.MICROSECOND, "UTC");
      return intType(element, 64);
    case "INT96":
      return new Timestamp(TimeUnit.NANOSECOND, null);
    case "FLOAT":
      return new Float32();
    case "DOUBLE":
      return new Float64();
    case "BYTE_ARRAY":
      return isText(element) ? new Utf8() : new Binary();
    case "FIXED_LEN_BYTE_ARRAY": {
      const width = element.type_length ?? 0;
      if (width < 1 || width > 2 ** 20) throw new CorruptError(`column "${path}" has fixed length ${width}`);
      if (converted === "INTERVAL") throw unsupported(path, "INTERVAL");
      return logical?.type === "FLOAT16" && width === 2 ? new Float16() : new FixedSizeBinary(width);
    }
    default:
      throw unsupported(path, String(element.type));
  }
}

const UNITS = { MILLIS: TimeUnit.MILLISECOND, MICROS: TimeUnit.MICROSECOND, NANOS: TimeUnit.NANOSECOND } as const;

function isText(element: SchemaElement): boolean {
  const text = ["STRING", "ENUM", "JSON", "UTF8"];
  return text.includes(element.logical_type?.type ?? "") || text.includes(element.converted_type ?? "");
}

function intType(element: SchemaElement, physical: 32 | 64): Int {
  const { logical_type: logical, converted_type: converted } = element;
  if (logical?.type === "INTEGER") {
    const width = ([8, 16, 32, 64] as const).find((one) => one === logical.bitWidth);
    if (width !== undefined && (width === 64) === (physical === 64)) return new Int(logical.isSigned, width);
  }
  const match = /^(U?)INT_(8|16|32)$/.exec(converted ?? "");
  if (match !== null && physical === 32) {
    const width = match[2] === "8" ? 8 : match[2] === "16" ? 16 : 32;
    return new Int(match[1] === "", width);
  }
  return new Int(converted !== "UINT_64", physical);
}

function decimalType(element: SchemaElement, path: string): Decimal {
  const logical = element.logical_type;
  const stated = logical?.type === "DECIMAL" ? logical : element;
  const precision = stated.precision ?? 0;
  const scale = stated.scale ?? 0;
  if (precision < 1 || scale < 0 || scale > precision)
    throw new CorruptError(`column "${path}" is decimal(${precision}, ${scale})`);
  const stored = ["INT32", "INT64", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"].includes(element.type ?? "");
  if (precision > 76 || !stored) throw unsupported(path, `decimal(${precision}, ${scale}) in ${element.type}`);
  return new Decimal(scale, precision, precision > 38 ? 256 : 128);
}

function unsupported(path: string, what: string): UsageError {
  return new UsageError(
    `column "${path}" has type ${what}, which cannot be read; leave it out or cast it when writing the file`,
  );
}
