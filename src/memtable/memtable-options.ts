/**
 * How memtables are made and written.
 *
 * @module
 */
import type { SchemaLike } from "../arrow/shape.js";
import { UsageError } from "../errors.js";
import { MAX_INDEX_ROWS } from "../kernels/key-index.js";
import type { WriterOptions } from "../store/batch-store.js";

/** How a memtable is made. */
export interface MemtableOptions {
  /** Schema of all batches. */
  readonly schema: SchemaLike;
  /** Names of the key columns, 1 to 16, in the order of the key; of type int32, int64, (large) utf8 or (large) binary, not nullable. */
  readonly primaryKey: readonly string[];
  /** Bytes of shared memory for the batches; those of the index come on top, and take memory as they are used. */
  readonly bytes: number;
  /** Batches at most. */
  readonly batches: number;
  /** Rows at most, 1 to 268,435,455. The index takes up to 24 to 40 bytes of address space for each. */
  readonly maxRows: number;
  /**
   * Different keys to be expected: the index begins with room for them, instead of growing to it by steps, whose memory stays in use.
   * @default 0
   */
  readonly expectedRows?: number;
  /**
   * The key is one int64 column, and is expected to ascend strictly in append order: as long as it does there is no index. The first batch
   * that does not ascend costs the indexing of all rows before it.
   * @default false
   */
  readonly ordered?: boolean;
  /** See `BatchStore`. @default true */
  readonly prefault?: boolean;
}

/** How a thread writes a memtable that is there. */
export interface MemtableWriterOptions extends WriterOptions {
  /** As in `MemtableOptions`. */
  readonly expectedRows?: number;
  /** Break the claim of a writer whose thread is known to have ended; what it had committed and not indexed is indexed now. */
  readonly takeover?: boolean;
}

/** @throws UsageError unless `maxRows` is a number of rows that an index can hold */
export function checkMaxRows(maxRows: number): void {
  if (!(Number.isInteger(maxRows) && maxRows >= 1 && maxRows <= MAX_INDEX_ROWS)) {
    throw new UsageError(`maxRows is ${String(maxRows)}; expected a whole number from 1 to ${MAX_INDEX_ROWS}`);
  }
}

/** `expectedRows`, at most `maxRows`. @throws UsageError when it is no number of rows */
export function checkExpected(expectedRows: number, maxRows: number): number {
  if (!(Number.isFinite(expectedRows) && expectedRows >= 0)) {
    throw new UsageError(`expectedRows is ${String(expectedRows)}; expected a number, 0 or more`);
  }
  return Math.min(expectedRows, maxRows);
}
