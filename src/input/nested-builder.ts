/**
 * Builders of structs and lists, which JSON has and text has not.
 *
 * @module
 */

import { Data, type DataType } from "apache-arrow";
import type { ColumnBuilder } from "./column-builder.js";
import { Validity } from "./validity.js";

/** True for what JSON calls an object. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Structs; a missing field is null, a field that the type does not have refuses the value. */
export class StructBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #builders: readonly ColumnBuilder[];
  readonly #index: ReadonlyMap<string, number>;
  readonly #validity = new Validity();

  constructor(type: DataType, builders: readonly ColumnBuilder[]) {
    this.#type = type;
    this.#builders = builders;
    this.#index = new Map(type.children.map((field, index) => [field.name, index]));
  }

  get length(): number {
    return this.#validity.length;
  }

  appendText(): boolean {
    return false;
  }

  appendJson(value: unknown): boolean {
    if (!isJsonObject(value)) return false;
    for (const key of Object.keys(value)) {
      const builder = this.#builders[this.#index.get(key) ?? -1];
      if (builder === undefined) return false;
      const inner = value[key];
      if (inner !== null && inner !== undefined && !builder.appendJson(inner)) return false;
    }
    const row = this.#validity.append();
    for (const builder of this.#builders) if (builder.length === row) builder.appendNull();
    return true;
  }

  appendNull(): void {
    this.#validity.append();
    this.#validity.clearLast();
    for (const builder of this.#builders) builder.appendNull();
  }

  finish(): Data {
    const { length, nulls, bitmap } = this.#validity.finish();
    const children = this.#builders.map((builder) => builder.finish());
    return new Data<DataType>(this.#type, 0, length, nulls, { 2: bitmap }, children);
  }
}

/** Lists of any length. */
export class ListBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #element: ColumnBuilder;
  readonly #validity = new Validity();
  #ends: number[] = [0];

  constructor(type: DataType, element: ColumnBuilder) {
    this.#type = type;
    this.#element = element;
  }

  get length(): number {
    return this.#validity.length;
  }

  appendText(): boolean {
    return false;
  }

  appendJson(value: unknown): boolean {
    if (!Array.isArray(value)) return false;
    for (const inner of value) {
      if (inner === null) this.#element.appendNull();
      else if (!this.#element.appendJson(inner)) return false;
    }
    this.#validity.append();
    this.#ends.push(this.#element.length);
    return true;
  }

  appendNull(): void {
    this.#validity.append();
    this.#validity.clearLast();
    this.#ends.push(this.#element.length);
  }

  finish(): Data {
    const { length, nulls, bitmap } = this.#validity.finish();
    const offsets = Int32Array.from(this.#ends);
    this.#ends = [0];
    return new Data<DataType>(this.#type, 0, length, nulls, { 0: offsets, 2: bitmap }, [this.#element.finish()]);
  }
}
