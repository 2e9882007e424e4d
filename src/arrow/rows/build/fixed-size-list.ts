/**
 * Columns of lists of one size, such as vectors. One child, with that many rows for each row, null or not.
 *
 * @module
 */
import type { Data, FixedSizeList } from "apache-arrow";
import { arrowData } from "../../data.js";
import { isArrayLike } from "../value-kinds.js";
import { type BuilderSpec, ColumnBuilder } from "./column-builder.js";
import { checkItems, type MakeChild } from "./items.js";

export class FixedSizeListColumn extends ColumnBuilder {
  readonly #size: number;
  readonly #items: ColumnBuilder;

  constructor(spec: BuilderSpec & { readonly type: FixedSizeList }, child: MakeChild) {
    super(spec);
    this.#size = spec.type.listSize;
    this.#items = child(0, () => `${this.path()}[${this.#items.length - this.length * this.#size}]`);
  }

  override get bytes(): number {
    return this.validityBytes + this.#items.bytes;
  }

  protected override get expected(): string {
    return `an array, or a typed array, of exactly ${this.#size}`;
  }

  override append(value: unknown): void {
    if (!isArrayLike(value)) {
      this.appendAbsent(value);
      return;
    }
    const size = this.#size;
    if (value.length !== size) this.refuse(value);
    checkItems(this, this.#items.length, size);
    this.#items.appendEach(value, size);
    this.next();
  }

  override appendFiller(): void {
    checkItems(this, this.#items.length, this.#size);
    for (let i = 0; i < this.#size; i++) this.#items.appendFiller();
    this.next();
  }

  override truncate(length: number): void {
    this.truncateRows(length);
    this.#items.truncate(length * this.#size);
  }

  override clear(): void {
    this.clearRows();
    this.#items.clear();
  }

  override data(): Data {
    const { type, length, nulls } = this;
    return arrowData(type, length, nulls, { validity: this.validity() }, [this.#items.data()]);
  }

  protected override valueKey(row: number): string {
    const keys: string[] = [];
    for (let i = row * this.#size; i < (row + 1) * this.#size; i++) keys.push(this.#items.keyOf(i));
    return `[${keys.join()}]`;
  }
}
