/**
 * Columns of lists. Buffers: offsets; one child.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import { arrowData } from "../../data.js";
import { isArrayLike } from "../value-kinds.js";
import { type BuilderSpec, ColumnBuilder } from "./column-builder.js";
import { checkItems, type MakeChild } from "./items.js";
import { RowOffsets } from "./offsets.js";

export class ListColumn extends ColumnBuilder {
  readonly #items: ColumnBuilder;
  readonly #offsets: RowOffsets;

  constructor(spec: BuilderSpec, child: MakeChild) {
    super(spec);
    this.#offsets = new RowOffsets((array, least) => this.grownLength(array, least));
    this.#items = child(0, () => `${this.path()}[${this.#items.length - this.#offsets.at(this.length)}]`);
  }

  override get bytes(): number {
    return 4 * (this.length + 1) + this.validityBytes + this.#items.bytes;
  }

  protected override get expected(): string {
    return "an array, or a typed array";
  }

  override append(value: unknown): void {
    if (!isArrayLike(value)) {
      this.appendAbsent(value);
      return;
    }
    const { length } = value;
    checkItems(this, this.#items.length, length);
    this.#items.appendEach(value, length);
    this.#close();
  }

  override appendFiller(): void {
    this.#close();
  }

  override truncate(length: number): void {
    this.truncateRows(length);
    this.#items.truncate(this.#offsets.at(length));
  }

  override clear(): void {
    this.clearRows();
    this.#offsets.clear();
    this.#items.clear();
  }

  override data(): Data {
    const { type, length, nulls } = this;
    const buffers = { offsets: this.#offsets.copy(length), validity: this.validity() };
    return arrowData(type, length, nulls, buffers, [this.#items.data()]);
  }

  protected override valueKey(row: number): string {
    const keys: string[] = [];
    for (let i = this.#offsets.at(row); i < this.#offsets.at(row + 1); i++) keys.push(this.#items.keyOf(i));
    return `[${keys.join()}]`;
  }

  #close(): void {
    this.#offsets.end(this.length, this.#items.length);
    this.next();
  }
}
