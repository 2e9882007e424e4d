/**
 * A reference reader of Arrow data: what a batch means, as plain JavaScript values, read straight from the buffers as the Arrow
 * columnar format describes them. Two batches mean the same exactly when their rows are deep-equal.
 *
 * It stands in for apache-arrow 18.1's own `Vector.get`, which cannot serve as the judge because
 * - timestamps and dates in milliseconds become float64 numbers and throw past 2^53 (`bigIntToNumber`), and timestamps in
 *   micro- or nanoseconds are rounded;
 * - a dictionary with 64-bit indices throws (a bigint is added to a number);
 * - a decimal of 256 bits prints as its low bits;
 * - year-month intervals come as a pair, and a column of month-day-nano intervals is read as such a pair with a wrong stride;
 * - a struct field named like a method of its row (`toJSON`, `toArray`) yields the method;
 * - the value of a union does not say which of its children it came from;
 * - `RecordBatch` loses the rows of a batch without columns, and gives the wrong type to one of two fields of the same name.
 *
 * | type | value |
 * |---|---|
 * | int, date, time, timestamp, duration, year-month interval | number or bigint, as stored |
 * | float16, float32, float64 | number, NaN included |
 * | decimal | bigint, unscaled |
 * | day-time interval | [days, milliseconds] |
 * | utf8 | string |
 * | binary, fixed-size binary | array of bytes |
 * | list, fixed-size list | array |
 * | map | array of [key, value] |
 * | struct | object by field name |
 * | union | { typeId, value } |
 * | dictionary | the value pointed at |
 *
 * @module
 */
import { Type, UnionMode } from "apache-arrow";
import type { DataLike, TypeLike, VectorLike } from "../src/arrow/shape.js";

/** A batch, as far as its rows are concerned. */
export interface BatchRows {
  readonly numRows: number;
  readonly data: { readonly children: readonly DataLike[] };
}

/** All rows of `batch`, each an array with one value per column. */
export function rowsOf(batch: BatchRows): unknown[][] {
  const columns = batch.data.children.map(valuesOf);
  return Array.from({ length: batch.numRows }, (_, row) => columns.map((values) => values[row]));
}

/** All values of `data`. */
export function valuesOf(data: DataLike): unknown[] {
  return Array.from({ length: data.length }, (_, row) => valueAt(data, row));
}

/** The value of row `row` of `data`, null where it is null. */
function valueAt(data: DataLike, row: number): unknown {
  if (row < 0 || row >= data.length) throw new RangeError(`row ${row} of ${data.length}`);
  const { type } = data;
  if (type.typeId === Type.Null || (type.typeId !== Type.Union && !isValid(data, row))) return null;
  switch (type.typeId) {
    case Type.Bool:
      return bitAt(bytes(data.values), data.offset + row);
    case Type.Float:
      return floatAt(data, row);
    case Type.Decimal:
      return decimalAt(data, row);
    case Type.Interval:
      return type.unit === 1
        ? [numberAt(data.values, 2 * row), numberAt(data.values, 2 * row + 1)]
        : scalarAt(data, row);
    case Type.FixedSizeBinary: {
      const width = type.byteWidth ?? 0;
      return Array.from(bytes(data.values).subarray(width * row, width * (row + 1)));
    }
    case Type.Utf8:
    case Type.LargeUtf8:
      return new TextDecoder().decode(bytes(data.values).slice(...rangeAt(data, row)));
    case Type.Binary:
    case Type.LargeBinary:
      return Array.from(bytes(data.values).subarray(...rangeAt(data, row)));
    case Type.List:
      return itemsAt(data, ...rangeAt(data, row));
    case Type.Map:
      return itemsAt(data, ...rangeAt(data, row)).map((entry) => Object.values(Object(entry)));
    case Type.FixedSizeList: {
      const size = type.listSize ?? 0;
      return itemsAt(data, size * row, size * (row + 1));
    }
    case Type.Struct:
      return Object.fromEntries((type.children ?? []).map(({ name }, i) => [name, valueAt(childOf(data, i), row)]));
    case Type.Union:
      return unionAt(data, row);
    case Type.Dictionary:
      return dictionaryAt(data, row);
    default:
      return scalarAt(data, row);
  }
}

function isValid(data: DataLike, row: number): boolean {
  const bitmap = bytes(data.nullBitmap);
  return bitmap.byteLength === 0 || bitAt(bitmap, data.offset + row);
}

function bytes(view: ArrayBufferView | null | undefined): Uint8Array {
  return view ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : new Uint8Array(0);
}

function bitAt(bitmap: Uint8Array, bit: number): boolean {
  return (((bitmap[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1;
}

/** One element of a typed array of any kind. */
function elementAt(view: ArrayBufferView | undefined, index: number): number | bigint {
  const value: unknown = view === undefined ? undefined : Reflect.get(view, index);
  if (typeof value !== "number" && typeof value !== "bigint") throw new RangeError(`no element ${index} in a buffer`);
  return value;
}

function numberAt(view: ArrayBufferView | undefined, index: number): number {
  return Number(elementAt(view, index));
}

function scalarAt(data: DataLike, row: number): number | bigint {
  return elementAt(data.values, row);
}

function floatAt(data: DataLike, row: number): number {
  const value = numberAt(data.values, row);
  if (data.type.precision !== 0) return value;
  const exponent = (value >> 10) & 0x1f;
  const fraction = value & 0x3ff;
  const sign = value & 0x8000 ? -1 : 1;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function decimalAt(data: DataLike, row: number): bigint {
  const words = (data.type.bitWidth ?? 128) / 32;
  let value = 0n;
  for (let word = words - 1; word >= 0; word--)
    value = (value << 32n) | BigInt(numberAt(data.values, words * row + word));
  return BigInt.asIntN(32 * words, value);
}

function rangeAt(data: DataLike, row: number): [number, number] {
  return [numberAt(data.valueOffsets, row), numberAt(data.valueOffsets, row + 1)];
}

function itemsAt(data: DataLike, start: number, end: number): unknown[] {
  const child = childOf(data, 0);
  return Array.from({ length: end - start }, (_, item) => valueAt(child, start + item));
}

function childOf(data: DataLike, index: number): DataLike {
  const child = data.children?.[index];
  if (child === undefined) throw new RangeError(`no child ${index}`);
  return child;
}

function unionAt(data: DataLike, row: number): { typeId: number; value: unknown } {
  const { type } = data;
  const typeId = numberAt(data.typeIds, row);
  const child = childOf(data, Array.from(type.typeIds ?? []).indexOf(typeId));
  return { typeId, value: valueAt(child, type.mode === UnionMode.Dense ? numberAt(data.valueOffsets, row) : row) };
}

function dictionaryAt(data: DataLike, row: number): unknown {
  const dictionary: VectorLike | null | undefined = data.dictionary;
  let index = Number(scalarAt(data, row));
  for (const chunk of dictionary?.data ?? []) {
    if (index >= 0 && index < chunk.length) return valueAt(chunk, index);
    index -= chunk.length;
  }
  throw new RangeError(`index ${index} is past the end of its dictionary`);
}

/** Every type that occurs in `types`, those of children and dictionaries included. */
export function allTypes(types: readonly TypeLike[]): TypeLike[] {
  return types.flatMap((type) => [
    type,
    ...allTypes((type.typeId === Type.Dictionary ? [] : (type.children ?? [])).map((field) => field.type)),
    ...allTypes(type.dictionary ? [type.dictionary] : []),
  ]);
}
