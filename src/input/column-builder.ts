/**
 * Building one Arrow column from values that arrive one at a time, as text (CSV) or as what JSON gives.
 *
 * What is said here is which text, and which JSON value, is which value of the column's type; the columns themselves are those that rows
 * are put into. Text is taken as it comes: half of a surrogate pair, which JSON can write, becomes U+FFFD. A value that does not fit the
 * type is refused; that ends the reading, so what a refused struct or list left behind in its children does not matter.
 *
 * @module
 */

import { type Data, DataType, type Field, TimeUnit } from "apache-arrow";
import type { ColumnBuilder as RowColumn } from "../arrow/rows/build/column-builder.js";
import { columnBuilder as rowColumn } from "../arrow/rows/build/compile.js";
import { wellFormed } from "../arrow/rows/utf8.js";
import { UsageError } from "../errors.js";
import { parseIsoTime } from "./iso-time.js";
import { isJsonObject } from "./json-object.js";
import { fitsInt64, parseBoolean, parseFloatText, parseInteger } from "./scalar-text.js";

/** Types whose columns take any JSON value, as its text: those that inference found mixed. */
export type JsonTextTypes = ReadonlySet<DataType>;

/** Builds one column. */
export class ColumnBuilder {
  readonly #column: RowColumn;
  readonly #conversion: Conversion;

  /** @throws UsageError naming the column when rows of text cannot hold the type */
  constructor(type: DataType, path: string, jsonText: JsonTextTypes) {
    this.#conversion = conversionTo(type, path, jsonText);
    this.#column = rowColumn({ type, nullable: true, path: () => path });
  }

  get length(): number {
    return this.#column.length;
  }

  /** Appends a text that is not empty. False when it does not fit. */
  appendText(text: string): boolean {
    return this.#append(this.#conversion.text(text));
  }

  /** Appends a JSON value that is not null. False when it does not fit. */
  appendJson(value: unknown): boolean {
    return this.#append(this.#conversion.json(value));
  }

  appendNull(): void {
    this.#column.appendNull();
  }

  /** The column of what was appended since the last call. */
  finish(): Data {
    return this.#column.finish();
  }

  #append(value: unknown): boolean {
    if (value === undefined) return false;
    this.#column.append(value);
    return true;
  }
}

type Convert<Source> = (source: Source) => unknown;

/** What is put into the column for a text that is not empty, for a JSON value that is not null; undefined for one that does not fit. */
interface Conversion {
  readonly text: Convert<string>;
  readonly json: Convert<unknown>;
}

function conversionTo(type: DataType, path: string, jsonText: JsonTextTypes): Conversion {
  if (DataType.isUtf8(type)) return { text: wellFormed, json: jsonText.has(type) ? toText : stringOnly };
  if (DataType.isInt(type)) return toInteger(type.bitWidth, type.isSigned);
  if (DataType.isFloat(type) && type.precision > 0) return { text: parseFloatText, json: toFloat };
  if (DataType.isBool(type)) return { text: parseBoolean, json: booleanOnly };
  if (DataType.isTimestamp(type)) return ofTexts(toTimestamp(type.unit, Boolean(type.timezone)));
  if (DataType.isDate(type) && type.ArrayType === Int32Array) return ofTexts(toDate);
  const inner = (field: Field, innerPath: string): Convert<unknown> =>
    nullOr(conversionTo(field.type, innerPath, jsonText).json);
  if (DataType.isStruct(type)) {
    const fields: readonly Field[] = type.children;
    return {
      text: nothing,
      json: toStruct(new Map(fields.map((field) => [field.name, inner(field, `${path}.${field.name}`)]))),
    };
  }
  if (DataType.isList(type)) return { text: nothing, json: toList(inner(type.valueField, `${path}[]`)) };
  throw new UsageError(`column "${path}": rows of text cannot be read as ${type}`);
}

const nothing = (): undefined => undefined;

/** Types that JSON writes as texts. */
function ofTexts(text: Convert<string>): Conversion {
  return { text, json: (value) => (typeof value === "string" ? text(value) : undefined) };
}

function stringOnly(value: unknown): string | undefined {
  return typeof value === "string" ? wellFormed(value) : undefined;
}

/** Strings as they are, everything else as JSON. */
function toText(value: unknown): string {
  return typeof value === "string" ? wellFormed(value) : wellFormed(jsonOf(value));
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? Number(inner) : inner));
}

function toFloat(value: unknown): number | undefined {
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;
}

function booleanOnly(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

function toInteger(bits: number, signed: boolean): Conversion {
  const least = signed ? -(2 ** (bits - 1)) : 0;
  const most = 2 ** (signed ? bits - 1 : bits) - 1;
  const narrow = (value: unknown): unknown =>
    typeof value === "number" && Number.isInteger(value) && value >= least && value <= most ? value : undefined;
  const wide = (value: unknown): unknown => {
    if (typeof value === "number") return Number.isSafeInteger(value) && (signed || value >= 0) ? value : undefined;
    if (typeof value !== "bigint") return undefined;
    return (signed ? fitsInt64(value) : value >= 0n && value < 2n ** 64n) ? value : undefined;
  };
  const json = bits === 64 ? wide : narrow;
  return { text: (text) => json(parseInteger(text)), json };
}

const PER_SECOND: Readonly<Record<TimeUnit, { scale: bigint; digits: number }>> = {
  [TimeUnit.SECOND]: { scale: 1n, digits: 0 },
  [TimeUnit.MILLISECOND]: { scale: 1_000n, digits: 3 },
  [TimeUnit.MICROSECOND]: { scale: 1_000_000n, digits: 6 },
  [TimeUnit.NANOSECOND]: { scale: 1_000_000_000n, digits: 9 },
};

function toTimestamp(unit: TimeUnit, zoned: boolean): Convert<string> {
  const { scale, digits } = PER_SECOND[unit];
  return (text) => {
    const time = parseIsoTime(text);
    if (time === undefined || time.zoned !== zoned || time.digits > digits) return undefined;
    const fraction = Math.trunc(time.nanos / 10 ** (9 - digits));
    const whole = BigInt(time.seconds) * scale + BigInt(fraction);
    return fitsInt64(whole) ? whole : undefined;
  };
}

/** A date without a time. */
function toDate(text: string): Date | undefined {
  const time = text.length === 10 ? parseIsoTime(text) : undefined;
  return time === undefined ? undefined : new Date(time.seconds * 1_000);
}

function nullOr(convert: Convert<unknown>): Convert<unknown> {
  return (value) => (value === null || value === undefined ? null : convert(value));
}

/** Objects; a missing field is null, a field that the type does not have refuses the value. Copied where something in it is converted. */
function toStruct(fields: ReadonlyMap<string, Convert<unknown>>): Convert<unknown> {
  return (value) => {
    if (!isJsonObject(value)) return undefined;
    let converted = value;
    for (const key of Object.keys(value)) {
      const before = value[key];
      const after = fields.get(key)?.(before);
      if (after === undefined) return undefined;
      if (after === before) continue;
      if (converted === value) converted = { ...value };
      converted[key] = after;
    }
    return converted;
  };
}

/** Arrays, of any length; copied likewise. */
function toList(item: Convert<unknown>): Convert<unknown> {
  return (value) => {
    if (!Array.isArray(value)) return undefined;
    const before: readonly unknown[] = value;
    let converted: unknown[] | undefined;
    for (let i = 0; i < before.length; i++) {
      const after = item(before[i]);
      if (after === undefined) return undefined;
      if (after === before[i]) continue;
      converted ??= before.slice();
      converted[i] = after;
    }
    return converted ?? before;
  };
}
