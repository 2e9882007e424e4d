/**
 * Readers of lists, structs, maps and unions.
 *
 * @module
 */
import type { DataLike } from "../../shape.js";
import { ObjectMaker } from "../object-maker.js";
import { Ranges } from "./bytes.js";
import { ElementReader, HalfReader } from "./numbers.js";
import { NO_DATA, ValueReader, viewOf } from "./value-reader.js";

/** Lists, as arrays. */
export class ListReader extends ValueReader {
  readonly #ranges = new Ranges(false);
  readonly #items: ValueReader;

  constructor(items: ValueReader) {
    super();
    this.#items = items;
  }

  protected override attachValues(data: DataLike): void {
    this.#ranges.attach(data);
    attachChild(this.#items, data, 0);
  }

  protected override value(row: number): unknown {
    return arrayOf(this.#items, this.#ranges.start(row), this.#ranges.start(row + 1));
  }
}

/** Lists of one size: of numbers, as typed arrays unless an item is null; of anything else, as arrays. */
export class FixedSizeListReader extends ValueReader {
  readonly #size: number;
  readonly #items: ValueReader;

  constructor(size: number, items: ValueReader) {
    super();
    this.#size = size;
    this.#items = items;
  }

  protected override attachValues(data: DataLike): void {
    attachChild(this.#items, data, 0);
  }

  protected override value(row: number): unknown {
    const items = this.#items;
    const from = this.#size * row;
    const to = from + this.#size;
    const numbers = items instanceof ElementReader || items instanceof HalfReader;
    return numbers && !items.hasNull(from, to) ? items.slice(from, to) : arrayOf(items, from, to);
  }
}

/** Structs, as objects. */
export class StructReader extends ValueReader {
  readonly #maker: ObjectMaker;
  readonly #fields: readonly ValueReader[];

  constructor(names: readonly string[], fields: readonly ValueReader[]) {
    super();
    this.#maker = new ObjectMaker(names, fields);
    this.#fields = fields;
  }

  protected override attachValues(data: DataLike): void {
    this.#fields.forEach((field, i) => {
      attachChild(field, data, i);
    });
  }

  protected override value(row: number): unknown {
    return this.#maker.make(row);
  }
}

/** Maps, as Map; of entries with equal keys the last one counts. */
export class MapReader extends ValueReader {
  readonly #ranges = new Ranges(false);
  readonly #keys: ValueReader;
  readonly #values: ValueReader;

  constructor(keys: ValueReader, values: ValueReader) {
    super();
    this.#keys = keys;
    this.#values = values;
  }

  protected override attachValues(data: DataLike): void {
    this.#ranges.attach(data);
    const entries = data.children?.[0] ?? NO_DATA;
    attachChild(this.#keys, entries, 0);
    attachChild(this.#values, entries, 1);
  }

  protected override value(row: number): unknown {
    const map = new Map<unknown, unknown>();
    const end = this.#ranges.start(row + 1);
    for (let i = this.#ranges.start(row); i < end; i++) map.set(this.#keys.get(i), this.#values.get(i));
    return map;
  }
}

/** Unions, as { type, value } with the name of the row's type. */
export class UnionReader extends ValueReader {
  readonly #dense: boolean;
  readonly #names: readonly string[];
  readonly #children: readonly ValueReader[];
  /** Number of the child by type id. */
  readonly #childOfId: ReadonlyMap<number, number>;
  #typeIds = new Int8Array(0);
  #places = new Int32Array(0);

  constructor(dense: boolean, typeIds: readonly number[], names: readonly string[], children: readonly ValueReader[]) {
    super();
    this.#dense = dense;
    this.#names = names;
    this.#children = children;
    this.#childOfId = new Map(typeIds.map((id, index) => [id, index]));
  }

  protected override attachValues(data: DataLike): void {
    this.#typeIds = viewOf(Int8Array, data.typeIds);
    if (this.#dense) this.#places = viewOf(Int32Array, data.valueOffsets);
    this.#children.forEach((child, i) => {
      attachChild(child, data, i);
    });
  }

  protected override value(row: number): unknown {
    const index = this.#childOfId.get(this.#typeIds[row] ?? -1) ?? -1;
    const value = this.#children[index]?.get(this.#dense ? (this.#places[row] ?? 0) : row);
    return { type: this.#names[index], value };
  }
}

function attachChild(reader: ValueReader, data: DataLike, index: number): void {
  reader.attach(data.children?.[index] ?? NO_DATA);
}

function arrayOf(items: ValueReader, from: number, to: number): unknown[] {
  const array: unknown[] = [];
  for (let i = from; i < to; i++) array.push(items.get(i));
  return array;
}
