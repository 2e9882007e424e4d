/**
 * Stored Parquet values → the buffers of an Arrow column: widened or narrowed to the column's type, and spread over its slots.
 *
 * Slots without a value hold zeros (or an empty string).
 *
 * @module
 */

import { DataType } from "apache-arrow";
import { CorruptError } from "../errors.js";
import type { Leaf } from "./parquet-schema.js";
import { type ByteArrays, FixedValues, type LeafValues } from "./parquet-values.js";

/** Arrow buffers by their number in `Data`: 0 offsets, 1 values. */
export interface ArrowValues {
  0?: Int32Array;
  1?: unknown;
}

const JULIAN_DAY_OF_EPOCH = 2_440_588n;
const NANOS_PER_DAY = 86_400_000_000_000n;

/** Lays the values of a leaf out over `count` slots, of which `present` says which have one. @throws CorruptError */
export function toArrowValues(
  leaf: Leaf,
  values: LeafValues,
  present: Uint8Array | undefined,
  count: number,
): ArrowValues {
  const filled = present === undefined ? count : countSet(present);
  if (values.count !== filled) throw new CorruptError(`a column has ${values.count} values for ${filled} slots`);
  const { type } = leaf;
  if (DataType.isUtf8(type) || DataType.isBinary(type)) return spreadBytes(asByteArrays(values), present, count);
  const { bytes, width } = toFixed(leaf, values);
  const spread = present === undefined ? bytes : spreadFixed(bytes, width, present, count);
  if (DataType.isBool(type)) return { 1: packBits(spread, count) };
  const array: TypedArrayClass = type.ArrayType;
  return { 1: new array(spread.buffer, spread.byteOffset, (count * width) / array.BYTES_PER_ELEMENT) };
}

interface TypedArrayClass {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, byteOffset: number, length: number): unknown;
}

interface Fixed {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly width: number;
}

/** The values in the width of the Arrow type. */
function toFixed(leaf: Leaf, values: LeafValues): Fixed {
  const { type, element } = leaf;
  if (DataType.isDecimal(type))
    return decimals(values, type.bitWidth / 8, element.type === "INT32" || element.type === "INT64");
  if (!(values instanceof FixedValues)) throw new CorruptError("byte arrays where values of fixed width are needed");
  if (element.type === "INT96") return int96(values);
  if (DataType.isInt(type) && type.bitWidth < 32) {
    const stored = new Int32Array(values.bytes.buffer, 0, values.count);
    const narrow = type.bitWidth === 8 ? new Int8Array(stored) : new Int16Array(stored);
    return { bytes: new Uint8Array(narrow.buffer), width: type.bitWidth / 8 };
  }
  return { bytes: values.bytes, width: values.width };
}

/** Stored little-endian (integers) or big-endian (byte arrays), two's complement; Arrow's are little-endian. */
function decimals(values: LeafValues, width: number, little: boolean): Fixed {
  const { count } = values;
  const bytes = new Uint8Array(count * width);
  const source = values instanceof FixedValues ? values.bytes : values.data;
  const ends = values instanceof FixedValues ? undefined : values.ends;
  const fixedWidth = values instanceof FixedValues ? values.width : 0;
  for (let i = 0; i < count; i++) {
    const start = ends === undefined ? i * fixedWidth : i === 0 ? 0 : (ends[i - 1] ?? 0);
    const length = ends === undefined ? fixedWidth : (ends[i] ?? 0) - start;
    const byteAt = (place: number): number => source[little ? start + place : start + length - 1 - place] ?? 0;
    const fill = length > 0 && byteAt(length - 1) >= 0x80 ? 0xff : 0;
    for (let place = 0; place < width; place++) bytes[i * width + place] = place < length ? byteAt(place) : fill;
    for (let place = width; place < length; place++) {
      if (byteAt(place) !== fill) throw new CorruptError(`a decimal of ${length} bytes does not fit in ${width}`);
    }
  }
  return { bytes, width };
}

/** Nanoseconds of the day, then the Julian day: the timestamps of Impala and old Spark. */
function int96(values: FixedValues): Fixed {
  const view = new DataView(values.bytes.buffer, 0, values.bytes.length);
  const out = new BigInt64Array(values.count);
  for (let i = 0; i < out.length; i++) {
    const days = BigInt(view.getUint32(i * 12 + 8, true)) - JULIAN_DAY_OF_EPOCH;
    out[i] = days * NANOS_PER_DAY + view.getBigInt64(i * 12, true);
  }
  return { bytes: new Uint8Array(out.buffer), width: 8 };
}

function spreadFixed(bytes: Uint8Array, width: number, present: Uint8Array, count: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(count * width);
  // Runs of slots with values move at once: nulls are few, or come in runs themselves, in most columns.
  let from = 0;
  for (let slot = 0; slot < count; ) {
    if (present[slot] !== 1) {
      slot += 1;
      continue;
    }
    const start = slot;
    while (slot < count && present[slot] === 1) slot += 1;
    const length = (slot - start) * width;
    if (length > 64) out.set(bytes.subarray(from, from + length), start * width);
    else for (let i = 0; i < length; i++) out[start * width + i] = bytes[from + i] ?? 0;
    from += length;
  }
  return out;
}

function spreadBytes(values: ByteArrays, present: Uint8Array | undefined, count: number): ArrowValues {
  const { ends, data } = values;
  const offsets = new Int32Array(count + 1);
  if (present === undefined) {
    offsets.set(ends, 1);
    return { 0: offsets, 1: data };
  }
  let value = 0;
  let end = 0;
  for (let slot = 0; slot < count; slot++) {
    if (present[slot] === 1) end = ends[value++] ?? 0;
    offsets[slot + 1] = end;
  }
  return { 0: offsets, 1: data };
}

function asByteArrays(values: LeafValues): ByteArrays {
  if (values instanceof FixedValues) throw new CorruptError("values of fixed width where byte arrays are needed");
  return values;
}

function packBits(flags: Uint8Array, count: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil(count / 8));
  for (let i = 0; i < count; i++) if (flags[i] === 1) bits[i >> 3] = (bits[i >> 3] ?? 0) | (1 << (i & 7));
  return bits;
}

function countSet(flags: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < flags.length; i++) count += flags[i] ?? 0;
  return count;
}
