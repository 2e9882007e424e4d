/**
 * Columns of binary values of one width. Buffers: values.
 *
 * @module
 */
import type { Data, FixedSizeBinary } from "apache-arrow";
import { arrowData } from "../../data.js";
import { bytesIn } from "../value-kinds.js";
import { type BuilderSpec, ColumnBuilder, firstLength, worthKeeping } from "./column-builder.js";

export class FixedBinaryColumn extends ColumnBuilder {
  readonly #width: number;
  #values = new Uint8Array(firstLength(1));

  constructor(spec: BuilderSpec & { readonly type: FixedSizeBinary }) {
    super(spec);
    this.#width = spec.type.byteWidth;
  }

  override get bytes(): number {
    return this.#width * this.length + this.validityBytes;
  }

  protected override get expected(): string {
    return `a Uint8Array of exactly ${this.#width} bytes`;
  }

  override append(value: unknown): void {
    const bytes = bytesIn(value);
    if (bytes === undefined) {
      this.appendAbsent(value);
      return;
    }
    if (bytes.length !== this.#width) this.refuse(value);
    const start = this.#add();
    this.#values.set(bytes, start);
  }

  override appendFiller(): void {
    const start = this.#add();
    this.#values.fill(0, start, start + this.#width);
  }

  override truncate(length: number): void {
    this.truncateRows(length);
  }

  override clear(): void {
    this.clearRows();
    if (!worthKeeping(this.#values)) this.#values = new Uint8Array(firstLength(1));
  }

  override data(): Data {
    const { type, length, nulls } = this;
    const values = this.#values.slice(0, this.#width * length);
    return arrowData(type, length, nulls, { values, validity: this.validity() });
  }

  protected override valueKey(row: number): string {
    return this.#values.subarray(this.#width * row, this.#width * (row + 1)).join(" ");
  }

  /** Adds a row, and returns where its bytes begin. */
  #add(): number {
    const start = this.#width * this.length;
    const end = start + this.#width;
    if (end > this.#values.length) {
      const grown = new Uint8Array(this.grownLength(this.#values, end));
      grown.set(this.#values);
      this.#values = grown;
    }
    this.next();
    return start;
  }
}
