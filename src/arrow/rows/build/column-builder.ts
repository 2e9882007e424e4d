/**
 * One column that grows value by value, or one child of a nested type.
 *
 * A builder is compiled once from a field. Its arrays double when they are full and are used again after `clear`, so that rows cost no
 * allocation. A value that does not fit is refused with a `UsageError` that names its path; it may leave rows in children that were
 * reached before it, so whoever started the row calls `truncate` with the number of rows before it.
 *
 * Invariants
 * - Rows [0, length) are complete. `truncate(n)` makes everything, children included, as it was when the column had n rows.
 * - Bits of the validity bitmap are written for every row once there is a bitmap; there is none before the first null.
 * - No buffer passes 2^31 - 1 bytes: offsets of 32 bits and lengths in messages hold.
 *
 * @module
 */
import type { Data, DataType } from "apache-arrow";
import { FullError, UsageError } from "../../../errors.js";
import { valueName } from "../value-name.js";

/** Bytes of one buffer of a column, at most. */
export const MAX_BUFFER_BYTES = 2_147_483_647;
/** Rows of a column, or items of all its lists, at most. */
export const MAX_ITEMS = 2_147_483_647;
/** Arrays of at most this size are kept for the next batch. */
const MAX_KEPT_BYTES = 1_048_576;
const FIRST_BYTES = 512;

/** What every kind of builder is made from. */
export interface BuilderSpec {
  readonly type: DataType;
  /** True when null, and a value left out, is accepted. */
  readonly nullable: boolean;
  /** Where the next value belongs, for error messages: `address.city`, `embedding[3]`. */
  readonly path: () => string;
}

/** A typed array that columns keep their buffers in. */
export interface GrowingArray {
  readonly length: number;
  readonly byteLength: number;
  readonly BYTES_PER_ELEMENT: number;
}

export abstract class ColumnBuilder {
  readonly type: DataType;
  readonly nullable: boolean;
  /** Where the next value belongs, for error messages. */
  readonly path: () => string;
  #length = 0;
  #nulls = 0;
  #validity: Uint8Array | undefined;

  constructor({ type, nullable, path }: BuilderSpec) {
    this.type = type;
    this.nullable = nullable;
    this.path = path;
  }

  /** Rows so far. */
  get length(): number {
    return this.#length;
  }

  /** Rows so far that are null. */
  get nulls(): number {
    return this.#nulls;
  }

  /** Bytes of the rows so far, in all buffers and children, without padding. */
  abstract get bytes(): number;

  /** What is accepted, for error messages, null aside. */
  protected abstract get expected(): string;

  /**
   * Appends a value; null and undefined are null.
   *
   * @throws UsageError when the value does not fit, FullError when no more fits in one batch
   */
  abstract append(value: unknown): void;

  /** Appends a row that nobody will see, as a parent's null lies over it. Not a null, where the type lets that be. */
  abstract appendFiller(): void;

  /** Forgets all rows from `length` on, and what a refused value left in children. */
  abstract truncate(length: number): void;

  /** Forgets all rows, and keeps arrays that are not large. */
  abstract clear(): void;

  /** A copy of the rows so far: it stays valid whatever happens to the builder. */
  abstract data(): Data;

  /** The rows so far, and starts anew. */
  finish(): Data {
    const data = this.data();
    this.clear();
    return data;
  }

  /** A text that tells the value of `row` from every other one; the row must not be null. */
  protected abstract valueKey(row: number): string;

  /** Appends each of the first `count` items. */
  appendEach(items: ArrayLike<unknown>, count: number): void {
    for (let i = 0; i < count; i++) this.append(items[i]);
  }

  /** Appends a null, whether or not the field may hold one. */
  appendNull(): void {
    this.appendFiller();
    this.markNull();
  }

  /** A text that tells `row` from every row with another value. */
  keyOf(row: number): string {
    return this.isNull(row) ? "-" : `+${this.valueKey(row)}`;
  }

  isNull(row: number): boolean {
    const validity = this.#validity;
    return validity !== undefined && (((validity[row >> 3] ?? 0) >> (row & 7)) & 1) === 0;
  }

  /** Appends a null for null or undefined, refuses everything else: for values that are not of the type. */
  protected appendAbsent(value: unknown): void {
    if (value !== null && value !== undefined) this.refuse(value);
    if (!this.nullable) this.refuse(value);
    this.appendNull();
  }

  /** @throws UsageError that names the path, the value, and what was expected */
  protected refuse(value: unknown, expected = this.expected): never {
    if (value === undefined) {
      throw new UsageError(
        `field ${JSON.stringify(this.path())} is missing, and it is not nullable; expected ${expected}`,
      );
    }
    throw new UsageError(
      `field ${JSON.stringify(this.path())} is ${valueName(value)}; expected ${expected}${this.nullable ? " or null" : ""}`,
    );
  }

  /** Counts a row that is not null; returns its number. */
  protected next(): number {
    const row = this.#length;
    this.#length = row + 1;
    if (this.#validity !== undefined) this.#setBits(row, row + 1);
    return row;
  }

  /** Counts `count` rows that are not null; returns the number of the first. */
  protected nextRows(count: number): number {
    const row = this.#length;
    this.#length = row + count;
    if (this.#validity !== undefined) this.#setBits(row, row + count);
    return row;
  }

  /** Makes the row counted last null. */
  protected markNull(): void {
    const row = this.#length - 1;
    this.#validity ??= new Uint8Array(Math.max(FIRST_BYTES / 8, 2 * ((row >> 3) + 1))).fill(0xff);
    this.#setBits(row, row + 1);
    this.#validity[row >> 3] = (this.#validity[row >> 3] ?? 0) & ~(1 << (row & 7));
    this.#nulls += 1;
  }

  /** Bytes of the validity bitmap. */
  protected get validityBytes(): number {
    return this.#nulls === 0 ? 0 : Math.ceil(this.#length / 8);
  }

  /** A copy of the validity bitmap; undefined when no row is null. */
  protected validity(): Uint8Array | undefined {
    return this.#nulls === 0 || this.#validity === undefined ? undefined : copyBits(this.#validity, this.#length);
  }

  protected truncateRows(length: number): void {
    if (this.#nulls > 0) for (let row = length; row < this.#length; row++) if (this.isNull(row)) this.#nulls -= 1;
    this.#length = Math.min(length, this.#length);
  }

  protected clearRows(): void {
    this.#length = 0;
    this.#nulls = 0;
    this.#validity = undefined;
  }

  /**
   * Length for an array that has to grow to at least `least` elements.
   *
   * @throws FullError when that would pass the bound of a buffer
   */
  protected grownLength(array: GrowingArray, least: number): number {
    const most = Math.floor(MAX_BUFFER_BYTES / array.BYTES_PER_ELEMENT);
    if (least > most) {
      throw new FullError(
        `field ${JSON.stringify(this.path())} would take ${least * array.BYTES_PER_ELEMENT} bytes in one batch; expected at most ${MAX_BUFFER_BYTES}: finish the batch first`,
        "bytes",
      );
    }
    return Math.min(most, Math.max(least, 2 * array.length));
  }

  #setBits(from: number, to: number): void {
    let validity = this.#validity;
    if (validity === undefined) return;
    if (8 * validity.length < to) {
      const grown = new Uint8Array(Math.max(2 * validity.length, Math.ceil(to / 8)));
      grown.set(validity);
      validity = grown;
      this.#validity = grown;
    }
    for (let row = from; row < to; row++) validity[row >> 3] = (validity[row >> 3] ?? 0) | (1 << (row & 7));
  }
}

/** A copy of the first `count` bits; the rest of the last byte is 0. */
export function copyBits(bits: Uint8Array, count: number): Uint8Array {
  const copy = bits.slice(0, Math.ceil(count / 8));
  const last = count >> 3;
  if (last < copy.length) copy[last] = (copy[last] ?? 0) & ((1 << (count & 7)) - 1);
  return copy;
}

/** First length of an array of elements of `bytes` bytes. */
export function firstLength(bytes: number): number {
  return Math.max(1, Math.floor(FIRST_BYTES / bytes));
}

/** Whether an array is to be kept for the next batch. */
export function worthKeeping(array: GrowingArray): boolean {
  return array.byteLength <= MAX_KEPT_BYTES;
}
