/**
 * A function for every Arrow type that is not made of others, for `schema({ … })`; those that are: `nested-column-types.ts`. Columns are
 * not null unless `.nullable()` says so.
 *
 * What each takes and gives is said in `src/arrow/rows/row-builder.ts` and `row-reader.ts`.
 *
 * @module
 */
import {
  Binary,
  Bool,
  DateDay,
  DateMillisecond,
  Decimal,
  Duration,
  FixedSizeBinary,
  Float16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  IntervalDayTime,
  IntervalYearMonth,
  LargeBinary,
  LargeUtf8,
  Null,
  Time,
  Timestamp,
  TimeUnit,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from "apache-arrow";
import { UsageError } from "../errors.js";
import { type AnyColumnType, ColumnType } from "./column-type.js";
import { MOST_32_BITS, whole } from "./whole.js";

/** Seconds, milliseconds, microseconds, nanoseconds. */
export type TimeUnitName = "s" | "ms" | "us" | "ns";

const TIME_UNITS: Readonly<Record<TimeUnitName, TimeUnit>> = {
  s: TimeUnit.SECOND,
  ms: TimeUnit.MILLISECOND,
  us: TimeUnit.MICROSECOND,
  ns: TimeUnit.NANOSECOND,
};

type Bytes = ArrayBufferView | ArrayBuffer;

export function bool(): ColumnType<boolean, boolean> {
  return new ColumnType(new Bool(), false);
}

export function int8(): ColumnType<number, number, Int8Array> {
  return new ColumnType(new Int8(), false);
}

export function int16(): ColumnType<number, number, Int16Array> {
  return new ColumnType(new Int16(), false);
}

export function int32(): ColumnType<number, number, Int32Array> {
  return new ColumnType(new Int32(), false);
}

/** Taken as bigint or as a safe integer, read as bigint. */
export function int64(): ColumnType<bigint | number, bigint, BigInt64Array> {
  return new ColumnType(new Int64(), false);
}

export function uint8(): ColumnType<number, number, Uint8Array> {
  return new ColumnType(new Uint8(), false);
}

export function uint16(): ColumnType<number, number, Uint16Array> {
  return new ColumnType(new Uint16(), false);
}

export function uint32(): ColumnType<number, number, Uint32Array> {
  return new ColumnType(new Uint32(), false);
}

/** Taken as bigint or as a safe integer, read as bigint. */
export function uint64(): ColumnType<bigint | number, bigint, BigUint64Array> {
  return new ColumnType(new Uint64(), false);
}

/** Numbers are rounded to 11 bits of precision. */
export function float16(): ColumnType<number, number, Float32Array> {
  return new ColumnType(new Float16(), false);
}

/** Numbers are rounded to 24 bits of precision. */
export function float32(): ColumnType<number, number, Float32Array> {
  return new ColumnType(new Float32(), false);
}

export function float64(): ColumnType<number, number, Float64Array> {
  return new ColumnType(new Float64(), false);
}

export function utf8(): ColumnType<string, string> {
  return new ColumnType(new Utf8(), false);
}

/** Strings of which a batch may hold more than 2 GiB, for data that says so elsewhere; `utf8` otherwise. */
export function largeUtf8(): ColumnType<string, string> {
  return new ColumnType(new LargeUtf8(), false);
}

export function binary(): ColumnType<Bytes, Uint8Array> {
  return new ColumnType(new Binary(), false);
}

/** Binary values of which a batch may hold more than 2 GiB, for data that says so elsewhere; `binary` otherwise. */
export function largeBinary(): ColumnType<Bytes, Uint8Array> {
  return new ColumnType(new LargeBinary(), false);
}

/** @param byteWidth bytes of every value, from 1 to 2^31 - 1 */
export function fixedSizeBinary(byteWidth: number): ColumnType<Bytes, Uint8Array> {
  return new ColumnType(new FixedSizeBinary(whole("byteWidth", byteWidth, 1, MOST_32_BITS)), false);
}

/**
 * Decimals, taken as text (`"-1.50"`) or as a bigint in units of 10^-scale, read as text.
 *
 * @param precision digits, from 1 to 38
 * @param scale how many of them stand after the point; negative: how many zeros before it are left out
 */
export function decimal(precision: number, scale: number): ColumnType<string | bigint, string> {
  return decimalOf(precision, scale, 38, 128);
}

/** Decimals of up to 76 digits. */
export function decimal256(precision: number, scale: number): ColumnType<string | bigint, string> {
  return decimalOf(precision, scale, 76, 256);
}

/** Days, taken and read as Dates at midnight UTC. */
export function date(): ColumnType<Date, Date> {
  return new ColumnType(new DateDay(), false);
}

/** Days that are stored as milliseconds, for data that says so elsewhere; `date` otherwise. */
export function dateMillisecond(): ColumnType<Date, Date> {
  return new ColumnType(new DateMillisecond(), false);
}

/** Times of day, as numbers of the unit; read as bigint in microseconds and nanoseconds. */
export function time<U extends TimeUnitName>(
  unit: U,
): U extends "s" | "ms" ? ColumnType<number, number> : ColumnType<bigint | number, bigint>;
export function time(unit: TimeUnitName): AnyColumnType {
  const bits = unit === "s" || unit === "ms" ? 32 : 64;
  return new ColumnType(new Time(timeUnit(unit), bits), false);
}

/**
 * Instants, taken as Date or as a bigint of the unit since 1970-01-01 UTC. Read as Date; in nanoseconds, which a Date does not have, as
 * bigint.
 *
 * @param timezone where they are to be shown, `"UTC"` or `"Europe/Berlin"`; left out, they are of no time zone
 */
export function timestamp<U extends TimeUnitName>(
  unit: U,
  timezone: string | null = null,
): ColumnType<Date | bigint, U extends "ns" ? bigint : Date> {
  return new ColumnType(new Timestamp(timeUnit(unit), timezone), false);
}

/** Lengths of time, as bigint or safe integers of the unit; read as bigint. */
export function duration(unit: TimeUnitName): ColumnType<bigint | number, bigint> {
  return new ColumnType(new Duration(timeUnit(unit)), false);
}

/** Numbers of months. */
export function intervalYearMonth(): ColumnType<number, number> {
  return new ColumnType(new IntervalYearMonth(), false);
}

/** [days, milliseconds]. */
export function intervalDayTime(): ColumnType<readonly [number, number], [number, number]> {
  return new ColumnType(new IntervalDayTime(), false);
}

/** Nothing but null. */
export function nulls(): ColumnType<null | undefined, null> {
  return new ColumnType(new Null(), true);
}

function decimalOf(
  precision: number,
  scale: number,
  most: number,
  bits: 128 | 256,
): ColumnType<string | bigint, string> {
  whole("precision", precision, 1, most);
  return new ColumnType(new Decimal(whole("scale", scale, -most, most), precision, bits), false);
}

function timeUnit(unit: TimeUnitName): TimeUnit {
  if (Object.hasOwn(TIME_UNITS, unit)) return TIME_UNITS[unit];
  throw new UsageError(`the time unit is ${JSON.stringify(unit)}; expected "s", "ms", "us" or "ns"`);
}
