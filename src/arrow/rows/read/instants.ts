/**
 * Readers of what becomes a Date: dates, and timestamps but those in nanoseconds.
 *
 * A Date holds milliseconds, up to 275,760 years from 1970. Microseconds are cut to the millisecond before, and what lies further
 * away becomes an invalid Date.
 *
 * @module
 */
import type { DataLike } from "../../shape.js";
import { ValueReader, viewOf } from "./value-reader.js";

const MILLISECONDS_PER_DAY = 86_400_000;

/** Days since 1970-01-01. */
export class DayReader extends ValueReader {
  #values = new Int32Array(0);

  protected override attachValues(data: DataLike): void {
    this.#values = viewOf(Int32Array, data.values);
  }

  protected override value(row: number): unknown {
    return new Date((this.#values[row] ?? 0) * MILLISECONDS_PER_DAY);
  }
}

/** Seconds, milliseconds or microseconds since 1970-01-01, in 64 bits. */
export class InstantReader extends ValueReader {
  readonly #millisecondsPerUnit: number;
  /** Two words a row: no bigint is made. */
  #words = new Int32Array(0);

  constructor(millisecondsPerUnit: 1_000 | 1 | 0.001) {
    super();
    this.#millisecondsPerUnit = millisecondsPerUnit;
  }

  protected override attachValues(data: DataLike): void {
    this.#words = viewOf(Int32Array, data.values);
  }

  protected override value(row: number): unknown {
    const lower = (this.#words[2 * row] ?? 0) >>> 0;
    const upper = this.#words[2 * row + 1] ?? 0;
    // Exact below 2^53. Microseconds reach further within a Date's range: their words are divided one by one.
    if (this.#millisecondsPerUnit < 1) return new Date(milliseconds(upper, lower));
    return new Date((upper * 4_294_967_296 + lower) * this.#millisecondsPerUnit);
  }
}

/** A thousandth of upper × 2^32 + lower, rounded down: exact, as every intermediate number is below 2^53 or a multiple of 2^32. */
function milliseconds(upper: number, lower: number): number {
  const quotient = Math.floor(upper / 1_000);
  const rest = upper - 1_000 * quotient;
  return quotient * 4_294_967_296 + Math.floor((rest * 4_294_967_296 + lower) / 1_000);
}
