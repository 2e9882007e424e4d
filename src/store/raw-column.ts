/**
 * The raw path to a column: addresses and typed arrays on the arena, without any Arrow object. For code that reads many small
 * batches, and for kernels, which take addresses.
 *
 * @module
 */
import type { DataType, Vector } from "apache-arrow";
import type { BufferRole, Column } from "../arrow/columns/column.js";
import { DictionaryColumn } from "../arrow/columns/dictionary.js";
import type { MessageReader, TypedArray } from "../arrow/message-reader.js";
import { UsageError } from "../errors.js";

/** Moves a reader to the batch at a position, which must be committed. */
export type Locate = (position: number) => MessageReader;

/**
 * One column of a store, or a child of one, in any batch. All methods take the position of a batch and throw `UsageError` when there is
 * none (yet). For nested types see `children`: their rows are counted per batch by `rows`.
 */
export class RawColumn {
  /** Dotted path of field names. */
  readonly path: string;
  readonly type: DataType;
  readonly nullable: boolean;
  readonly children: readonly RawColumn[];
  readonly #column: Column;
  readonly #locate: Locate;
  readonly #values: number | undefined;

  constructor(column: Column, locate: Locate) {
    this.#column = column;
    this.#locate = locate;
    this.path = column.path;
    this.type = column.type;
    this.nullable = column.nullable;
    this.children = column.children.map((child) => new RawColumn(child, locate));
    this.#values = column.bufferOf("values");
  }

  /** Rows of this column: those of the batch, or for the child of a list the number of items. */
  rows(position: number): number {
    return this.#locate(position).length(this.#column.node);
  }

  /** Null rows. */
  nullCount(position: number): number {
    return this.#locate(position).nullCount(this.#column.node);
  }

  /**
   * The values as they lie: bit-packed bytes for Bool, UTF-8 or plain bytes for strings and binary, 32-bit words for decimals and
   * intervals, indices for dictionaries; undefined for types without a values buffer.
   */
  values(position: number): TypedArray | undefined {
    const index = this.#values;
    if (index === undefined) return undefined;
    return this.#locate(position).array(index, this.#column.valuesClass);
  }

  /** Byte address of the values in the arena, for kernels; undefined for types without a values buffer. */
  valuesAddress(position: number): number | undefined {
    const index = this.#values;
    return index === undefined ? undefined : this.#locate(position).address(index);
  }

  /** Offsets of strings, binary, lists and maps: rows + 1 of them, the first 0; of dense unions, one a row. */
  offsets(position: number): Int32Array | BigInt64Array | undefined {
    const index = this.#column.bufferOf("offsets");
    if (index === undefined) return undefined;
    const reader = this.#locate(position);
    return this.#column.offsetWidth === 8 ? reader.array(index, BigInt64Array) : reader.array(index, Int32Array);
  }

  /** Byte address of the offsets in the arena. */
  offsetsAddress(position: number): number | undefined {
    return this.#addressOf(position, "offsets");
  }

  /** The validity bitmap, bit 0 first; undefined when no row of the batch is null. */
  validity(position: number): Uint8Array | undefined {
    const index = this.#column.bufferOf("validity");
    if (index === undefined) return undefined;
    const bitmap = this.#locate(position).validity(index);
    return bitmap.length === 0 ? undefined : bitmap;
  }

  /** Byte address of the validity bitmap in the arena; undefined when no row of the batch is null. */
  validityAddress(position: number): number | undefined {
    const index = this.#column.bufferOf("validity");
    if (index === undefined) return undefined;
    const reader = this.#locate(position);
    return reader.byteLength(index) === 0 ? undefined : reader.address(index);
  }

  /** Type ids of a union, one a row. */
  typeIds(position: number): Int8Array | undefined {
    const index = this.#column.bufferOf("typeIds");
    return index === undefined ? undefined : this.#locate(position).array(index, Int8Array);
  }

  /** Values of a dictionary-encoded column's dictionary, as in force for the batch. */
  dictionary(position: number): Vector | undefined {
    const column = this.#column;
    return column instanceof DictionaryColumn ? this.#locate(position).dictionary(column.dictionary) : undefined;
  }

  #addressOf(position: number, role: BufferRole): number | undefined {
    const index = this.#column.bufferOf(role);
    return index === undefined ? undefined : this.#locate(position).address(index);
  }
}

/** Name or number of a field, or a list of them that leads to a child; the item of a list is child 0. */
export type ColumnPath = string | number | readonly (string | number)[];

/** The column at `path` among `columns`, whose fields are `fields`. */
export function findColumn(
  columns: readonly RawColumn[],
  fields: readonly { readonly name: string }[],
  path: ColumnPath,
): RawColumn {
  const [step, ...rest] = typeof path === "string" || typeof path === "number" ? [path] : path;
  if (step === undefined) throw new UsageError("the path of a column is empty; expected at least one field");
  const index = typeof step === "number" ? step : fields.findIndex((field) => field.name === step);
  const found = columns[index];
  if (found === undefined) {
    const names = fields.map((field) => JSON.stringify(field.name)).join(", ");
    throw new UsageError(`there is no field ${JSON.stringify(step)}; expected one of ${names || "none"}`);
  }
  if (rest.length === 0) return found;
  // A dictionary's fields are those of its values, which are no children of the column.
  return findColumn(found.children, found.children.length > 0 ? (found.type.children ?? []) : [], rest);
}
