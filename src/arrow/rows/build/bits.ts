/**
 * Columns of booleans, one bit each. Buffers: values.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import { arrowData } from "../../data.js";
import { ColumnBuilder, copyBits, firstLength, worthKeeping } from "./column-builder.js";

export class BitsColumn extends ColumnBuilder {
  #values = new Uint8Array(firstLength(8));

  override get bytes(): number {
    return Math.ceil(this.length / 8) + this.validityBytes;
  }

  protected override get expected(): string {
    return "true or false";
  }

  override append(value: unknown): void {
    if (typeof value === "boolean") this.push(value);
    else this.appendAbsent(value);
  }

  push(value: boolean): void {
    const row = this.length;
    const byte = row >> 3;
    if (byte === this.#values.length) {
      const grown = new Uint8Array(this.grownLength(this.#values, byte + 1));
      grown.set(this.#values);
      this.#values = grown;
    }
    const bit = 1 << (row & 7);
    // Both ways, as rows taken back leave their bits behind.
    this.#values[byte] = value ? (this.#values[byte] ?? 0) | bit : (this.#values[byte] ?? 0) & ~bit;
    this.next();
  }

  override appendFiller(): void {
    this.push(false);
  }

  override truncate(length: number): void {
    this.truncateRows(length);
  }

  override clear(): void {
    this.clearRows();
    if (!worthKeeping(this.#values)) this.#values = new Uint8Array(firstLength(8));
  }

  override data(): Data {
    const { type, length, nulls } = this;
    const values = copyBits(this.#values, length);
    return arrowData(type, length, nulls, { values, validity: this.validity() });
  }

  protected override valueKey(row: number): string {
    return String(((this.#values[row >> 3] ?? 0) >> (row & 7)) & 1);
  }
}
