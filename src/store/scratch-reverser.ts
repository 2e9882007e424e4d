/**
 * Reverses rows by kernels: from the arena into a scratch region, piece by piece, and out into plain memory.
 *
 * ```
 * strings: │ offsets, 4 bytes a row and one more │ bytes of the rows … │
 * others:  │ rows …                                                     │
 *          0                                      bytes / 4
 * ```
 *
 * @module
 */

import type { FixedArrayConstructor } from "../arrow/fixed-layout.js";
import type { Reverser } from "../arrow/reverser.js";
import type { VarRows } from "../arrow/take-var.js";
import type { Arena } from "./arena.js";
import type { ScratchRegion } from "./scratch.js";

const ALIGNMENT = 8;

export class ScratchReverser implements Reverser {
  readonly #arena: Arena;
  readonly #offsetsAt: number;
  readonly #dataAt: number;
  readonly #rowsAtOnce: number;
  readonly #regionBytes: number;
  readonly #dataBytes: number;
  #block = new ArrayBuffer(0);
  #used = 0;

  constructor(arena: Arena, region: ScratchRegion) {
    this.#arena = arena;
    const offsetBytes = region.bytes / 4;
    this.#regionBytes = region.bytes;
    this.#offsetsAt = region.address;
    this.#dataAt = region.address + offsetBytes;
    this.#dataBytes = region.bytes - offsetBytes - ALIGNMENT;
    this.#rowsAtOnce = offsetBytes / 4 - 2;
  }

  /** Undefined when the rows do not lie in this arena, or a single one is larger than the region. */
  reverse32(offsets: Int32Array, data: Uint8Array, length: number): VarRows | undefined {
    const { buffer, kernels, i32, u8 } = this.#arena;
    if (offsets.buffer !== buffer || data.buffer !== buffer || length === 0) return undefined;
    const first = offsets[0] ?? 0;
    const outOffsets = new Int32Array(...this.#room(4 * (length + 1)), length + 1);
    const dataBytes = (offsets[length] ?? 0) - first;
    const outData = new Uint8Array(...this.#room(dataBytes), dataBytes);
    let done = 0;
    let bytes = 0;
    while (done < length) {
      const rows = Math.min(length - done, this.#rowsAtOnce);
      const offsetsAt = this.#offsetsAt + ((4 * done) % ALIGNMENT);
      const dataAt = this.#dataAt + (bytes % ALIGNMENT);
      const reversed = kernels.reverseVar32(
        offsets.byteOffset,
        data.byteOffset,
        length - done - rows,
        rows,
        offsetsAt,
        dataAt,
        this.#dataBytes,
      );
      if (reversed === 0) return undefined;
      const word = offsetsAt / 4;
      const end = i32[word + reversed] ?? 0;
      outData.set(u8.subarray(dataAt, dataAt + end), bytes);
      if (bytes !== 0) kernels.rebase32(offsetsAt, reversed + 1, -bytes);
      outOffsets.set(i32.subarray(word, word + reversed + 1), done);
      done += reversed;
      bytes += end;
    }
    return { offsets: outOffsets, data: outData };
  }

  /** Undefined when the rows do not lie in this arena, or a single one is larger than the region. */
  reverseFixed(
    source: ArrayBufferView,
    array: FixedArrayConstructor,
    bytesPerRow: number,
    rows: number,
  ): ArrayBufferView | undefined {
    const { buffer, kernels, u8 } = this.#arena;
    const region = this.#offsetsAt;
    const bytes = rows * bytesPerRow;
    // Whole words of 8 bytes at a time, so that what is copied out stays aligned.
    const rowsAtOnce = 8 * Math.floor(this.#regionBytes / (8 * bytesPerRow));
    if (source.buffer !== buffer || source.byteLength < bytes || bytes === 0 || rowsAtOnce === 0) return undefined;
    const [block, at] = this.#room(bytes);
    const reversed = new Uint8Array(block, at, bytes);
    for (let done = 0; done < rows; done += rowsAtOnce) {
      const count = Math.min(rows - done, rowsAtOnce);
      const first = rows - done - count;
      kernels.reverseFixed(source.byteOffset + first * bytesPerRow, bytesPerRow, count, region);
      reversed.set(u8.subarray(region, region + count * bytesPerRow), done * bytesPerRow);
    }
    return new array(block, at, bytes / array.BYTES_PER_ELEMENT);
  }

  /**
   * Makes room for the results of one batch in a block of their own: to allocate a block costs little more than to allocate an
   * array, and a batch has several.
   *
   * @param bytes expected of all results; more is possible, and allocated array by array
   */
  startBatch(bytes: number): void {
    this.#block = new ArrayBuffer(bytes);
    this.#used = 0;
  }

  /** Room for `bytes` bytes: a buffer, and a place in it that is a multiple of 8. */
  #room(bytes: number): [block: ArrayBuffer, at: number] {
    const at = this.#used;
    const end = at + 8 * Math.ceil(bytes / 8);
    if (end > this.#block.byteLength) return [new ArrayBuffer(bytes), 0];
    this.#used = end;
    return [this.#block, at];
  }
}
