/**
 * A faster way to reverse rows, where there is one.
 *
 * @module
 */
import type { FixedArrayConstructor } from "./fixed-layout.js";
import type { VarRows } from "./take-var.js";

/**
 * Reverses rows, such as by kernels that work in the memory where the rows lie. Results are plain: in unshared memory, offsets from 0
 * on. A method gives undefined when the rows do not lie where it can reach them; they are then reversed without it.
 */
export interface Reverser {
  /** The first `length` rows of `data`, the last of them first: row i is `data[offsets[i], offsets[i + 1])`. */
  reverse32(offsets: Int32Array, data: Uint8Array, length: number): VarRows | undefined;
  /** The first `rows` rows of `bytesPerRow` bytes of `source`, the last of them first, as an array of the kind `array`. */
  reverseFixed(
    source: ArrayBufferView,
    array: FixedArrayConstructor,
    bytesPerRow: number,
    rows: number,
  ): ArrayBufferView | undefined;
}
