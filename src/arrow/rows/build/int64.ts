/**
 * Columns of 64-bit integers, and of everything that is stored as one. Buffers: values.
 *
 * A number is written as two words, so that no bigint is made for it.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import { arrowData } from "../../data.js";
import { isDate } from "../value-kinds.js";
import { type BuilderSpec, ColumnBuilder, firstLength, worthKeeping } from "./column-builder.js";

const LEAST_INT64 = -(2n ** 63n);
const MOST_INT64 = 2n ** 63n - 1n;
const MOST_UINT64 = 2n ** 64n - 1n;

/** What every column of 64-bit values does, whatever it accepts. */
abstract class Int64Column extends ColumnBuilder {
  readonly #class: BigInt64ArrayConstructor | BigUint64ArrayConstructor;
  #words = new Int32Array(2 * firstLength(8));
  #wide: BigInt64Array | BigUint64Array;

  constructor(spec: BuilderSpec) {
    super(spec);
    this.#class = spec.type.ArrayType === BigUint64Array ? BigUint64Array : BigInt64Array;
    this.#wide = new this.#class(this.#words.buffer);
  }

  override get bytes(): number {
    return 8 * this.length + this.validityBytes;
  }

  /** Appends a bigint (of 64 bits, signed or not) or a safe integer, unchecked. */
  push(value: number | bigint): void {
    const row = this.length;
    if (row === this.#wide.length) this.#grow(row + 1);
    if (typeof value === "bigint") {
      this.#wide[row] = value;
    } else {
      this.#words[2 * row] = value;
      this.#words[2 * row + 1] = Math.floor(value / 4_294_967_296);
    }
    this.next();
  }

  override appendFiller(): void {
    this.push(0);
  }

  override truncate(length: number): void {
    this.truncateRows(length);
  }

  override clear(): void {
    this.clearRows();
    if (!worthKeeping(this.#words)) this.#use(new Int32Array(2 * firstLength(8)));
  }

  override data(): Data {
    const { type, length, nulls } = this;
    return arrowData(type, length, nulls, { values: this.#wide.slice(0, length), validity: this.validity() });
  }

  protected override valueKey(row: number): string {
    return String(this.#wide[row]);
  }

  #grow(least: number): void {
    const grown = new Int32Array(2 * this.grownLength(this.#wide, least));
    grown.set(this.#words);
    this.#use(grown);
  }

  #use(words: Int32Array<ArrayBuffer>): void {
    this.#words = words;
    this.#wide = new this.#class(words.buffer);
  }
}

/** Integers, from bigints or from numbers that hold them exactly. */
export class WideIntegerColumn extends Int64Column {
  readonly #least: bigint;
  readonly #most: bigint;
  readonly #leastNumber: number;
  readonly #mostNumber: number;
  readonly #name: string;

  /**
   * @param name what the integers are, for error messages
   * @param end where given, the least integer that is too large, and 0 is the least
   */
  constructor(spec: BuilderSpec, name: string, signed: boolean, end?: bigint) {
    super(spec);
    this.#name = name;
    this.#least = signed && end === undefined ? LEAST_INT64 : 0n;
    this.#most = end === undefined ? (signed ? MOST_INT64 : MOST_UINT64) : end - 1n;
    this.#leastNumber = Number(this.#least);
    this.#mostNumber = Number(this.#most);
  }

  protected override get expected(): string {
    return `a bigint or a safe integer from ${this.#least} to ${this.#most} (${this.#name})`;
  }

  override append(value: unknown): void {
    if (typeof value === "number") {
      // A number is compared with numbers: with bigints that takes ten times as long.
      const fits = Number.isSafeInteger(value) && value >= this.#leastNumber && value <= this.#mostNumber;
      if (!fits) this.refuse(value);
      this.push(value);
    } else if (typeof value === "bigint") {
      if (value < this.#least || value > this.#most) this.refuse(value);
      this.push(value);
    } else this.appendAbsent(value);
  }
}

const MILLISECONDS_PER_SECOND = 1_000;
/** Units per millisecond where they are finer than one, by the unit's number. */
const PER_MILLISECOND = [0n, 1n, 1_000n, 1_000_000n] as const;

/** Most units before and after 1970-01-01 that a Date can tell, or the type hold, by the unit's number. */
const MOST_UNITS = [8_640_000_000_000n, 8_640_000_000_000_000n, 8_640_000_000_000_000_000n, MOST_INT64] as const;

/** Instants, from a Date or from a bigint in the type's unit. A Date is stored exactly or refused, and so is what could not be
 * read as one: nanoseconds are read as bigints. */
export class TimestampColumn extends Int64Column {
  readonly #unit: number;
  readonly #least: bigint;
  readonly #most: bigint;

  /** @param unit 0 seconds, 1 milliseconds, 2 microseconds, 3 nanoseconds */
  constructor(spec: BuilderSpec, unit: number) {
    super(spec);
    this.#unit = unit;
    this.#most = MOST_UNITS[unit] ?? MOST_INT64;
    this.#least = this.#most === MOST_INT64 ? LEAST_INT64 : -this.#most;
  }

  protected override get expected(): string {
    const unit = ["seconds", "milliseconds", "microseconds", "nanoseconds"][this.#unit];
    return `a valid Date, or a bigint of ${unit} since 1970-01-01`;
  }

  override append(value: unknown): void {
    if (isDate(value)) this.#appendDate(value);
    else if (typeof value === "bigint" && value <= this.#most && value >= this.#least) this.push(value);
    else if (typeof value === "bigint") this.refuse(value, `${this.expected}, from ${this.#least} to ${this.#most}`);
    else this.appendAbsent(value);
  }

  #appendDate(date: Date): void {
    const milliseconds = date.getTime();
    if (Number.isNaN(milliseconds)) this.refuse(date);
    if (this.#unit === 1) {
      this.push(milliseconds);
    } else if (this.#unit === 0) {
      if (milliseconds % MILLISECONDS_PER_SECOND !== 0) {
        this.refuse(date, "whole seconds: round it first, or store milliseconds");
      }
      this.push(milliseconds / MILLISECONDS_PER_SECOND);
    } else {
      const value = BigInt(milliseconds) * (PER_MILLISECOND[this.#unit] ?? 1n);
      if (value < LEAST_INT64 || value > MOST_INT64) {
        this.refuse(date, "a Date from 1677-09-21 to 2262-04-11, as nanoseconds reach");
      }
      this.push(value);
    }
  }
}

const MILLISECONDS_PER_DAY = 86_400_000;

/** Whole days, stored in milliseconds. */
export class DateMillisecondColumn extends Int64Column {
  protected override get expected(): string {
    return WHOLE_DAY;
  }

  override append(value: unknown): void {
    const days = isDate(value) ? wholeDays(value) : undefined;
    if (days !== undefined) this.push(days * MILLISECONDS_PER_DAY);
    else this.appendAbsent(value);
  }
}

/** What {@link wholeDays} accepts, for error messages. */
export const WHOLE_DAY =
  "a valid Date at midnight UTC (a time of day would be lost; new Date(2024, 0, 31) is local time)";

/** Days since 1970-01-01 of a Date without a time of day in UTC; undefined for every other. */
export function wholeDays(date: Date): number | undefined {
  const days = date.getTime() / MILLISECONDS_PER_DAY;
  return Number.isInteger(days) ? days : undefined;
}
