/**
 * Columns of structs. One child for each field.
 *
 * @module
 */
import type { Data, Field } from "apache-arrow";
import { arrowData } from "../../data.js";
import { type BuilderSpec, ColumnBuilder } from "./column-builder.js";
import { Fields } from "./fields.js";
import type { MakeChild } from "./items.js";

export class StructColumn extends ColumnBuilder {
  readonly #columns: readonly ColumnBuilder[];
  readonly #fields: Fields;

  constructor(spec: BuilderSpec, child: MakeChild) {
    super(spec);
    const fields: readonly Field[] = spec.type.children;
    this.#columns = fields.map(({ name }, index) => child(index, () => `${this.path()}.${name}`));
    this.#fields = new Fields(
      fields.map(({ name }) => name),
      this.#columns,
    );
  }

  override get bytes(): number {
    let bytes = this.validityBytes;
    for (const column of this.#columns) bytes += column.bytes;
    return bytes;
  }

  protected override get expected(): string {
    return "an object";
  }

  override append(value: unknown): void {
    if (this.#fields.append(value, this.length, this.path)) this.next();
    else this.appendAbsent(value);
  }

  override appendFiller(): void {
    for (const column of this.#columns) column.appendFiller();
    this.next();
  }

  override truncate(length: number): void {
    this.truncateRows(length);
    for (const column of this.#columns) column.truncate(length);
  }

  override clear(): void {
    this.clearRows();
    for (const column of this.#columns) column.clear();
  }

  override data(): Data {
    const { type, length, nulls } = this;
    const children = this.#columns.map((column) => column.data());
    return arrowData(type, length, nulls, { validity: this.validity() }, children);
  }

  protected override valueKey(row: number): string {
    return `{${this.#columns.map((column) => column.keyOf(row)).join()}}`;
  }
}
