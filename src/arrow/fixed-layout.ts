/**
 * How the rows of a fixed-width Arrow type lie in memory, and raw views on the buffers of `Data`.
 *
 * Buffers are looked at as bytes or unsigned words, never as the numbers they hold: rows are moved, not read, so the bits of
 * a NaN survive, and a buffer from another version of apache-arrow (int64 as pairs of Int32, say) is as good as ours.
 *
 * @module
 */
import { Type } from "apache-arrow";
import { UsageError } from "../errors.js";
import type { TypeLike } from "./shape.js";

/** What all typed arrays of fixed-width values have in common. */
export interface FixedArray extends ArrayBufferView {
  /** A copy; of shared memory, a plain one. */
  slice(): FixedArray;
  reverse(): FixedArray;
}

/** The constructor of one kind of typed array. */
export interface FixedArrayConstructor {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): FixedArray;
}

/** Layout of a fixed-width type: the array that holds it, and how many of its elements make a row. */
export interface FixedLayout {
  readonly array: FixedArrayConstructor;
  readonly elementsPerRow: number;
  readonly bytesPerRow: number;
}

const INT_ARRAYS = new Map<number | undefined, readonly [FixedArrayConstructor, FixedArrayConstructor]>([
  [8, [Int8Array, Uint8Array]],
  [16, [Int16Array, Uint16Array]],
  [32, [Int32Array, Uint32Array]],
  [64, [BigInt64Array, BigUint64Array]],
]);
const FLOAT_ARRAYS: readonly FixedArrayConstructor[] = [Uint16Array, Float32Array, Float64Array];

/**
 * The layout of `type`, for a dictionary that of its indices; undefined for Bool, whose rows are bits, and for every type whose
 * rows have no fixed width of their own.
 *
 * @throws UsageError when a parameter of the type is not one of apache-arrow 18.1.
 */
export function fixedLayout(type: TypeLike): FixedLayout | undefined {
  switch (type.typeId) {
    case Type.Int: {
      const arrays = INT_ARRAYS.get(type.bitWidth) ?? unsupportedType(type);
      return layoutOf(arrays[type.isSigned ? 0 : 1]);
    }
    case Type.Float:
      return layoutOf(FLOAT_ARRAYS[type.precision ?? -1] ?? unsupportedType(type));
    case Type.Decimal:
      return layoutOf(Uint32Array, (type.bitWidth ?? 128) / 32);
    case Type.Date:
      return layoutOf(type.unit === 0 ? Int32Array : BigInt64Array);
    case Type.Time:
      return layoutOf(type.bitWidth === 32 ? Int32Array : BigInt64Array);
    case Type.Timestamp:
    case Type.Duration:
      return layoutOf(BigInt64Array);
    case Type.Interval:
      if (type.unit !== 0 && type.unit !== 1) return unsupportedType(type);
      return layoutOf(Int32Array, type.unit + 1);
    case Type.FixedSizeBinary:
      return layoutOf(Uint8Array, type.byteWidth ?? unsupportedType(type));
    case Type.Dictionary:
      return fixedLayout(type.indices ?? unsupportedType(type));
    default:
      return undefined;
  }
}

/**
 * Bytes of one row of `type`.
 *
 * @throws UsageError when its rows have no fixed width, or a parameter of it is not one of apache-arrow 18.1.
 */
export function fixedWidth(type: TypeLike): number {
  return (fixedLayout(type) ?? unsupportedType(type)).bytesPerRow;
}

function layoutOf(array: FixedArrayConstructor, elementsPerRow = 1): FixedLayout {
  return { array, elementsPerRow, bytesPerRow: elementsPerRow * array.BYTES_PER_ELEMENT };
}

/** Refuses a type that apache-arrow 18.1 cannot hold. */
export function unsupportedType(type: TypeLike): never {
  throw new UsageError(
    `rows of Arrow type ${type.typeId} (${String(type)}) cannot be moved: expected one of the types of apache-arrow 18.1`,
  );
}

const NO_BYTES = new Uint8Array(0);

/** The bytes of a buffer; none when there is no buffer. */
export function bytesOf(view: ArrayBufferView | null | undefined): Uint8Array {
  if (!view) return NO_BYTES;
  return view instanceof Uint8Array ? view : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

const NO_OFFSETS = new Int32Array(0);

/** A buffer of 32-bit offsets; empty when there is none, as in columns without rows. */
export function offsets32Of(view: ArrayBufferView | undefined): Int32Array {
  if (view === undefined || view.byteLength < 4) return NO_OFFSETS;
  return view instanceof Int32Array
    ? view
    : new Int32Array(view.buffer, view.byteOffset, Math.floor(view.byteLength / 4));
}

/** The widest unit of 1, 2 or 4 bytes in which rows of `bytesPerRow` bytes from `byteOffset` on can be moved. */
export function wordBytes(bytesPerRow: number, byteOffset: number): 1 | 2 | 4 {
  const bits = bytesPerRow | byteOffset;
  return (bits & 3) === 0 ? 4 : (bits & 1) === 0 ? 2 : 1;
}

/** `view` as unsigned words of `unitBytes` bytes, cut down to whole words. Its start must be aligned to them. */
export function wordsOf(view: ArrayBufferView, unitBytes: 1 | 2 | 4): Uint8Array | Uint16Array | Uint32Array {
  const { buffer, byteOffset, byteLength } = view;
  if (unitBytes === 4) return new Uint32Array(buffer, byteOffset, Math.floor(byteLength / 4));
  if (unitBytes === 2) return new Uint16Array(buffer, byteOffset, Math.floor(byteLength / 2));
  return new Uint8Array(buffer, byteOffset, byteLength);
}
