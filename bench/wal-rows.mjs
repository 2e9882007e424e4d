/**
 * The rows that are put: int64 key, float64, utf8 of 16 characters, in every form that a side may want. The forms are made beforehand, so
 * that nobody's time holds a conversion that its users could leave out.
 */
// @ts-check
import {
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  Utf8,
} from "apache-arrow";

const TEXT_BYTES = 16;
/** Marks the key's field for LanceDB. */
export const KEY_METADATA = new Map([["lance-schema:unenforced-primary-key:position", "1"]]);

/** The shard of a table that is not sharded, by the name that LanceDB gives it. */
export const UNSHARDED = "aa48498d-ac91-59e2-8452-69f46010ace2";
export const KEY = "id";
export const rowSchema = new Schema([
  new Field(KEY, new Int64(), false, KEY_METADATA),
  new Field("value", new Float64(), true),
  new Field("text", new Utf8(), true),
]);

/** @typedef {{ id: bigint, value: number, text: string }} Row */

/**
 * What one put writes.
 *
 * @typedef {object} Portion
 * @property {RecordBatch} batch
 * @property {Table} table of that batch
 * @property {readonly Row[]} rows the same as objects
 */

/**
 * `count` portions of `rows` rows each, all keys different.
 *
 * @param {number} count
 * @param {number} rows
 * @param {number} [firstKey]
 * @returns {Portion[]}
 */
export function portions(count, rows, firstKey = 0) {
  return Array.from({ length: count }, (_, portion) => portionOf(rows, firstKey + portion * rows));
}

/** @param {number} rows @param {number} firstKey @returns {Portion} */
function portionOf(rows, firstKey) {
  const keys = BigInt64Array.from({ length: rows }, (_, row) => BigInt(firstKey + row));
  const batch = batchOf(keys);
  const objects = Array.from(keys, (id) => ({ id, value: Number(id) / 8, text: textOf(id) }));
  return { batch, table: new Table([batch]), rows: objects };
}

/**
 * The rows with these keys.
 *
 * @param {BigInt64Array} keys
 */
export function batchOf(keys) {
  const { length } = keys;
  const text = Array.from(keys, textOf);
  const children = [
    makeData({ type: new Int64(), length, nullCount: 0, data: keys }),
    makeData({ type: new Float64(), length, nullCount: 0, data: Float64Array.from(keys, (key) => Number(key) / 8) }),
    makeData({
      type: new Utf8(),
      length,
      nullCount: 0,
      valueOffsets: Int32Array.from({ length: length + 1 }, (_, row) => row * TEXT_BYTES),
      data: new TextEncoder().encode(text.join("")),
    }),
  ];
  return new RecordBatch(rowSchema, makeData({ type: new Struct(rowSchema.fields), length, nullCount: 0, children }));
}

/** @param {bigint} key */
function textOf(key) {
  return key.toString(36).padStart(TEXT_BYTES, "abcdefghijklmnop");
}

const DIMENSIONS = 768;
const VECTOR_ROWS = 2_600;

/** int64 key, vector of 768 float32: rows of 3 KB. */
export const vectorSchema = new Schema([
  new Field(KEY, new Int64(), false, KEY_METADATA),
  new Field("vector", new FixedSizeList(DIMENSIONS, new Field("item", new Float32(), true)), true),
]);

/**
 * `count` batches of 8 MB, all keys different.
 *
 * @param {number} count
 */
export function vectorBatches(count) {
  return Array.from({ length: count }, (_, batch) => {
    const length = VECTOR_ROWS;
    const keys = BigInt64Array.from({ length }, (_, row) => BigInt(batch * length + row));
    const numbers = new Float32Array(length * DIMENSIONS).map((_, i) => ((i + batch) % 1024) / 1024);
    const [key, vector] = vectorSchema.fields.map((field) => field.type);
    if (!(key instanceof Int64) || !(vector instanceof FixedSizeList)) throw new Error("not the schema of vectors");
    const items = makeData({ type: new Float32(), length: numbers.length, nullCount: 0, data: numbers });
    const children = [
      makeData({ type: key, length, nullCount: 0, data: keys }),
      makeData({ type: vector, length, nullCount: 0, child: items }),
    ];
    const type = new Struct(vectorSchema.fields);
    return new RecordBatch(vectorSchema, makeData({ type, length, nullCount: 0, children }));
  });
}
