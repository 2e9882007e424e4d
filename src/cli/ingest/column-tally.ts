/**
 * The running statistics of one column and of its children. Whoever computes, on source arrays or in an arena, adds batch after
 * batch here, in order; the ordinals that checksums depend on go on across batches, stores and files.
 *
 * @module
 */
import type { FieldLike, TypeLike } from "../../arrow/shape.js";
import { finish, step } from "../../kernels/plain/mix.js";
import type { Statistics } from "../../kernels/statistics.js";
import { type ColumnKind, columnKind } from "./column-kind.js";

/** What was found about a column: plain data, which can be posted between threads. */
export interface ColumnStatistics {
  readonly name: string;
  readonly rows: number;
  readonly nulls: number;
  /** Smallest value: of numbers, dates and times, decimals (unscaled), bools (0 or 1); of strings and binary their bytes. */
  readonly min: number | bigint | undefined;
  readonly max: number | bigint | undefined;
  /** Sum of the same values. */
  readonly sum: number | bigint | undefined;
  /** Of all rows and, for nested types, of the children's checksums: u32. */
  readonly checksum: number;
  readonly children: readonly ColumnStatistics[];
}

export class ColumnTally {
  readonly name: string;
  readonly type: TypeLike;
  readonly kind: ColumnKind;
  readonly children: readonly ColumnTally[];
  #rows = 0;
  #nulls = 0;
  #checksum = 0;
  #min: number | bigint | undefined;
  #max: number | bigint | undefined;
  #sum: number | bigint | undefined;

  constructor({ name, type }: FieldLike) {
    this.name = name;
    this.type = type;
    this.kind = columnKind(type);
    // apache-arrow shows the children of a dictionary's values as the dictionary's own.
    const fields = this.kind.is === "dictionary" ? [] : (type.children ?? []);
    this.children = fields.map((field) => new ColumnTally(field));
  }

  /** Ordinal of the next row, u32: what the checksum functions call `firstRow`. */
  get nextRow(): number {
    return this.#rows >>> 0;
  }

  /** Counts rows, and adds their checksum. */
  addRows(rows: number, nulls: number, checksum: number): void {
    this.#rows += rows;
    this.#nulls += nulls;
    this.#checksum = (this.#checksum + checksum) >>> 0;
  }

  /** Adds what is known of the values of some rows; nothing when `min` is undefined and the sum zero. */
  addValues({ min, max, sum }: Pick<Statistics, "min" | "max" | "sum">): void {
    if (min !== undefined && (this.#min === undefined || min < this.#min)) this.#min = min;
    if (max !== undefined && (this.#max === undefined || max > this.#max)) this.#max = max;
    if (this.#sum === undefined) this.#sum = sum;
    else if (typeof this.#sum === "number" && typeof sum === "number") this.#sum += sum;
    else this.#sum = BigInt(this.#sum) + BigInt(sum);
  }

  result(): ColumnStatistics {
    const children = this.children.map((child) => child.result());
    let checksum = this.#checksum;
    for (const child of children) checksum = finish(step(checksum, child.checksum));
    return {
      name: this.name,
      rows: this.#rows,
      nulls: this.#nulls,
      min: this.#min,
      max: this.#max,
      sum: this.#sum,
      checksum: checksum >>> 0,
      children,
    };
  }
}
