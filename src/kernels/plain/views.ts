/** Other views of the same bytes. The machine is taken to be little-endian, as Arrow's buffers are. */
import { UsageError } from "../../errors.js";

/** The bytes of a view. */
export function bytesOf(view: ArrayBufferView): Uint8Array {
  return view instanceof Uint8Array ? view : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/**
 * Throws unless the view starts at a multiple of `width` bytes and holds `count` values of that width.
 * @throws UsageError
 */
export function checkView(view: ArrayBufferView, width: number, count: number): void {
  if (view.byteOffset % width !== 0) {
    throw new UsageError(
      `Values of ${width} bytes must start at a multiple of ${width}, not at byte ${view.byteOffset} of their buffer: copy them first.`,
    );
  }
  if (view.byteLength < count * width) {
    throw new UsageError(
      `${count} values of ${width} bytes were announced, but the view holds only ${view.byteLength} bytes.`,
    );
  }
}

/** The 32-bit words of a view that starts at a multiple of 4. */
export function wordsOf(view: ArrayBufferView): Int32Array {
  return new Int32Array(view.buffer, view.byteOffset, Math.floor(view.byteLength / 4));
}

/** Offsets or other integers of 32 or 64 bits as words, without BigInt. */
export interface Longs {
  readonly words: Int32Array;
  /** Words of one integer: 1 or 2. */
  readonly stride: number;
}

/** The words of an array of 32-bit or 64-bit integers. */
export function longsOf(values: Int32Array | BigInt64Array): Longs {
  return values instanceof Int32Array ? { words: values, stride: 1 } : { words: wordsOf(values), stride: 2 };
}

/** One integer as a number, exact up to 2^53. */
export function longAt({ words, stride }: Longs, index: number): number {
  if (stride === 1) return words[index] ?? 0;
  return (words[2 * index + 1] ?? 0) * 2 ** 32 + ((words[2 * index] ?? 0) >>> 0);
}

/** Stores a non-negative integer below 2^53. */
export function setLong({ words, stride }: Longs, index: number, value: number): void {
  words[stride * index] = value;
  if (stride === 2) words[2 * index + 1] = Math.floor(value / 2 ** 32);
}
