/**
 * Record batches for the tests of the store, small and known: every value follows from the arguments.
 *
 * @module
 */
import {
  Binary,
  Bool,
  type Data,
  type DataType,
  DenseUnion,
  Dictionary,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  LargeUtf8,
  List,
  Map_,
  makeData,
  Null,
  type RecordBatch,
  Schema,
  SparseUnion,
  Struct,
  TimestampMicrosecond,
  Utf8,
  Vector,
  vectorFromArray,
} from "apache-arrow";
import { batchOf, buildBatch } from "./arrow-arbitrary.js";
import { DataBuilder, Random } from "./arrow-random-data.js";

/** Two int32 columns, as the original's tests have them. */
export const pairSchema = new Schema([new Field("id", new Int32(), false), new Field("value", new Int32(), false)]);

/** Bytes of one row of {@link pairBatch}. */
export const PAIR_ROW_BYTES = 8;

/** `rows` rows: ids `first`, `first + 1` …, and values ten times as large. */
export function pairBatch(rows: number, first = 0): RecordBatch {
  const ids = Int32Array.from({ length: rows }, (_, i) => first + i);
  return batchOf(pairSchema, rows, [int32(ids), int32(ids.map((id) => 10 * id))]);
}

/** The ids of a batch of {@link pairSchema}. */
export function idsOf(batch: RecordBatch): number[] {
  return Array.from({ length: batch.numRows }, (_, row) => Number(batch.getChildAt(0)?.get(row)));
}

/** Data of int32 rows; with a bitmap of `nulls` when there are any. */
export function int32(values: Int32Array, nulls: readonly number[] = []): Data<Int32> {
  if (nulls.length === 0) return makeData({ type: new Int32(), data: values });
  const nullBitmap = new Uint8Array(Math.ceil(values.length / 8)).fill(0xff);
  for (const row of nulls) nullBitmap[row >> 3] = (nullBitmap[row >> 3] ?? 0) & ~(1 << (row & 7));
  return makeData({ type: new Int32(), length: values.length, nullCount: nulls.length, data: values, nullBitmap });
}

/** A column of each kind of layout, most of them nullable; without dictionaries. */
export const mixedSchema = new Schema([
  new Field("id", new Int64(), false),
  new Field("ok", new Bool(), true),
  new Field("price", new Float64(), true),
  new Field("name", new Utf8(), true),
  new Field("note", new LargeUtf8(), true),
  new Field("raw", new Binary(), false),
  new Field("at", new TimestampMicrosecond(), true),
  new Field("vector", new FixedSizeList(3, new Field("item", new Float32(), true)), true),
  new Field("tags", new List(new Field("item", new Utf8(), true)), true),
  new Field("place", new Struct([new Field("x", new Int16(), true), new Field("label", new Utf8(), true)]), true),
]);

/** Every kind of layout there is, dictionaries, maps and unions too. */
export const wideSchema = new Schema([
  ...mixedSchema.fields,
  new Field("nothing", new Null(), true),
  new Field("color", new Dictionary(new Utf8(), new Int8(), 900), true),
  new Field("counts", new Map_(mapEntries(), false), true),
  new Field("dense", new DenseUnion([3, 7], unionFields()), true),
  new Field("sparse", new SparseUnion([0, 1], unionFields()), true),
  new Field("words", new List(new Field("item", new Dictionary(new Utf8(), new Int32(), 901), true)), true),
]);

function mapEntries(): Field<Struct<{ key: Utf8; value: Int32 }>> {
  return new Field(
    "entries",
    new Struct([new Field("key", new Utf8(), false), new Field("value", new Int32(), true)]),
    false,
  );
}

function unionFields(): Field[] {
  return [new Field("n", new Int32(), true), new Field("s", new Utf8(), true)];
}

/**
 * A batch of any schema whose bytes follow from `seed`: with nulls, slices, odd offsets and a dictionary of its own. Two calls with
 * the same arguments make equal batches, also in different threads.
 */
export function seededBatch(schema: Schema, seed: number, rows: number): RecordBatch {
  return buildBatch(schema, rows, new DataBuilder(new Random(seed)));
}

/** One dictionary-encoded column. */
export const colorSchema = new Schema([new Field("color", new Dictionary(new Utf8(), new Int8(), 77), true)]);

/** `indices` into the dictionary of `colors`; -1 stands for null. */
export function colorBatch(colors: readonly string[] | Vector, indices: readonly number[]): RecordBatch {
  const dictionary = colors instanceof Vector ? colors : vectorFromArray([...colors], new Utf8());
  const nullBitmap = new Uint8Array(Math.ceil(indices.length / 8));
  indices.forEach((index, row) => {
    if (index >= 0) nullBitmap[row >> 3] = (nullBitmap[row >> 3] ?? 0) | (1 << (row & 7));
  });
  const type = typeOf(colorSchema, 0);
  if (!(type instanceof Dictionary)) throw new TypeError("the column must be a dictionary");
  const data = makeData({
    type,
    length: indices.length,
    nullCount: indices.filter((index) => index < 0).length,
    nullBitmap,
    data: Int8Array.from(indices),
    dictionary,
  });
  return batchOf(colorSchema, indices.length, [data]);
}

/** The type of column `index`. */
function typeOf(schema: Schema, index: number): DataType {
  const field = schema.fields[index];
  if (field === undefined) throw new RangeError(`no field ${index}`);
  return field.type;
}

/** The error that `action` throws. */
export function thrown(action: () => unknown): unknown {
  let result: unknown;
  try {
    result = action();
  } catch (error) {
    return error;
  }
  throw new Error(`expected an error, got ${String(result)}`);
}
