/**
 * When a batch of rows that came as text is handed on before it has all the rows it may have: so that wide rows and long texts do not
 * make it a batch of any size.
 *
 * @module
 */

/** Most bytes of one batch before the row that exceeds it, texts counted in characters. */
export const MAX_BATCH_BYTES = 128 * 1024 * 1024;
/** What a value takes at least, also one that is null: every builder holds about so much for it. */
const LEAST_VALUE_BYTES = 8;

/** Counts the rows of the batch at hand. */
export class BatchBytes {
  readonly #rows: number;
  readonly #perRow: number;
  #count = 0;
  #bytes = 0;

  /** @param rows most rows of a batch. @param columns nested ones included */
  constructor(rows: number, columns: number) {
    this.#rows = rows;
    this.#perRow = columns * LEAST_VALUE_BYTES;
  }

  /** Rows of the batch at hand. */
  get count(): number {
    return this.#count;
  }

  /** Counts a row of that many characters; true when the batch is full with it. */
  add(chars: number): boolean {
    this.#count += 1;
    this.#bytes += chars + this.#perRow;
    return this.#count >= this.#rows || this.#bytes >= MAX_BATCH_BYTES;
  }

  /** Starts the next batch; returns the rows of this one. */
  take(): number {
    const count = this.#count;
    this.#count = 0;
    this.#bytes = 0;
    return count;
  }
}
