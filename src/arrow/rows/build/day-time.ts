/**
 * Columns of day-time intervals: two 32-bit numbers each, days and milliseconds. Buffers: values.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import { arrowData } from "../../data.js";
import { isArrayLike } from "../value-kinds.js";
import { ColumnBuilder, firstLength, worthKeeping } from "./column-builder.js";

export class DayTimeColumn extends ColumnBuilder {
  #values = new Int32Array(firstLength(4));

  override get bytes(): number {
    return 8 * this.length + this.validityBytes;
  }

  protected override get expected(): string {
    return "[days, milliseconds], both whole numbers of 32 bits";
  }

  override append(value: unknown): void {
    if (!isArrayLike(value)) {
      this.appendAbsent(value);
      return;
    }
    const days = value[0];
    const milliseconds = value[1];
    if (value.length !== 2 || !isInt32(days) || !isInt32(milliseconds)) this.refuse(value);
    this.#push(days, milliseconds);
  }

  override appendFiller(): void {
    this.#push(0, 0);
  }

  override truncate(length: number): void {
    this.truncateRows(length);
  }

  override clear(): void {
    this.clearRows();
    if (!worthKeeping(this.#values)) this.#values = new Int32Array(firstLength(4));
  }

  override data(): Data {
    const { type, length, nulls } = this;
    return arrowData(type, length, nulls, { values: this.#values.slice(0, 2 * length), validity: this.validity() });
  }

  protected override valueKey(row: number): string {
    return `${this.#values[2 * row]} ${this.#values[2 * row + 1]}`;
  }

  #push(days: number, milliseconds: number): void {
    const start = 2 * this.length;
    if (start === this.#values.length) {
      const grown = new Int32Array(this.grownLength(this.#values, start + 2));
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[start] = days;
    this.#values[start + 1] = milliseconds;
    this.next();
  }
}

function isInt32(value: unknown): value is number {
  return typeof value === "number" && (value | 0) === value;
}
