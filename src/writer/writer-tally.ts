/**
 * What a writer has done, in numbers.
 *
 * @module
 */
import type { Appended } from "./memtable-set.js";

export class WriterTally {
  /** Rows, batches and bytes in the log beyond what SSTables cover; rows and batches also of entries that are not written yet. */
  #logRows: number;
  #logBatches: number;
  #logBytes: number;
  #putBytes = 0;
  #entries = 0;
  #rows = 0;
  #bytes = 0;
  #milliseconds = 0;
  #slowestMs = 0;

  constructor(log: { readonly rows: number; readonly batches: number; readonly bytes: number }) {
    this.#logRows = log.rows;
    this.#logBatches = log.batches;
    this.#logBytes = log.bytes;
  }

  get logRows(): number {
    return this.#logRows;
  }

  get logBatches(): number {
    return this.#logBatches;
  }

  get logBytes(): number {
    return this.#logBytes;
  }

  /** Entries written by this writer, their rows and bytes, and the time from hand-over to acknowledgement. */
  get written(): {
    readonly entries: number;
    readonly rows: number;
    readonly bytes: number;
    readonly milliseconds: number;
    readonly slowestMs: number;
  } {
    return {
      entries: this.#entries,
      rows: this.#rows,
      bytes: this.#bytes,
      milliseconds: this.#milliseconds,
      slowestMs: this.#slowestMs,
    };
  }

  /** Bytes of the rows put into this writer. */
  get putBytes(): number {
    return this.#putBytes;
  }

  appendedRows(rows: number, { from, to, bytes }: Appended): void {
    this.#putBytes += bytes;
    this.#logRows += rows;
    this.#logBatches += to - from;
  }

  /** What is in SSTables now, and so not held by the log alone. */
  flushed(rows: number, batches: number, bytes: number): void {
    this.#logRows = Math.max(0, this.#logRows - rows);
    this.#logBatches = Math.max(0, this.#logBatches - batches);
    this.#logBytes = Math.max(0, this.#logBytes - bytes);
  }

  /** @param bytes of the entry as it is in the log, dictionaries in force included */
  writtenEntry(rows: number, bytes: number, elapsedMs: number): void {
    this.#entries++;
    this.#rows += rows;
    this.#bytes += bytes;
    this.#logBytes += bytes;
    this.#milliseconds += elapsedMs;
    this.#slowestMs = Math.max(this.#slowestMs, elapsedMs);
  }
}
