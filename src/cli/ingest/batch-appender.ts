/**
 * Puts batches into the stores of a pool: takes the next store when one is full, and cuts a batch that no store can hold.
 *
 * @module
 */
import type { RecordBatch } from "apache-arrow";
import { FullError, TooLargeError, UsageError } from "../../errors.js";
import type { StorePool } from "./store-pool.js";

/** Called for each piece of a batch that is in a store. */
export type Appended = (piece: RecordBatch, bytes: number) => void;

export class BatchAppender {
  readonly #pool: StorePool;
  readonly #appended: Appended;
  /** Most rows that are worth a try: lowered when a batch proves too large, so that those after it are cut at once. */
  #mostRows = Number.POSITIVE_INFINITY;

  constructor(pool: StorePool, appended: Appended) {
    this.#pool = pool;
    this.#appended = appended;
  }

  /**
   * Appends all rows of `batch`, in one piece or several.
   *
   * @throws UsageError when a single row is larger than an empty store, or the batch is malformed
   */
  async append(batch: RecordBatch): Promise<void> {
    this.#mostRows *= 2; // a large row may have been an exception
    let start = 0;
    while (start < batch.numRows) {
      const rows = Math.min(batch.numRows - start, this.#mostRows);
      const piece = rows === batch.numRows ? batch : batch.slice(start, start + rows);
      if (await this.#appendPiece(piece)) start += rows;
      else this.#mostRows = Math.ceil(rows / 2);
    }
  }

  /** False when the piece has to be cut. */
  async #appendPiece(piece: RecordBatch): Promise<boolean> {
    let store = this.#pool.current ?? (await this.#pool.next());
    for (;;) {
      try {
        const { bytes } = store.append(piece);
        this.#appended(piece, bytes);
        return true;
      } catch (error) {
        if (error instanceof FullError) {
          store = await this.#pool.next();
          continue;
        }
        if (!(error instanceof TooLargeError)) throw error;
        if (piece.numRows > 1) return false;
        throw new UsageError(
          `a single row (with its dictionaries, if it has any) is too large for a store of ${store.capacityBytes} bytes; give more with --store-bytes`,
          { cause: error },
        );
      }
    }
  }
}
