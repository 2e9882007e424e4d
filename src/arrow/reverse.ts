/**
 * Arrow data with its rows in reverse order, newest first, for every type of apache-arrow 18.1.
 *
 * The result is plain: buffers of its own in unshared memory, offset 0, offsets from 0 on, no null bitmap when nothing is null. Only
 * dictionaries are kept as they are, and shared with the source.
 *
 * @module
 */
import { type Data, type RecordBatch, Type } from "apache-arrow";
import { bytesOf, type FixedArrayConstructor, fixedLayout, offsets32Of, unsupportedType } from "./fixed-layout.js";
import { recordBatch } from "./record-batch.js";
import { reverseBits } from "./reverse-bits.js";
import { reverseFixed } from "./reverse-fixed.js";
import { reverseVar } from "./reverse-var.js";
import type { Reverser } from "./reverser.js";
import { childrenOf, isDenseUnion, listSizeOf, onlyChildOf, takeRows } from "./take.js";
import { ALL_VALID, bitmapWithNulls, countBits, type Validity } from "./take-bits.js";
import { plainData, UNION_VALIDITY } from "./take-parts.js";
import { narrowOffsets, widenOffsets } from "./take-var.js";

/**
 * `batch` with its rows reversed; schema and metadata are those of `batch` itself.
 *
 * @param hook - a faster way to reverse utf8 and binary columns, where there is one.
 * @throws UsageError for an unsupported type.
 * @throws CorruptError when the buffers of a column contradict each other.
 */
export function reverseBatch(batch: RecordBatch, hook?: Reverser): RecordBatch {
  const rows = batch.numRows;
  const children = childrenOf(batch.data, rows).map((child) => reverseRows(child, rows, hook));
  return recordBatch(batch.schema, batch.data.type, rows, children);
}

/**
 * `data` with its rows reversed.
 *
 * @param hook - a faster way to reverse utf8 and binary columns, where there is one.
 * @throws UsageError for an unsupported type.
 * @throws CorruptError when the buffers of `data` contradict each other.
 */
export function reverseData(data: Data, hook?: Reverser): Data {
  return reverseRows(data, data.length, hook);
}

/** The first `rows` rows of `data`, reversed. */
function reverseRows(data: Data, rows: number, hook: Reverser | undefined): Data {
  const { type } = data;
  switch (type.typeId) {
    case Type.Null:
      return plainData(type, rows, { nullBitmap: undefined, nullCount: rows }, {});
    case Type.Bool: {
      const values = reverseBits(bytesOf(data.values), data.offset, rows);
      return plainData(type, rows, reverseValidity(data, rows), { values });
    }
    case Type.Utf8:
    case Type.Binary:
    case Type.LargeUtf8:
    case Type.LargeBinary:
      return reverseVarRows(data, rows, hook);
    case Type.FixedSizeList:
      return reverseFixedSizeListRows(data, rows, hook);
    case Type.Struct: {
      const children = childrenOf(data, rows).map((child) => reverseRows(child, rows, hook));
      return plainData(type, rows, reverseValidity(data, rows), { children });
    }
    case Type.Union:
      return isDenseUnion(type) ? takeRows(data, descending(rows)) : reverseSparseUnionRows(data, rows, hook);
    case Type.List:
    case Type.Map:
      return takeRows(data, descending(rows));
    default:
      return reverseFixedRows(data, rows, hook);
  }
}

function descending(rows: number): Uint32Array {
  const indices = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) indices[row] = rows - 1 - row;
  return indices;
}

function reverseValidity(data: Data, rows: number): Validity {
  const bitmap = bitmapWithNulls(data);
  if (bitmap === undefined) return ALL_VALID;
  const nullBitmap = reverseBits(bitmap, data.offset, rows);
  const nullCount = rows === data.length ? data.nullCount : rows - countBits(nullBitmap);
  return nullCount === 0 ? ALL_VALID : { nullBitmap, nullCount };
}

function reverseFixedRows(data: Data, rows: number, hook: Reverser | undefined): Data {
  const { type } = data;
  const { array, bytesPerRow } = fixedLayout(type) ?? unsupportedType(type);
  const values = fixedReversed(bytesOf(data.values), array, bytesPerRow, rows, hook);
  return plainData(type, rows, reverseValidity(data, rows), { values, dictionary: data.dictionary });
}

function fixedReversed(
  source: Uint8Array,
  array: FixedArrayConstructor,
  bytesPerRow: number,
  rows: number,
  hook: Reverser | undefined,
): ArrayBufferView {
  return hook?.reverseFixed(source, array, bytesPerRow, rows) ?? reverseFixed(source, array, bytesPerRow, rows);
}

function reverseVarRows(data: Data, rows: number, hook: Reverser | undefined): Data {
  const { type } = data;
  const bytes = bytesOf(data.values);
  const large = type.typeId === Type.LargeUtf8 || type.typeId === Type.LargeBinary;
  const source = large
    ? narrowOffsets(data.valueOffsets, bytes, rows)
    : { offsets: offsets32Of(data.valueOffsets), data: bytes };
  const reversed = hook?.reverse32(source.offsets, source.data, rows) ?? reverseVar(source.offsets, source.data, rows);
  const valueOffsets = large ? widenOffsets(reversed.offsets) : reversed.offsets;
  return plainData(type, rows, reverseValidity(data, rows), { valueOffsets, values: reversed.data });
}

function reverseFixedSizeListRows(data: Data, rows: number, hook: Reverser | undefined): Data {
  const { type } = data;
  const listSize = listSizeOf(type);
  const child = onlyChildOf(data, listSize * rows);
  const layout = fixedLayout(child.type);
  if (layout === undefined || bitmapWithNulls(child) !== undefined) return takeRows(data, descending(rows));
  // Vectors of numbers, the common case: a whole list is moved as one wide row.
  const values = fixedReversed(bytesOf(child.values), layout.array, listSize * layout.bytesPerRow, rows, hook);
  const items = plainData(child.type, listSize * rows, ALL_VALID, { values, dictionary: child.dictionary });
  return plainData(type, rows, reverseValidity(data, rows), { children: [items] });
}

function reverseSparseUnionRows(data: Data, rows: number, hook: Reverser | undefined): Data {
  const typeIds = new Int8Array(rows);
  typeIds.set(new Int8Array(bytesOf(data.typeIds).subarray(0, rows)));
  const children = childrenOf(data, rows).map((child) => reverseRows(child, rows, hook));
  return plainData(data.type, rows, UNION_VALIDITY, { typeIds: typeIds.reverse(), children });
}
