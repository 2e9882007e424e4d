/**
 * The values of a Parquet column chunk as they are stored, without nulls, gathered over its pages.
 *
 * Fixed-width values lie as raw little-endian bytes (booleans as one byte each), byte arrays as offsets into one block of data.
 * Nothing is boxed: 64-bit values move as pairs of 32-bit words. Growth is bounded by `maxBytes`.
 *
 * @module
 */

import { CorruptError } from "../errors.js";

const FIRST_BYTES = 4096;

/** Bytes that grow by doubling. */
class Growing {
  bytes = new Uint8Array(FIRST_BYTES);
  length = 0;

  /** Makes room for `count` more bytes and returns where they start. */
  reserve(count: number, maxBytes: number): number {
    const start = this.length;
    const needed = start + count;
    if (needed > maxBytes) {
      throw new CorruptError(`a column chunk decodes to more than ${maxBytes} bytes (maxMessageBytes)`);
    }
    if (needed > this.bytes.length) {
      const grown = new Uint8Array(Math.min(Math.max(needed, this.bytes.length * 2), maxBytes + 8));
      grown.set(this.bytes.subarray(0, start));
      this.bytes = grown;
    }
    this.length = needed;
    return start;
  }
}

/** Values of a fixed width in bytes. */
export class FixedValues {
  readonly width: number;
  readonly #maxBytes: number;
  readonly #growing = new Growing();

  constructor(width: number, maxBytes: number) {
    this.width = width;
    this.#maxBytes = maxBytes;
  }

  get count(): number {
    return this.#growing.length / this.width;
  }

  /** All values, from offset 0 of their buffer. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#growing.bytes.subarray(0, this.#growing.length);
  }

  append(bytes: Uint8Array): void {
    const start = this.#growing.reserve(bytes.length, this.#maxBytes);
    this.#growing.bytes.set(bytes, start);
  }

  /** Appends the entries of a dictionary that the indices name. @throws CorruptError for an index past its end. */
  gather(dictionary: FixedValues, indices: Int32Array): void {
    const { width } = this;
    checkIndices(indices, dictionary.count);
    const start = this.#growing.reserve(indices.length * width, this.#maxBytes);
    const from = dictionary.bytes;
    const to = this.#growing.bytes;
    if (width % 4 !== 0 || start % 4 !== 0) {
      for (let i = 0; i < indices.length; i++) {
        const entry = (indices[i] ?? 0) * width;
        for (let byte = 0; byte < width; byte++) to[start + i * width + byte] = from[entry + byte] ?? 0;
      }
      return;
    }
    const words = width / 4;
    const source = new Int32Array(from.buffer, 0, from.length / 4);
    const target = new Int32Array(to.buffer, start, indices.length * words);
    if (words === 2) {
      for (let i = 0; i < indices.length; i++) {
        const entry = (indices[i] ?? 0) * 2;
        target[i * 2] = source[entry] ?? 0;
        target[i * 2 + 1] = source[entry + 1] ?? 0;
      }
      return;
    }
    for (let i = 0; i < indices.length; i++) {
      const entry = (indices[i] ?? 0) * words;
      for (let word = 0; word < words; word++) target[i * words + word] = source[entry + word] ?? 0;
    }
  }
}

/** Byte arrays of any length. */
export class ByteArrays {
  readonly #maxBytes: number;
  readonly #data = new Growing();
  readonly #ends = new Growing();

  constructor(maxBytes: number) {
    this.#maxBytes = Math.min(maxBytes, 2 ** 31 - 1);
  }

  get count(): number {
    return this.#ends.length / 4;
  }

  get data(): Uint8Array<ArrayBuffer> {
    return this.#data.bytes.subarray(0, this.#data.length);
  }

  /** Where each value ends; it starts where the one before it ends. */
  get ends(): Int32Array {
    return new Int32Array(this.#ends.bytes.buffer, 0, this.count);
  }

  append(value: Uint8Array): void {
    const start = this.#data.reserve(value.length, this.#maxBytes);
    this.#data.bytes.set(value, start);
    this.#appendEnds(1)[0] = this.#data.length;
  }

  /** Appends values that lie one after another in `data`. */
  appendRun(data: Uint8Array, lengths: Int32Array): void {
    const start = this.#data.reserve(data.length, this.#maxBytes);
    this.#data.bytes.set(data, start);
    const ends = this.#appendEnds(lengths.length);
    let end = start;
    for (let i = 0; i < lengths.length; i++) {
      end += lengths[i] ?? 0;
      ends[i] = end;
    }
  }

  /** Appends the entries of a dictionary that the indices name. @throws CorruptError for an index past its end. */
  gather(dictionary: ByteArrays, indices: Int32Array): void {
    checkIndices(indices, dictionary.count);
    const entryEnds = dictionary.ends;
    const starts = new Int32Array(entryEnds.length + 1);
    starts.set(entryEnds, 1);
    let total = 0;
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i] ?? 0;
      total += (starts[index + 1] ?? 0) - (starts[index] ?? 0);
    }
    let end = this.#data.reserve(total, this.#maxBytes);
    const ends = this.#appendEnds(indices.length);
    const from = dictionary.data;
    const to = this.#data.bytes;
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i] ?? 0;
      const start = starts[index] ?? 0;
      const stop = starts[index + 1] ?? 0;
      // A call costs more than copying a short string byte by byte.
      if (stop - start > 64) {
        to.set(from.subarray(start, stop), end);
        end += stop - start;
      } else {
        for (let at = start; at < stop; at++) to[end++] = from[at] ?? 0;
      }
      ends[i] = end;
    }
  }

  #appendEnds(count: number): Int32Array {
    const start = this.#ends.reserve(count * 4, this.#maxBytes);
    return new Int32Array(this.#ends.bytes.buffer, start, count);
  }
}

/** Values of either kind. */
export type LeafValues = FixedValues | ByteArrays;

function checkIndices(indices: Int32Array, count: number): void {
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i] ?? -1;
    if (index < 0 || index >= count) throw new CorruptError(`index ${index} into a dictionary of ${count} entries`);
  }
}
