/**
 * Keys for the benchmarks of the memtable's index, and batches of them.
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
  Utf8,
} from "apache-arrow";
import { keep } from "./measure.mjs";

/** Rows of a batch, and keys looked up at once. */
export const BATCH_ROWS = 8192;
const TEXT_BYTES = 16;
const DIMENSIONS = 128;

export const longSchema = new Schema([new Field("id", new Int64(), false)]);
export const textSchema = new Schema([new Field("id", new Utf8(), false)]);
const vectorType = new FixedSizeList(DIMENSIONS, new Field("item", new Float32(), true));
/** int64 key, float64, vector of 128 float32. */
export const vectorSchema = new Schema([
  new Field("id", new Int64(), false),
  new Field("value", new Float64(), true),
  new Field("vector", vectorType, true),
]);

/** The numbers below `count` in a random order, the same for the same seed. @param {number} count @param {number} seed */
export function shuffled(count, seed) {
  const keys = BigInt64Array.from({ length: count }, (_, i) => BigInt(i));
  let state = seed;
  for (let i = count - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (i + 1));
    const key = keys[i] ?? 0n;
    keys[i] = keys[other] ?? 0n;
    keys[other] = key;
  }
  return keys;
}

/** @param {BigInt64Array} keys */
export function longData(keys) {
  return makeData({ type: new Int64(), length: keys.length, nullCount: 0, data: keys });
}

/** @param {Schema} schema @param {number} rows @param {import("apache-arrow").Data[]} children */
function batchOf(schema, rows, children) {
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children }));
}

/** @template T @param {BigInt64Array} keys @param {number} rows @param {(part: BigInt64Array) => T} make @returns {T[]} */
function inParts(keys, rows, make) {
  const parts = [];
  for (let from = 0; from < keys.length; from += rows) parts.push(make(keys.subarray(from, from + rows)));
  return parts;
}

/** @param {BigInt64Array} keys */
export function longBatches(keys) {
  return inParts(keys, BATCH_ROWS, (part) => batchOf(longSchema, part.length, [longData(part)]));
}

/** Each key as 16 characters. @param {BigInt64Array} keys */
export function textBatches(keys) {
  return inParts(keys, BATCH_ROWS, (part) => {
    const data = new TextEncoder().encode(Array.from(part, (key) => `key-${String(key).padStart(12, "0")}`).join(""));
    const valueOffsets = Int32Array.from({ length: part.length + 1 }, (_, i) => TEXT_BYTES * i);
    return batchOf(textSchema, part.length, [
      makeData({ type: new Utf8(), length: part.length, nullCount: 0, valueOffsets, data }),
    ]);
  });
}

/** @param {BigInt64Array} keys @param {number} rows of a batch */
export function vectorBatches(keys, rows) {
  const values = new Float64Array(rows);
  const items = new Float32Array(rows * DIMENSIONS).map((_, i) => i / 7);
  return inParts(keys, rows, (part) => {
    const { length } = part;
    const child = makeData({ type: new Float32(), length: length * DIMENSIONS, nullCount: 0, data: items });
    return batchOf(vectorSchema, length, [
      longData(part),
      makeData({ type: new Float64(), length, nullCount: 0, data: values }),
      makeData({ type: vectorType, length, nullCount: 0, child }),
    ]);
  });
}

const out = new Uint32Array(BATCH_ROWS);

/** Looks all keys up, in batches. @param {import("../src/memtable/memtable.js").Memtable} memtable @param {BigInt64Array} keys */
export function lookUp(memtable, keys) {
  const { rows } = memtable.snapshot();
  for (let from = 0; from < keys.length; from += BATCH_ROWS) {
    const part = keys.subarray(from, from + BATCH_ROWS);
    const found = out.subarray(0, part.length);
    memtable.find([longData(part)], rows, found);
    keep(found[0] ?? 0);
  }
}
