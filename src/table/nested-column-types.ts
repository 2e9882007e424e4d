/**
 * A function for every Arrow type that is made of others. Items of lists, fields of structs and values of maps are not null unless their
 * types are `.nullable()`.
 *
 * @module
 */
import {
  DenseUnion,
  Dictionary,
  Field,
  FixedSizeList,
  Int8,
  Int16,
  Int32,
  List,
  Map_,
  SparseUnion,
  Struct,
  Uint8,
  Uint16,
  Uint32,
} from "apache-arrow";
import { UsageError } from "../errors.js";
import {
  type AnyColumnType,
  ColumnType,
  type ColumnTypes,
  type FixedListOf,
  fieldsOf,
  type InputOf,
  type ObjectInput,
  type ObjectOutput,
  type OutputOf,
} from "./column-type.js";
import { float16, float32, float64 } from "./column-types.js";
import { MOST_32_BITS, whole } from "./whole.js";

type NumberArray =
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array
  | Float32Array
  | Float64Array;
type BigIntArray = BigInt64Array | BigUint64Array;
/** What a list of values is put as: an array, or a typed array of them. */
export type ListInput<Input> =
  | readonly Input[]
  | (number extends Input ? NumberArray : never)
  | (bigint extends Input ? BigIntArray : never);

/** Lists of any length. */
export function list<C extends AnyColumnType>(item: C): ColumnType<ListInput<InputOf<C>>, OutputOf<C>[]> {
  return new ColumnType(new List(item.field("item")), false);
}

/** Lists of one length; read as a typed array where the items are numbers, and none of them is null. */
export function fixedSizeList<C extends AnyColumnType>(
  item: C,
  length: number,
): ColumnType<ListInput<InputOf<C>>, FixedListOf<C>> {
  return new ColumnType(new FixedSizeList(whole("length", length, 1, MOST_32_BITS), item.field("item")), false);
}

/** How the numbers of a vector are stored. */
export type VectorKind = "float16" | "float32" | "float64";

/**
 * Vectors, such as embeddings: taken as arrays or typed arrays of exactly `dimensions` numbers, read as Float32Array, those of float64 as
 * Float64Array.
 *
 * @param dimensions from 1 to 2^31 - 1
 */
export function vector<K extends VectorKind = "float32">(
  dimensions: number,
  kind?: K,
): ColumnType<ListInput<number>, K extends "float64" ? Float64Array : Float32Array>;
export function vector(dimensions: number, kind: VectorKind = "float32"): AnyColumnType {
  const types = { float16, float32, float64 };
  if (!Object.hasOwn(types, kind))
    throw new UsageError(`the kind of a vector is ${String(kind)}; expected float16, float32 or float64`);
  return fixedSizeList(types[kind](), whole("dimensions", dimensions, 1, MOST_32_BITS));
}

/** Objects with these fields. */
export function struct<C extends ColumnTypes>(fields: C): ColumnType<ObjectInput<C>, ObjectOutput<C>> {
  return new ColumnType(new Struct(fieldsOf(fields)), false);
}

/** Maps; those with string keys may be put as objects. Keys are never null. */
export function map<K extends AnyColumnType, V extends AnyColumnType>(
  key: K,
  value: V,
  options: { readonly keysSorted?: boolean } = {},
): ColumnType<
  ReadonlyMap<InputOf<K>, InputOf<V>> | (string extends InputOf<K> ? Readonly<Record<string, InputOf<V>>> : never),
  Map<OutputOf<K>, OutputOf<V>>
> {
  if (key.isNullable) throw new UsageError("the keys of a map are nullable; expected a type that is not");
  const entries = new Struct([key.field("key"), value.field("value")]);
  return new ColumnType(new Map_(new Field<Struct>("entries", entries, false), options.keysSorted ?? false), false);
}

/** One of several types, as { type, value } with the type's name. null is stored as a null of the first type that is nullable. */
export function union<C extends ColumnTypes>(
  types: C,
  options: { readonly mode?: "dense" | "sparse" } = {},
): ColumnType<
  { [K in keyof C]: { readonly type: K; readonly value: InputOf<C[K]> } }[keyof C],
  { [K in keyof C]: { type: K; value: OutputOf<C[K]> } }[keyof C]
> {
  const fields = fieldsOf(types);
  if (fields.length === 0 || fields.length > 128) {
    throw new UsageError(`a union has ${fields.length} types; expected 1 to 128`);
  }
  const ids = fields.map((_, id) => id);
  const arrow = options.mode === "sparse" ? new SparseUnion(ids, fields) : new DenseUnion(ids, fields);
  return new ColumnType(arrow, false);
}

/** Types of a dictionary's indices. */
const INDICES = { int8: Int8, int16: Int16, int32: Int32, uint8: Uint8, uint16: Uint16, uint32: Uint32 } as const;

/** Values of which many are equal, each stored once in a batch. */
export function dictionary<C extends AnyColumnType>(
  values: C,
  options: { readonly indices?: keyof typeof INDICES } = {},
): ColumnType<InputOf<C>, OutputOf<C>> {
  if (values.isNullable) {
    throw new UsageError("the values of a dictionary are nullable; call .nullable() on the dictionary instead");
  }
  const indices = new INDICES[options.indices ?? "int32"]();
  return new ColumnType(new Dictionary(values.arrow, indices), false);
}
