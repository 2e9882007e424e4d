/**
 * Columns of maps. Buffers: offsets; one child, the struct of the entries, whose children are keys and values.
 *
 * Entries keep the order in which the source has them. Where the type says that keys are sorted, the source has to have them so.
 *
 * @module
 */
import { type Data, DataType, type Map_ } from "apache-arrow";
import { UsageError } from "../../../errors.js";
import { arrowData } from "../../data.js";
import { fieldNames, isMap, isObject } from "../value-kinds.js";
import { valueName } from "../value-name.js";
import { type BuilderSpec, ColumnBuilder } from "./column-builder.js";
import { checkItems, type MakeChild } from "./items.js";
import { RowOffsets } from "./offsets.js";

export class MapColumn extends ColumnBuilder {
  readonly #entries: DataType;
  readonly #keys: ColumnBuilder;
  readonly #values: ColumnBuilder;
  readonly #offsets: RowOffsets;
  readonly #textKeys: boolean;
  #key: unknown;

  /** @param child makes the builders of the entries' children */
  constructor(spec: BuilderSpec & { readonly type: Map_ }, child: MakeChild) {
    super(spec);
    const [entries] = spec.type.children;
    if (entries === undefined) throw new UsageError("a map type lacks its entries");
    this.#entries = entries.type;
    this.#textKeys = DataType.isUtf8(spec.type.keyType) || DataType.isLargeUtf8(spec.type.keyType);
    this.#offsets = new RowOffsets((array, least) => this.grownLength(array, least));
    this.#keys = child(0, () => `${this.path()}, key`);
    this.#values = child(1, () => `${this.path()}[${valueName(this.#key)}]`);
  }

  override get bytes(): number {
    return 4 * (this.length + 1) + this.validityBytes + this.#keys.bytes + this.#values.bytes;
  }

  protected override get expected(): string {
    return this.#textKeys ? "a Map, or an object" : "a Map";
  }

  override append(value: unknown): void {
    if (isMap(value)) {
      checkItems(this, this.#keys.length, value.size);
      for (const [key, inner] of value) this.#appendEntry(key, inner);
    } else if (!this.#appendFields(value)) {
      this.appendAbsent(value);
      return;
    }
    this.#close();
  }

  override appendFiller(): void {
    this.#close();
  }

  override truncate(length: number): void {
    this.truncateRows(length);
    const entries = this.#offsets.at(length);
    this.#keys.truncate(entries);
    this.#values.truncate(entries);
  }

  override clear(): void {
    this.clearRows();
    this.#offsets.clear();
    this.#keys.clear();
    this.#values.clear();
  }

  override data(): Data {
    const { type, length, nulls } = this;
    const entries = arrowData(this.#entries, this.#keys.length, 0, {}, [this.#keys.data(), this.#values.data()]);
    return arrowData(type, length, nulls, { offsets: this.#offsets.copy(length), validity: this.validity() }, [
      entries,
    ]);
  }

  protected override valueKey(row: number): string {
    const keys: string[] = [];
    for (let i = this.#offsets.at(row); i < this.#offsets.at(row + 1); i++) {
      keys.push(this.#keys.keyOf(i), this.#values.keyOf(i));
    }
    return `{${keys.join()}}`;
  }

  /** The fields of an object as entries; false when `value` is none, or its fields cannot be keys. */
  #appendFields(value: unknown): boolean {
    if (!this.#textKeys || !isObject(value)) return false;
    const names = fieldNames(value);
    if (names === undefined) return false;
    checkItems(this, this.#keys.length, names.length);
    for (const name of names) this.#appendEntry(name, value[name]);
    return true;
  }

  #appendEntry(key: unknown, value: unknown): void {
    this.#key = key;
    this.#keys.append(key);
    this.#values.append(value);
  }

  #close(): void {
    this.#key = undefined;
    this.#offsets.end(this.length, this.#keys.length);
    this.next();
  }
}
