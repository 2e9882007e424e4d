/**
 * Puts batches one after the other, several of them on their way at once.
 *
 * The counters that go with a put say that all rows before it are in the table too. So no put is begun before it is known that the one
 * before was taken: the writer refuses a put, if it does, by the end of the turn of the event loop in which it was made, unless it
 * had to wait for room; and here so few bytes are on their way that it never does.
 *
 * @module
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { RecordBatch } from "apache-arrow";
import { FullError, TooLargeError, UsageError } from "../../errors.js";

/** What batches are put into. */
export interface PutTarget {
  put(batch: RecordBatch, counters: ReadonlyMap<string, bigint>): Promise<void>;
  stats(): { readonly unflushedBytes: number };
}

/** Rows that have just been put, or have just become durable. */
export type Progress = (rows: number) => void;

/** Bytes that are on their way, above which the next put waits: half of what a writer takes before puts wait for room there. */
const MOST_BYTES = 32 * 2 ** 20;
const MOST_PUTS = 256;
/** Rows of one put. The writer takes 100,000. */
const MOST_ROWS = 65_536;

export class PutPipeline {
  readonly #target: PutTarget;
  readonly #onPut: Progress;
  readonly #onDurable: Progress;
  /** Most rows that are worth a try: lowered when a batch proves too large, so that those after it are cut at once. */
  #mostRows = MOST_ROWS;
  #pending = 0;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(target: PutTarget, onPut: Progress, onDurable: Progress) {
    this.#target = target;
    this.#onPut = onPut;
    this.#onDurable = onDurable;
  }

  /**
   * Puts all rows of a batch, in one piece or several. Returns when they are on their way.
   *
   * @param counters what goes with a piece behind which so many rows of the batch are in the table
   * @throws what this put, or one before it, failed with
   */
  async add(batch: RecordBatch, counters: (rows: number) => ReadonlyMap<string, bigint>): Promise<void> {
    this.#mostRows = Math.min(MOST_ROWS, 2 * this.#mostRows); // a large row may have been an exception
    let start = 0;
    while (start < batch.numRows) {
      const rows = Math.min(batch.numRows - start, this.#mostRows);
      const piece = rows === batch.numRows ? batch : batch.slice(start, start + rows);
      if (await this.#put(piece, counters(start + rows))) start += rows;
      else this.#mostRows = Math.ceil(rows / 2);
    }
  }

  /** Resolves when all puts are durable. @throws what the first one failed with */
  async settled(): Promise<void> {
    await this.#until(() => this.#pending === 0);
    this.#throwIfFailed();
  }

  /** False when the piece has to be cut. */
  async #put(piece: RecordBatch, counters: ReadonlyMap<string, bigint>): Promise<boolean> {
    await this.#until(
      () => this.#pending === 0 || (this.#pending < MOST_PUTS && this.#target.stats().unflushedBytes < MOST_BYTES),
    );
    this.#throwIfFailed();
    let cut = false;
    let underWay = false;
    const { numRows } = piece;
    this.#pending++;
    this.#target
      .put(piece, counters)
      .then(
        () => this.#onDurable(numRows),
        (error: unknown) => {
          cut = !underWay && isTooLarge(error) && numRows > 1;
          if (!cut) this.#failure ??= { error: isTooLarge(error) ? rowTooLarge(error) : error };
        },
      )
      .finally(() => {
        this.#pending--;
        this.#wake?.();
      });
    await nextTurn();
    underWay = true;
    this.#throwIfFailed();
    if (!cut) this.#onPut(numRows);
    return !cut;
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** The writer says `Full` of what never fits, as of what does not fit now. */
function isTooLarge(error: unknown): error is FullError {
  return error instanceof FullError && error.cause instanceof TooLargeError;
}

function rowTooLarge(error: FullError): UsageError {
  return new UsageError(`a single row (with its dictionaries, if it has any) is too large: ${error.message}`, {
    cause: error,
  });
}
