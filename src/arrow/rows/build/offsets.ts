/**
 * The offsets of a column whose rows differ in length: row i is [offset i, offset i + 1).
 *
 * @module
 */
import { firstLength, worthKeeping } from "./column-builder.js";

/** Asks the column for the new length of the array, which must hold at least `least` elements. */
export type GrownLength = (array: Int32Array, least: number) => number;

export class RowOffsets {
  readonly #grownLength: GrownLength;
  #ends = new Int32Array(firstLength(4));

  constructor(grownLength: GrownLength) {
    this.#grownLength = grownLength;
  }

  /** Offset of row `row`, the end of the one before it. */
  at(row: number): number {
    return this.#ends[row] ?? 0;
  }

  /** Sets the end of row `row`, which is the last one. */
  end(row: number, end: number): void {
    if (row + 1 === this.#ends.length) {
      const grown = new Int32Array(this.#grownLength(this.#ends, row + 2));
      grown.set(this.#ends);
      this.#ends = grown;
    }
    this.#ends[row + 1] = end;
  }

  clear(): void {
    if (!worthKeeping(this.#ends)) this.#ends = new Int32Array(firstLength(4));
  }

  /** A copy of the offsets of `rows` rows. */
  copy(rows: number): Int32Array {
    return this.#ends.slice(0, rows + 1);
  }

  /** A copy of the offsets of `rows` rows, of 64 bits each. */
  copyWide(rows: number): BigInt64Array {
    const words = new Int32Array(2 * (rows + 1));
    for (let row = 1; row <= rows; row++) words[2 * row] = this.#ends[row] ?? 0;
    return new BigInt64Array(words.buffer);
  }
}
