/**
 * The index of a memtable whose key is one int64 column and ascends strictly in append order: none, as long as it does.
 *
 * Such a memtable has the region of an index as any other, but as address space only. While its root is 0, every row is the newest of its
 * key, and a key is found by binary search, first among the batches, then in one. The writer compares each batch that it appends with the
 * keys before. At the first batch that does not ascend, at position p, it makes a table of all rows of the batches [0, p), publishes it
 * in the root, inserts batch p and those that were appended with it, and publishes `indexed`. From then on the memtable is as any other,
 * until it is recycled.
 *
 * Why a lookup is right. The reader loads `indexed`, which gives the bound B, and then the root R, which changes from 0 once; a caller's
 * bound is from a load of `indexed` before, so it only lowers B.
 *  1. R = 0. The root was stored before `indexed` came to cover batch p. Since R is from before that store, and B from before R, B does
 *     not cover p: the rows below B ascend strictly. Only batches below B are searched.
 *  2. R ≠ 0. The table was filled with all rows of [0, p) before R was stored. So a row below B is one of these, or was inserted before
 *     `indexed` was stored, and R's table, or one that it grew to, holds for each key a row no older than its newest below B. That is
 *     what the proof in `kernels/key-index.ts` takes from its points 1 and 2; the rest of it holds as it stands.
 *  3. Newest. If R = 0, all rows below B are, by 1, and no link is looked at. Else the rows of [0, p) have no links among each other, as
 *     their keys differ, and those from p on get theirs before `indexed` covers them: point 4 there.
 *  4. A writer that was terminated before it stored the root leaves 0, and rows from p on that `indexed` does not cover: readers go on
 *     by 1. The next one clears the table that was being built, and comes to the same p, since batches that are committed do not change;
 *     it writes the same records and blocks again. If the root was stored, it finds a memtable as any other.
 *  5. The root becomes 0 again when the memtable is recycled, and nobody reads.
 *
 * @module
 */
import type { DataLike } from "../arrow/shape.js";
import { UsageError } from "../errors.js";
import { INDEX_HEADER_BYTES, KEY_KIND, NOT_FOUND } from "../kernels/key-index.js";
import type { BatchStore } from "../store/batch-store.js";
import type { RawColumn } from "../store/raw-column.js";
import { type KeyField, keyRows } from "./key-columns.js";
import type { KeyIndex } from "./key-index.js";
import { checkKey, keyRow } from "./key-value.js";
import type { KeyWords } from "./key-words.js";
import type { KeyValue, RowIndex } from "./row-index.js";

export class OrderedIndex implements RowIndex {
  readonly #store: BatchStore;
  readonly #column: RawColumn;
  readonly #fields: readonly KeyField[];
  readonly #words: KeyWords;
  readonly #table: KeyIndex;
  readonly #i64: BigInt64Array;
  /** Of each batch with rows that has been looked at: its first row, and the word of its first key. */
  readonly #firstRows: number[] = [];
  readonly #firstKeys: number[] = [];
  /** Batches looked at, and their rows. */
  #batches = 0;
  #rows = 0;

  /**
   * @param table the index once there is one
   * @throws UsageError unless the key is one int64 column
   */
  constructor(
    store: BatchStore,
    column: RawColumn,
    fields: readonly KeyField[],
    words: KeyWords,
    table: KeyIndex,
    buffer: SharedArrayBuffer,
  ) {
    if (fields.length !== 1 || fields[0]?.kind !== KEY_KIND.LONG) {
      throw new UsageError("a memtable is ordered by a key of one int64 column; expected such a primary key");
    }
    this.#store = store;
    this.#column = column;
    this.#fields = fields;
    this.#words = words;
    this.#table = table;
    this.#i64 = new BigInt64Array(buffer);
  }

  find(keys: readonly DataLike[], rows: number, out: Uint32Array): void {
    if (!this.#look()) {
      this.#table.find(keys, rows, out);
      return;
    }
    const [column] = keyRows(this.#fields, keys, out.length);
    if (column === undefined) return;
    const { buffer, byteOffset } = column.bytes;
    const values = new BigInt64Array(buffer, byteOffset, out.length);
    for (let i = 0; i < out.length; i++) out[i] = this.#search(values[i] ?? 0n, rows);
  }

  findOne(key: readonly KeyValue[], rows: number): number {
    if (!this.#look()) return this.#table.findOne(key, rows);
    checkKey(this.#fields, key);
    const row = keyRow(this.#fields, key)[0];
    return row === undefined ? NOT_FOUND : this.#search(new BigInt64Array(row.bytes.buffer)[0] ?? 0n, rows);
  }

  isNewest(row: number, rows: number): boolean {
    return this.#words.root === 0 ? row < rows : this.#table.isNewest(row, rows);
  }

  newestRows(firstRow: number, count: number, rows: number, out: Uint32Array): number {
    if (this.#words.root !== 0) return this.#table.newestRows(firstRow, count, rows, out);
    for (let i = 0; i < count; i++) out[i] = i;
    return count;
  }

  usedBytes(batches: number, rows: number): number {
    return this.#words.root === 0 ? INDEX_HEADER_BYTES : this.#table.usedBytes(batches, rows);
  }

  release(): void {
    this.#table.release();
  }

  /** Forgets the batches looked at, when the memory is used anew. */
  forget(): void {
    this.#firstRows.length = 0;
    this.#firstKeys.length = 0;
    this.#batches = 0;
    this.#rows = 0;
  }

  /** Looks at the batches that have come since, which ascend; false when there is a table. */
  #look(): boolean {
    const { indexed } = this.#store; // before the root
    if (this.#words.root !== 0) return false;
    for (; this.#batches < indexed; this.#batches++) {
      const batch = this.#store.get(this.#batches);
      if (batch === undefined || batch.rows === 0) continue;
      this.#firstRows.push(batch.rowOffset);
      this.#firstKeys.push((this.#column.valuesAddress(this.#batches) ?? 0) / 8);
      this.#rows = batch.rowOffset + batch.rows;
    }
    return true;
  }

  #search(key: bigint, rows: number): number {
    let low = 0;
    let high = this.#firstKeys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#i64[this.#firstKeys[middle] ?? 0] ?? 0n) <= key) low = middle + 1;
      else high = middle;
    }
    const batch = low - 1;
    const firstRow = this.#firstRows[batch];
    const firstKey = this.#firstKeys[batch];
    if (firstRow === undefined || firstKey === undefined) return NOT_FOUND;
    const end = Math.min(rows, this.#firstRows[batch + 1] ?? this.#rows);
    low = 0;
    high = end - firstRow;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#i64[firstKey + middle] ?? 0n) < key) low = middle + 1;
      else high = middle;
    }
    return firstRow + low < end && this.#i64[firstKey + low] === key ? firstRow + low : NOT_FOUND;
  }
}
