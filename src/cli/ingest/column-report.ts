/**
 * The statistics of a column as they are reported: means worked out, values as text or JSON.
 *
 * @module
 */
import { Type } from "apache-arrow";
import type { FieldLike, TypeLike } from "../../arrow/shape.js";
import { typeName } from "../../arrow/type-name.js";
import { columnKind } from "./column-kind.js";
import type { ColumnStatistics } from "./column-tally.js";
import { meanOf, valueText } from "./value-text.js";

/** A value in JSON: what a JSON number cannot hold, dates, times and decimals are strings. */
type JsonValue = number | string | boolean | null;

/** One column in the JSON output. */
export interface ColumnReport {
  readonly name: string;
  readonly type: string;
  readonly rows: number;
  readonly nulls: number;
  /** Of numbers, dates, times, durations, decimals and bools; the mean of a bool is the share that is true. */
  readonly min?: JsonValue;
  readonly max?: JsonValue;
  readonly mean?: JsonValue;
  /** Of strings and binary: bytes of the shortest, of the longest, and on average. */
  readonly minBytes?: JsonValue;
  readonly maxBytes?: JsonValue;
  readonly meanBytes?: JsonValue;
  /** Eight hexadecimal digits. */
  readonly checksum: string;
  readonly children?: readonly ColumnReport[];
}

/** One column in the table. */
export interface ColumnCells {
  readonly name: string;
  readonly type: string;
  readonly nulls: string;
  readonly min: string;
  readonly max: string;
  readonly mean: string;
  readonly checksum: string;
}

/** For `--json`. */
export function columnReport(field: FieldLike, statistics: ColumnStatistics): ColumnReport {
  const { rows, nulls, min, max, children } = statistics;
  const { value, mean, isLength } = interpreted(field.type, statistics);
  const json = (number: number | bigint | undefined): JsonValue => jsonValue(value, number);
  const values = isLength
    ? { minBytes: json(min), maxBytes: json(max), meanBytes: json(mean) }
    : statistics.sum === undefined
      ? {}
      : { min: json(min), max: json(max), mean: meanJson(value, mean) };
  return {
    name: field.name,
    type: typeName(field.type),
    rows,
    nulls,
    ...values,
    checksum: hex(statistics.checksum),
    ...(children.length === 0
      ? {}
      : { children: childFields(field).map((child, i) => columnReport(child, children[i] ?? statistics)) }),
  };
}

/** For the table: the column, and its children under it, indented. */
export function columnCells(field: FieldLike, statistics: ColumnStatistics, indent = ""): ColumnCells[] {
  const { nulls, min, max, children } = statistics;
  const { value, mean, isLength } = interpreted(field.type, statistics);
  const text = (number: number | bigint | undefined): string => {
    if (number === undefined) return "";
    if (isLength) return `${rounded(number)} B`;
    return typeof number === "number" ? floatText(value, number) : valueText(value, number).replace("T", " ");
  };
  const cells = {
    name: `${indent}${field.name}`,
    type: typeName(field.type),
    nulls: String(nulls),
    min: text(min),
    max: text(max),
    mean: text(mean),
    checksum: hex(statistics.checksum),
  };
  const below = childFields(field).flatMap((child, i) => {
    const found = children[i];
    return found === undefined ? [] : columnCells(child, found, `${indent}  `);
  });
  return [cells, ...below];
}

interface Interpreted {
  /** Type of the values: of a dictionary its values'. */
  readonly value: TypeLike;
  readonly mean: number | bigint | undefined;
  /** True when minimum, maximum and mean are of lengths in bytes. */
  readonly isLength: boolean;
}

function interpreted(type: TypeLike, { sum, rows, nulls }: ColumnStatistics): Interpreted {
  const value = type.dictionary ?? type;
  const isLength = columnKind(value).is === "text";
  const valid = rows - nulls;
  const mean = sum === undefined ? undefined : isLength ? Number(sum) / valid : meanOf(value, sum, valid);
  return { value, mean: valid === 0 ? undefined : mean, isLength };
}

function childFields(field: FieldLike): readonly FieldLike[] {
  return field.type.typeId === Type.Dictionary ? [] : (field.type.children ?? []);
}

/** The mean of a bool is a number, the share that is true. */
function meanJson(type: TypeLike, mean: number | bigint | undefined): JsonValue {
  return type.typeId === Type.Bool && mean !== undefined ? Number(mean) : jsonValue(type, mean);
}

function jsonValue(type: TypeLike, value: number | bigint | undefined): JsonValue {
  if (value === undefined) return null;
  if (type.typeId === Type.Bool) return value === 1;
  if (type.typeId === Type.Int || type.typeId === Type.Float || columnKind(type).is === "text") {
    const number = Number(value);
    if (typeof value === "bigint") return Number.isSafeInteger(number) ? number : String(value);
    return Number.isFinite(number) ? number : String(number);
  }
  return valueText(type, value);
}

function floatText(type: TypeLike, value: number): string {
  const isNumber = type.typeId === Type.Int || type.typeId === Type.Float || type.typeId === Type.Bool;
  if (!isNumber) return valueText(type, value).replace("T", " ");
  if (type.typeId === Type.Bool && Number.isInteger(value)) return valueText(type, value);
  return rounded(value);
}

/** Whole numbers as they are, others to six digits. */
function rounded(value: number | bigint): string {
  if (typeof value === "bigint" || Number.isSafeInteger(value)) return String(value);
  return String(Number(value.toPrecision(6)));
}

function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, "0");
}
