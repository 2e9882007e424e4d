/**
 * The batches that benchmarks append, and the bytes of their rows for peers that copy the same.
 */
// @ts-check
import { Field, Float64, Int32, Int64, makeData, RecordBatch, Schema, Struct, Utf8 } from "apache-arrow";

const TEXT_BYTES = 16;
/** Alignment of buffers in an arena; peers keep to it too. */
const ALIGNMENT = 64;

/** int64, float64, utf8 of 16 characters. */
export const mixedSchema = new Schema([
  new Field("id", new Int64(), true),
  new Field("value", new Float64(), true),
  new Field("text", new Utf8(), true),
]);

/** int32, int32. */
export const pairSchema = new Schema([new Field("a", new Int32(), true), new Field("b", new Int32(), true)]);

/** int64. */
export const longSchema = new Schema([new Field("id", new Int64(), true)]);

/**
 * @param {Schema} schema
 * @param {number} rows
 * @param {import("apache-arrow").Data[]} children
 */
function batchOf(schema, rows, children) {
  const type = new Struct(schema.fields);
  return new RecordBatch(schema, makeData({ type, length: rows, nullCount: 0, children }));
}

/**
 * @param {number} rows
 * @param {number} [seed] makes the values differ
 * @param {number} [firstTextBytes] characters of the first string; all others have 16
 */
export function mixedBatch(rows, seed = 0, firstTextBytes = TEXT_BYTES) {
  const ids = BigInt64Array.from({ length: rows }, (_, row) => BigInt(seed * rows + row));
  const values = Float64Array.from({ length: rows }, (_, row) => (seed + row) / 8);
  const offsets = new Int32Array(rows + 1);
  for (let row = 1; row <= rows; row++) offsets[row] = firstTextBytes + TEXT_BYTES * (row - 1);
  const text = new Uint8Array(offsets[rows] ?? 0).map((_, i) => 97 + ((i + seed) % 26));
  return batchOf(mixedSchema, rows, [
    makeData({ type: new Int64(), length: rows, nullCount: 0, data: ids }),
    makeData({ type: new Float64(), length: rows, nullCount: 0, data: values }),
    makeData({ type: new Utf8(), length: rows, nullCount: 0, valueOffsets: offsets, data: text }),
  ]);
}

/**
 * A slice whose offsets start at an odd row and whose strings start at an odd byte.
 *
 * @param {number} rows
 * @param {number} odd first row, and characters of the string before it
 */
export function oddSlice(rows, odd) {
  return mixedBatch(rows + odd, odd, odd).slice(odd, odd + rows);
}

/** @param {number} rows @param {number} [seed] */
export function pairBatch(rows, seed = 0) {
  const column = () =>
    makeData({
      type: new Int32(),
      length: rows,
      nullCount: 0,
      data: Int32Array.from({ length: rows }, (_, row) => seed * rows + row),
    });
  return batchOf(pairSchema, rows, [column(), column()]);
}

/** @param {number} rows */
export function longBatch(rows) {
  const data = new BigInt64Array(rows).map((_, row) => BigInt(row));
  return batchOf(longSchema, rows, [makeData({ type: new Int64(), length: rows, nullCount: 0, data })]);
}

/**
 * The bytes of a mixed batch's rows, each buffer in memory of its own, so well aligned.
 *
 * @param {RecordBatch} batch
 * @returns {Uint8Array[]}
 */
export function plainPieces(batch) {
  const rows = batch.numRows;
  return batch.data.children.flatMap((child) => {
    const offsets = child.valueOffsets;
    const values = child.values;
    if (!(offsets instanceof Int32Array)) return [bytesOf(values).slice(0, rows * values.BYTES_PER_ELEMENT)];
    const used = offsets.slice(0, rows + 1);
    return [bytesOf(used), bytesOf(values).slice(used[0], used[rows])];
  });
}

/**
 * Copies the pieces to `target`, each at the next multiple of 64 bytes, the least that any store has to do.
 *
 * @param {Uint8Array} target
 * @param {number} at
 * @param {readonly Uint8Array[]} pieces
 * @returns {number} where the next copy goes
 */
export function setPieces(target, at, pieces) {
  let end = at;
  for (const piece of pieces) {
    target.set(piece, end);
    end += Math.ceil(piece.byteLength / ALIGNMENT) * ALIGNMENT;
  }
  return end;
}

/** @param {ArrayBufferView} view */
function bytesOf(view) {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
