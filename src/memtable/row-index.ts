/**
 * What a memtable asks of its index: one implementation has a hash table, the other does without as long as keys
 * ascend.
 *
 * @module
 */
import type { DataLike } from "../arrow/shape.js";

/** One column's value of a key: a number for int32, a bigint or a safe integer for int64, a string or its UTF-8 bytes, or bytes. */
export type KeyValue = number | bigint | string | Uint8Array;

/** The reading side. In all of it `rows` is a bound: only rows before it count. */
export interface RowIndex {
  /** Newest row of each key; see `Memtable.find`. */
  find(keys: readonly DataLike[], rows: number, out: Uint32Array): void;
  /** Newest row of one key, one value for each of its columns. */
  findOne(key: readonly KeyValue[], rows: number): number;
  isNewest(row: number, rows: number): boolean;
  /** Of `count` rows from `firstRow` on, the newest of their keys, as distances from `firstRow`; returns how many. */
  newestRows(firstRow: number, count: number, rows: number, out: Uint32Array): number;
  /** Bytes in use by so many batches and rows. */
  usedBytes(batches: number, rows: number): number;
  /** Gives back what this thread holds of the arena. */
  release(): void;
}

/** The writing side. Batches and rows without further words are those that are committed and in the index. */
export interface RowIndexWriter {
  /**
   * Makes room for `more` rows behind so many batches and rows.
   *
   * @throws FullError when a bound is reached; TooLargeError when it always would be
   */
  reserve(batches: number, rows: number, more: number): void;
  /** Inserts batches [from, to), which are committed. */
  insert(from: number, to: number): void;
  /**
   * Makes it possible to insert the rows behind the indexed batches, which a former writer may have begun to.
   *
   * @param rows all that are committed
   */
  recover(indexed: number, indexedRows: number, rows: number): void;
  /**
   * Makes all that so many batches and rows have touched zero.
   *
   * @param expectedRows as for a new memtable
   */
  clear(batches: number, rows: number, expectedRows: number): void;
}
