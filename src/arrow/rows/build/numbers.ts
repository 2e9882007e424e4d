/**
 * Columns of numbers that a JavaScript number holds exactly once stored: integers of up to 32 bits, floats, days, times of 32 bits,
 * months. Buffers: values.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import { arrowData } from "../../data.js";
import { typeName } from "../../type-name.js";
import { decodeHalf, encodeHalf } from "../half-float.js";
import { type BuilderSpec, ColumnBuilder, firstLength, type GrowingArray, worthKeeping } from "./column-builder.js";

/** A typed array of numbers. */
export interface NumberArray extends GrowingArray, ArrayBufferView {
  [index: number]: number;
  set(values: ArrayLike<number>, offset?: number): void;
  slice(start: number, end: number): NumberArray;
}

/** Class of a typed array of numbers. */
export interface NumberArrayClass {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): NumberArray;
}

/** What every column of numbers does, whatever it accepts. */
export abstract class NumberColumn extends ColumnBuilder {
  readonly #class: NumberArrayClass;
  #values: NumberArray;

  constructor(spec: BuilderSpec, arrayClass: NumberArrayClass) {
    super(spec);
    this.#class = arrayClass;
    this.#values = new arrayClass(firstLength(arrayClass.BYTES_PER_ELEMENT));
  }

  override get bytes(): number {
    return this.length * this.#class.BYTES_PER_ELEMENT + this.validityBytes;
  }

  /** Appends the number as the array stores it, unchecked. */
  push(value: number): void {
    const row = this.length;
    if (row === this.#values.length) this.#grow(row + 1);
    this.#values[row] = value;
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
    if (!worthKeeping(this.#values)) this.#values = new this.#class(firstLength(this.#class.BYTES_PER_ELEMENT));
  }

  override data(): Data {
    const { type, length, nulls } = this;
    return arrowData(type, length, nulls, { values: this.#values.slice(0, length), validity: this.validity() });
  }

  /** The number stored for `row`. */
  stored(row: number): number {
    return this.#values[row] ?? Number.NaN;
  }

  protected override valueKey(row: number): string {
    const value = this.stored(row);
    return Object.is(value, -0) ? "-0" : String(value);
  }

  /** Appends numbers as the array stores them, unchecked. */
  protected pushAll(values: ArrayLike<number>, count: number): void {
    const row = this.length;
    if (row + count > this.#values.length) this.#grow(row + count);
    this.#values.set(values, row);
    this.nextRows(count);
  }

  #grow(least: number): void {
    const grown = new this.#class(this.grownLength(this.#values, least));
    grown.set(this.#values);
    this.#values = grown;
  }
}

/** Whole numbers within bounds. */
export class IntegerColumn extends NumberColumn {
  readonly #least: number;
  readonly #most: number;
  readonly #name: string;

  /** @param name what the numbers are, for error messages */
  constructor(spec: BuilderSpec, arrayClass: NumberArrayClass, least: number, most: number, name: string) {
    super(spec, arrayClass);
    this.#least = least;
    this.#most = most;
    this.#name = name;
  }

  protected override get expected(): string {
    return `a whole number from ${this.#least} to ${this.#most} (${this.#name})`;
  }

  override append(value: unknown): void {
    if (typeof value === "number" && value >= this.#least && value <= this.#most && Number.isInteger(value)) {
      this.push(value);
    } else this.appendAbsent(value);
  }

  override appendEach(items: ArrayLike<unknown>, count: number): void {
    if (this.#allFit(items, count)) this.pushAll(items, count);
    else super.appendEach(items, count);
  }

  #allFit(items: ArrayLike<unknown>, count: number): items is ArrayLike<number> {
    for (let i = 0; i < count; i++) {
      const item = items[i];
      if (typeof item !== "number" || !(item >= this.#least && item <= this.#most && Number.isInteger(item)))
        return false;
    }
    return items.length === count;
  }
}

/** The least number that rounding makes infinite, by the bytes of a float. */
const LEAST_INFINITE: Readonly<Record<number, number>> = { 2: 65_520, 4: 2 ** 128 - 2 ** 103 };

/** Any numbers, rounded to what the type can hold; a finite one that would become infinite is refused. */
export class FloatColumn extends NumberColumn {
  readonly #leastInfinite: number;

  constructor(spec: BuilderSpec, arrayClass: NumberArrayClass) {
    super(spec, arrayClass);
    this.#leastInfinite = LEAST_INFINITE[arrayClass.BYTES_PER_ELEMENT] ?? Number.POSITIVE_INFINITY;
  }

  protected override get expected(): string {
    return `a number (${typeName(this.type)})`;
  }

  override append(value: unknown): void {
    if (typeof value !== "number") {
      this.appendAbsent(value);
      return;
    }
    if (!this.#fits(value)) {
      this.refuse(value, `a number below ${this.#leastInfinite} in size, or an infinite one (${typeName(this.type)})`);
    }
    this.push(this.encode(value));
  }

  override appendEach(items: ArrayLike<unknown>, count: number): void {
    if (this.#allFit(items, count)) this.pushAll(items, count);
    else super.appendEach(items, count);
  }

  /** The number as the array stores it. */
  protected encode(value: number): number {
    return value;
  }

  #fits(value: number): boolean {
    return Math.abs(value) < this.#leastInfinite || !Number.isFinite(value);
  }

  #allFit(items: ArrayLike<unknown>, count: number): items is ArrayLike<number> {
    if (items.length !== count) return false;
    if (items instanceof Float32Array) return true;
    for (let i = 0; i < count; i++) {
      const item = items[i];
      if (typeof item !== "number" || !this.#fits(item)) return false;
    }
    return true;
  }
}

/** Half-precision numbers, which no typed array of Node 20 has: stored as their bits. */
export class HalfColumn extends FloatColumn {
  protected override encode(value: number): number {
    return encodeHalf(value);
  }

  override appendEach(items: ArrayLike<unknown>, count: number): void {
    // apache-arrow has half-precision numbers as their bits, in such arrays: a 1.0 would be taken for 15360.
    if (items instanceof Uint16Array)
      this.refuse(items, "numbers, or a Float32Array: a Uint16Array might hold their bits");
    for (let i = 0; i < count; i++) this.append(items[i]);
  }

  protected override valueKey(row: number): string {
    const value = decodeHalf(this.stored(row));
    return Object.is(value, -0) ? "-0" : String(value);
  }
}
