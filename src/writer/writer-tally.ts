/**
 * What a writer has done, in numbers.
 *
 * @module
 */
import type { Appended } from "./memtable-set.js";
import type { OpenEntry } from "./open-entry.js";

export class WriterTally {
  /** Rows, batches and bytes in the log beyond what SSTables cover, the open entry included. */
  #logRows: number;
  #logBatches: number;
  #logBytes: number;
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

  appendedRows(rows: number, { from, to, arenaBytes }: Appended): void {
    this.#logRows += rows;
    this.#logBatches += to - from;
    this.#logBytes += arenaBytes;
  }

  writtenEntry({ rows, arenaBytes }: OpenEntry, elapsedMs: number): void {
    this.#entries++;
    this.#rows += rows;
    this.#bytes += arenaBytes;
    this.#milliseconds += elapsedMs;
    this.#slowestMs = Math.max(this.#slowestMs, elapsedMs);
  }
}
