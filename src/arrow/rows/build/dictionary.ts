/**
 * Dictionary-encoded columns. Buffers: indices; the values are a column of their own.
 *
 * Values that were seen before are stored once. The dictionary is carried over from batch to batch, as the very same object while no
 * value is new, so that a store knows it again and lays it out once. A batch that brings new values lays the whole dictionary out
 * again; so one that has grown beyond a few values for each row of the batch is given up with it.
 *
 * @module
 */
import { type Data, type Dictionary, Vector } from "apache-arrow";
import { FullError } from "../../../errors.js";
import { arrowData } from "../../data.js";
import { TextColumn } from "./bytes.js";
import { type BuilderSpec, ColumnBuilder, firstLength, worthKeeping } from "./column-builder.js";
import type { MakeChild } from "./items.js";

/** A dictionary that grew is carried over while it has at most this many values … */
const CARRIED_VALUES = 64;
/** … and this many for each row of the batch. */
const CARRIED_VALUES_PER_ROW = 4;

export class DictionaryColumn extends ColumnBuilder {
  readonly #values: ColumnBuilder;
  readonly #text: boolean;
  readonly #indexClass: Dictionary["indices"]["ArrayType"];
  /** How many values the type of the indices can tell apart. */
  readonly #most: number;
  /** Index of each value, by the value itself for texts, by `keyOf` for others. */
  readonly #known = new Map<string, number>();
  /** The keys of `#known`, in the order of the indices. */
  readonly #keys: string[] = [];
  #indices = new Int32Array(firstLength(4));
  /** How many values the dictionary had after each row. */
  #sizes = new Int32Array(firstLength(4));
  /** How many it had before the first row. */
  #carried = 0;
  #vector: Vector | undefined;
  #refused = false;

  constructor(spec: BuilderSpec & { readonly type: Dictionary }, child: MakeChild) {
    super(spec);
    const { indices } = spec.type;
    this.#values = child(0, spec.path);
    this.#text = this.#values instanceof TextColumn;
    this.#indexClass = indices.ArrayType;
    this.#most = Math.min(2 ** 31 - 1, 2 ** (indices.isSigned ? indices.bitWidth - 1 : indices.bitWidth));
  }

  override get bytes(): number {
    return this.#indexClass.BYTES_PER_ELEMENT * this.length + this.validityBytes + this.#values.bytes;
  }

  protected override get expected(): string {
    return "a value of the dictionary's type";
  }

  override append(value: unknown): void {
    if (value === null || value === undefined) this.appendAbsent(value);
    else if (this.#text && typeof value === "string") this.#push(this.#known.get(value) ?? this.#addText(value));
    else this.#push(this.#add(value));
  }

  /** The index of a null is never looked at. */
  override appendFiller(): void {
    this.#push(0);
    this.markNull();
  }

  override appendNull(): void {
    this.appendFiller();
  }

  override truncate(length: number): void {
    const size = this.#sizeAt(length);
    this.truncateRows(length);
    this.#values.truncate(size);
    for (const key of this.#keys.splice(size)) this.#known.delete(key);
    if (this.#vector !== undefined && this.#vector.length !== size) this.#vector = undefined;
  }

  override clear(): void {
    const size = this.#values.length;
    const grewTooLarge = size > this.#carried && size > CARRIED_VALUES + CARRIED_VALUES_PER_ROW * this.length;
    // A batch finds at least half of what the indices can tell apart free; one that was refused for want of more finds all.
    if (grewTooLarge || 2 * size > this.#most || this.#refused) {
      this.#known.clear();
      this.#keys.length = 0;
      this.#values.clear();
      this.#vector = undefined;
      this.#refused = false;
    }
    this.clearRows();
    this.#carried = this.#values.length;
    if (!worthKeeping(this.#indices)) {
      this.#indices = new Int32Array(firstLength(4));
      this.#sizes = new Int32Array(firstLength(4));
    }
  }

  override data(): Data {
    const { type, length, nulls } = this;
    if (this.#vector?.length !== this.#values.length) this.#vector = new Vector([this.#values.data()]);
    return arrowData(type, length, nulls, { values: this.#copyIndices(), validity: this.validity() }, [], this.#vector);
  }

  protected override valueKey(row: number): string {
    return this.#values.keyOf(this.#indices[row] ?? 0);
  }

  #addText(value: string): number {
    this.#values.append(value);
    return this.#remember(value);
  }

  /** Index of a value, which is added where it is new. */
  #add(value: unknown): number {
    const index = this.#values.length;
    this.#values.append(value);
    const key = this.#values.keyOf(index);
    const known = this.#known.get(key);
    if (known === undefined) return this.#remember(key);
    this.#values.truncate(index);
    return known;
  }

  #remember(key: string): number {
    const index = this.#keys.length;
    if (index >= this.#most) {
      this.#refused = true;
      throw new FullError(
        `field ${JSON.stringify(this.path())} would have more than ${this.#most} distinct values in one batch, as many as its indices tell apart: finish the batch first`,
        "rows",
      );
    }
    this.#known.set(key, index);
    this.#keys.push(key);
    return index;
  }

  #push(index: number): void {
    const row = this.length;
    if (row === this.#indices.length) this.#grow(row + 1);
    this.#indices[row] = index;
    this.#sizes[row] = this.#values.length;
    this.next();
  }

  #grow(least: number): void {
    const length = this.grownLength(this.#indices, least);
    const indices = new Int32Array(length);
    indices.set(this.#indices);
    const sizes = new Int32Array(length);
    sizes.set(this.#sizes);
    this.#indices = indices;
    this.#sizes = sizes;
  }

  #sizeAt(row: number): number {
    return row === 0 ? this.#carried : (this.#sizes[row - 1] ?? 0);
  }

  #copyIndices(): ArrayBufferView {
    const { length } = this;
    const indexClass = this.#indexClass;
    if (indexClass.BYTES_PER_ELEMENT < 8) return new indexClass(this.#indices.subarray(0, length));
    const words = new Int32Array(2 * length);
    for (let row = 0; row < length; row++) words[2 * row] = this.#indices[row] ?? 0;
    return new indexClass(words.buffer);
  }
}
