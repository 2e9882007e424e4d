/**
 * Building one Arrow column from values that arrive one at a time, as text (CSV) or as what JSON gives.
 *
 * Values go straight into typed arrays that double when they are full. A value that does not fit the type is refused; that ends
 * the reading, so what a refused struct or list left behind in its children does not matter. `finish` gives the column and starts
 * the next one.
 *
 * @module
 */

import { Data, DataType, TimeUnit } from "apache-arrow";
import { UsageError } from "../errors.js";
import { parseIsoTime } from "./iso-time.js";
import { ListBuilder, StructBuilder } from "./nested-builder.js";
import { fitsInt64, parseBoolean, parseFloatText, parseInteger } from "./scalar-text.js";
import { Validity } from "./validity.js";

/** Builds one column. */
export interface ColumnBuilder {
  readonly length: number;
  /** Appends a text that is not empty. False when it does not fit. */
  appendText(text: string): boolean;
  /** Appends a JSON value that is not null. False when it does not fit. */
  appendJson(value: unknown): boolean;
  appendNull(): void;
  /** The column of what was appended since the last call. */
  finish(): Data;
}

/** Types whose columns take any JSON value, as its text: those that inference found mixed. */
export type JsonTextTypes = ReadonlySet<DataType>;

/** A builder for a type. @throws UsageError naming the column when rows of text cannot hold the type. */
export function columnBuilder(type: DataType, path: string, jsonText: JsonTextTypes): ColumnBuilder {
  if (DataType.isUtf8(type)) return new Utf8Builder(type, jsonText.has(type));
  if (DataType.isInt(type))
    return type.bitWidth === 64 ? new Int64Builder(type, integer(type.isSigned)) : narrowInt(type);
  if (DataType.isFloat(type) && type.precision > 0) return new NumberBuilder(type, parseFloatText, isNumber);
  if (DataType.isBool(type)) return new BoolBuilder(type);
  if (DataType.isTimestamp(type)) return new Int64Builder(type, timestamp(type.unit, Boolean(type.timezone)));
  if (DataType.isDate(type) && type.ArrayType === Int32Array) return new NumberBuilder(type, days, () => false);
  if (DataType.isStruct(type)) {
    const builders = type.children.map((field) => columnBuilder(field.type, `${path}.${field.name}`, jsonText));
    return new StructBuilder(type, builders);
  }
  if (DataType.isList(type)) return new ListBuilder(type, columnBuilder(type.valueType, `${path}[]`, jsonText));
  throw new UsageError(`column "${path}": rows of text cannot be read as ${type}`);
}

type Parse = (text: string) => number | undefined;

function isNumber(value: unknown): boolean {
  return typeof value === "number" || typeof value === "bigint";
}

function narrowInt(type: DataType & { bitWidth: number; isSigned: boolean }): ColumnBuilder {
  const least = type.isSigned ? -(2 ** (type.bitWidth - 1)) : 0;
  const most = 2 ** (type.isSigned ? type.bitWidth - 1 : type.bitWidth) - 1;
  const fits = (value: unknown) =>
    typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
  const parse = (text: string) => {
    const value = parseInteger(text);
    return typeof value === "number" && fits(value) ? value : undefined;
  };
  return new NumberBuilder(type, parse, fits);
}

/** Days since 1970-01-01 of a date without a time. */
function days(text: string): number | undefined {
  const time = text.length === 10 ? parseIsoTime(text) : undefined;
  return time === undefined ? undefined : time.seconds / 86_400;
}

type ToInt64 = (value: unknown) => number | bigint | undefined;

function integer(signed: boolean): ToInt64 {
  return (value) => {
    const whole = typeof value === "string" ? parseInteger(value) : value;
    if (typeof whole === "number") return Number.isSafeInteger(whole) && (signed || whole >= 0) ? whole : undefined;
    if (typeof whole !== "bigint") return undefined;
    const fits = signed ? fitsInt64(whole) : whole >= 0n && whole < 2n ** 64n;
    return fits ? whole : undefined;
  };
}

const PER_SECOND: Readonly<Record<TimeUnit, { scale: bigint; digits: number }>> = {
  [TimeUnit.SECOND]: { scale: 1n, digits: 0 },
  [TimeUnit.MILLISECOND]: { scale: 1_000n, digits: 3 },
  [TimeUnit.MICROSECOND]: { scale: 1_000_000n, digits: 6 },
  [TimeUnit.NANOSECOND]: { scale: 1_000_000_000n, digits: 9 },
};

function timestamp(unit: TimeUnit, zoned: boolean): ToInt64 {
  const { scale, digits } = PER_SECOND[unit];
  return (value) => {
    const time = typeof value === "string" ? parseIsoTime(value) : undefined;
    if (time === undefined || time.zoned !== zoned || time.digits > digits) return undefined;
    const fraction = Math.trunc(time.nanos / 10 ** (9 - digits));
    const whole = BigInt(time.seconds) * scale + BigInt(fraction);
    return fitsInt64(whole) ? whole : undefined;
  };
}

const FIRST_CAPACITY = 1024;

/** Numbers of at most 53 bits. */
class NumberBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #parse: Parse;
  readonly #fits: (value: unknown) => boolean;
  readonly #validity = new Validity();
  #values: Int32Array;

  constructor(type: DataType, parse: Parse, fits: (value: unknown) => boolean) {
    this.#type = type;
    this.#parse = parse;
    this.#fits = fits;
    this.#values = new type.ArrayType(FIRST_CAPACITY);
  }

  get length(): number {
    return this.#validity.length;
  }

  appendText(text: string): boolean {
    const value = this.#parse(text);
    return value !== undefined && this.#append(value);
  }

  appendJson(value: unknown): boolean {
    if (typeof value === "string" && DataType.isDate(this.#type)) return this.appendText(value);
    return this.#fits(value) && this.#append(Number(value));
  }

  appendNull(): void {
    this.#append(0);
    this.#validity.clearLast();
  }

  finish(): Data {
    const { length, nulls, bitmap } = this.#validity.finish();
    const values = this.#values.slice(0, length);
    return new Data<DataType>(this.#type, 0, length, nulls, { 1: values, 2: bitmap });
  }

  #append(value: number): boolean {
    const at = this.#validity.append();
    if (at === this.#values.length) {
      const grown: Int32Array = new this.#type.ArrayType(at * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[at] = value;
    return true;
  }
}

/** 64-bit integers, written as two words so that no bigint is made for those that a number can hold. */
class Int64Builder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #convert: ToInt64;
  readonly #validity = new Validity();
  #words = new Int32Array(FIRST_CAPACITY * 2);
  #wide = new BigInt64Array(this.#words.buffer);

  constructor(type: DataType, convert: ToInt64) {
    this.#type = type;
    this.#convert = convert;
  }

  get length(): number {
    return this.#validity.length;
  }

  appendText(text: string): boolean {
    return this.#append(this.#convert(text));
  }

  appendJson(value: unknown): boolean {
    // A number in quotes is a text; only timestamps are written as texts.
    if (typeof value === "string" && DataType.isInt(this.#type)) return false;
    return this.#append(this.#convert(value));
  }

  appendNull(): void {
    this.#append(0);
    this.#validity.clearLast();
  }

  finish(): Data {
    const { length, nulls, bitmap } = this.#validity.finish();
    const values = new this.#type.ArrayType(this.#words.slice(0, length * 2).buffer);
    return new Data<DataType>(this.#type, 0, length, nulls, { 1: values, 2: bitmap });
  }

  #append(value: number | bigint | undefined): boolean {
    if (value === undefined) return false;
    const at = this.#validity.append();
    if (at === this.#wide.length) {
      const grown = new Int32Array(at * 4);
      grown.set(this.#words);
      this.#words = grown;
      this.#wide = new BigInt64Array(grown.buffer);
    }
    if (typeof value === "bigint") {
      this.#wide[at] = value;
    } else {
      this.#words[at * 2] = value;
      this.#words[at * 2 + 1] = Math.floor(value / 2 ** 32);
    }
    return true;
  }
}

class BoolBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #validity = new Validity();
  #flags: Uint8Array = new Uint8Array(FIRST_CAPACITY);

  constructor(type: DataType) {
    this.#type = type;
  }

  get length(): number {
    return this.#validity.length;
  }

  appendText(text: string): boolean {
    return this.appendJson(parseBoolean(text));
  }

  appendJson(value: unknown): boolean {
    if (typeof value !== "boolean") return false;
    const at = this.#validity.append();
    if (at === this.#flags.length) {
      const grown = new Uint8Array(at * 2);
      grown.set(this.#flags);
      this.#flags = grown;
    }
    this.#flags[at] = value ? 1 : 0;
    return true;
  }

  appendNull(): void {
    this.appendJson(false);
    this.#validity.clearLast();
  }

  finish(): Data {
    const { length, nulls, bitmap } = this.#validity.finish();
    const values = new Uint8Array(Math.ceil(length / 8));
    for (let i = 0; i < length; i++) if (this.#flags[i] === 1) values[i >> 3] = (values[i >> 3] ?? 0) | (1 << (i & 7));
    return new Data<DataType>(this.#type, 0, length, nulls, { 1: values, 2: bitmap });
  }
}

const FIRST_TEXT_BYTES = 16 * 1024;
const MAX_TEXT_BYTES = 2 ** 31 - 1;

class Utf8Builder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #anyJson: boolean;
  readonly #validity = new Validity();
  #offsets = new Int32Array(FIRST_CAPACITY + 1);
  #bytes = Buffer.alloc(FIRST_TEXT_BYTES);
  #end = 0;

  constructor(type: DataType, anyJson: boolean) {
    this.#type = type;
    this.#anyJson = anyJson;
  }

  get length(): number {
    return this.#validity.length;
  }

  appendText(text: string): boolean {
    const most = text.length * 3;
    if (this.#end + most > MAX_TEXT_BYTES) return false;
    if (this.#end + most > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#end + most));
      grown.set(this.#bytes.subarray(0, this.#end));
      this.#bytes = grown;
    }
    this.#end += this.#bytes.write(text, this.#end, "utf8");
    this.#close();
    return true;
  }

  appendJson(value: unknown): boolean {
    if (typeof value === "string") return this.appendText(value);
    return this.#anyJson && this.appendText(jsonText(value));
  }

  appendNull(): void {
    this.#close();
    this.#validity.clearLast();
  }

  finish(): Data {
    const { length, nulls, bitmap } = this.#validity.finish();
    const offsets = this.#offsets.slice(0, length + 1);
    const values = new Uint8Array(this.#bytes.subarray(0, this.#end));
    this.#end = 0;
    return new Data<DataType>(this.#type, 0, length, nulls, { 0: offsets, 1: values, 2: bitmap });
  }

  #close(): void {
    const at = this.#validity.append();
    if (at + 1 === this.#offsets.length) {
      const grown = new Int32Array(at * 2 + 1);
      grown.set(this.#offsets);
      this.#offsets = grown;
    }
    this.#offsets[at + 1] = this.#end;
  }
}

function jsonText(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? Number(inner) : inner));
}
