/**
 * The validity bitmap of a column that grows row by row: bit i set = row i is not null.
 *
 * @module
 */

const FIRST_BYTES = 128;

export class Validity {
  #bits = new Uint8Array(FIRST_BYTES);
  #length = 0;
  #nulls = 0;

  get length(): number {
    return this.#length;
  }

  /** Adds a row that is not null; returns its number. */
  append(): number {
    const row = this.#length;
    const byte = row >> 3;
    if (byte === this.#bits.length) {
      const grown = new Uint8Array(byte * 2);
      grown.set(this.#bits);
      this.#bits = grown;
    }
    this.#bits[byte] = (this.#bits[byte] ?? 0) | (1 << (row & 7));
    this.#length = row + 1;
    return row;
  }

  /** Makes the row added last null. */
  clearLast(): void {
    const row = this.#length - 1;
    this.#bits[row >> 3] = (this.#bits[row >> 3] ?? 0) & ~(1 << (row & 7));
    this.#nulls += 1;
  }

  /** The bitmap so far (empty when no row is null), and starts anew. */
  finish(): { length: number; nulls: number; bitmap: Uint8Array } {
    const length = this.#length;
    const nulls = this.#nulls;
    const bitmap = nulls === 0 ? new Uint8Array(0) : this.#bits.slice(0, Math.ceil(length / 8));
    this.#bits.fill(0);
    this.#length = 0;
    this.#nulls = 0;
    return { length, nulls, bitmap };
  }
}
