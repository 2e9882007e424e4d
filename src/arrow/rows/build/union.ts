/**
 * Columns of unions. Buffers: type ids; offsets too in a dense one. One child for each type.
 *
 * A value is `{ type, value }`, where `type` is the name of one of the children: which of several types would take a bare value is
 * not left to chance. null becomes a null of the first child that may hold one, as a union has no nulls of its own.
 *
 * @module
 */
import { type Data, type Field, type Union, UnionMode } from "apache-arrow";
import { UsageError } from "../../../errors.js";
import { arrowData, UNKNOWN_NULL_COUNT } from "../../data.js";
import { isObject } from "../value-kinds.js";
import { type BuilderSpec, ColumnBuilder, firstLength, worthKeeping } from "./column-builder.js";
import type { MakeChild } from "./items.js";
import { NullsColumn } from "./nulls.js";

export class UnionColumn extends ColumnBuilder {
  readonly #names: readonly string[];
  readonly #typeIds: readonly number[];
  readonly #columns: readonly ColumnBuilder[];
  readonly #dense: boolean;
  /** The child for nulls, -1 when none may hold one. */
  readonly #nullChild: number;
  /** Number of the child of each row. */
  #chosen = new Int8Array(firstLength(1));
  /** In a dense union, the row of the child for each row. */
  #places = new Int32Array(firstLength(1));
  /** How many rows of each child belong to rows of the union. */
  readonly #held: number[];

  constructor(spec: BuilderSpec & { readonly type: Union }, child: MakeChild) {
    super(spec);
    const fields: readonly Field[] = spec.type.children;
    this.#names = fields.map(({ name }) => name);
    if (new Set(this.#names).size < fields.length) {
      throw new UsageError("two types of a union have one name; expected names that tell them apart");
    }
    this.#typeIds = Array.from(spec.type.typeIds);
    this.#dense = spec.type.mode === UnionMode.Dense;
    this.#columns = fields.map(({ name }, index) => child(index, () => `${this.path()}.${name}`));
    this.#nullChild = this.#columns.findIndex((column) => column.nullable || column instanceof NullsColumn);
    this.#held = fields.map(() => 0);
  }

  override get bytes(): number {
    let bytes = this.length * (this.#dense ? 5 : 1);
    for (const column of this.#columns) bytes += column.bytes;
    return bytes;
  }

  protected override get expected(): string {
    return `{ type, value } with one of the types ${this.#names.map((name) => JSON.stringify(name)).join(", ")}`;
  }

  override append(value: unknown): void {
    if (value === null || value === undefined) {
      if (!this.nullable || this.#nullChild < 0) this.refuse(value);
      this.appendNull();
      return;
    }
    if (!isObject(value) || !Object.keys(value).every((key) => key === "type" || key === "value")) this.refuse(value);
    const { type } = value;
    const index = typeof type === "string" ? this.#names.indexOf(type) : -1;
    const column = this.#columns[index];
    if (column === undefined) this.#refuseType(type);
    column.append(value["value"]);
    this.#close(index);
  }

  override appendNull(): void {
    const column = this.#columns[this.#nullChild];
    if (column === undefined) {
      this.appendFiller();
      return;
    }
    column.appendNull();
    this.#close(this.#nullChild);
  }

  override appendFiller(): void {
    this.#columns[0]?.appendFiller();
    this.#close(0);
  }

  override truncate(length: number): void {
    for (let row = length; row < this.length; row++) {
      const index = this.#chosen[row] ?? 0;
      this.#held[index] = (this.#held[index] ?? 0) - 1;
    }
    this.truncateRows(length);
    this.#columns.forEach((column, index) => {
      column.truncate(this.#dense ? (this.#held[index] ?? 0) : length);
    });
  }

  override clear(): void {
    this.clearRows();
    this.#held.fill(0);
    if (!worthKeeping(this.#places)) {
      this.#chosen = new Int8Array(firstLength(1));
      this.#places = new Int32Array(firstLength(1));
    }
    for (const column of this.#columns) column.clear();
  }

  override data(): Data {
    const { type, length } = this;
    const typeIds = this.#chosen.slice(0, length).map((index) => this.#typeIds[index] ?? 0);
    const offsets = this.#dense ? this.#places.slice(0, length) : undefined;
    const children = this.#columns.map((column) => column.data());
    return arrowData(type, length, UNKNOWN_NULL_COUNT, { offsets, typeIds }, children);
  }

  protected override valueKey(row: number): string {
    const index = this.#chosen[row] ?? 0;
    return `${index}:${this.#columns[index]?.keyOf(this.#dense ? (this.#places[row] ?? 0) : row)}`;
  }

  /** Ends the row, whose value is the last one of child `index`. */
  #close(index: number): void {
    const row = this.length;
    if (row === this.#chosen.length) this.#grow(row + 1);
    if (!this.#dense) for (const column of this.#columns) if (column.length === row) column.appendFiller();
    this.#chosen[row] = index;
    this.#places[row] = this.#held[index] ?? 0;
    this.#held[index] = (this.#held[index] ?? 0) + 1;
    this.next();
  }

  #grow(least: number): void {
    const length = this.grownLength(this.#places, least);
    const places = new Int32Array(length);
    places.set(this.#places);
    const chosen = new Int8Array(length);
    chosen.set(this.#chosen);
    this.#places = places;
    this.#chosen = chosen;
  }

  #refuseType(type: unknown): never {
    throw new UsageError(
      `field ${JSON.stringify(`${this.path()}.type`)} is ${typeof type === "string" ? JSON.stringify(type) : typeof type}; expected one of ${this.#names.map((name) => JSON.stringify(name)).join(", ")}`,
    );
  }
}
