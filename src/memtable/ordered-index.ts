/**
 * The index of a memtable whose keys ascend strictly in append order: none. Every row is the newest of its key, and a key is found by
 * binary search, first among the batches, then in one.
 *
 * @module
 */
import type { DataLike } from "../arrow/shape.js";
import { FullError, TooLargeError, UsageError } from "../errors.js";
import { KEY_KIND, NOT_FOUND } from "../kernels/key-index.js";
import type { BatchStore } from "../store/batch-store.js";
import type { RawColumn } from "../store/raw-column.js";
import { type KeyField, keyRows } from "./key-columns.js";
import { checkKey, keyRow } from "./key-value.js";
import type { KeyValue, RowIndex, RowIndexWriter } from "./row-index.js";

export class OrderedIndex implements RowIndex, RowIndexWriter {
  readonly #store: BatchStore;
  readonly #column: RawColumn;
  readonly #fields: readonly KeyField[];
  readonly #maxRows: number;
  readonly #i64: BigInt64Array;
  /** Of each batch with rows that has been looked at: its first row, and the word of its first key. */
  readonly #firstRows: number[] = [];
  readonly #firstKeys: number[] = [];
  #batches = 0;

  /** @throws UsageError unless the key is one int64 column */
  constructor(
    store: BatchStore,
    column: RawColumn,
    fields: readonly KeyField[],
    maxRows: number,
    buffer: SharedArrayBuffer,
  ) {
    if (fields.length !== 1 || fields[0]?.kind !== KEY_KIND.LONG) {
      throw new UsageError("a memtable is ordered by a key of one int64 column; expected such a primary key");
    }
    this.#store = store;
    this.#column = column;
    this.#fields = fields;
    this.#maxRows = maxRows;
    this.#i64 = new BigInt64Array(buffer);
  }

  find(keys: readonly DataLike[], rows: number, out: Uint32Array): void {
    const [column] = keyRows(this.#fields, keys, out.length);
    if (column === undefined) return;
    const { buffer, byteOffset } = column.bytes;
    const values = new BigInt64Array(buffer, byteOffset, out.length);
    this.#look();
    for (let i = 0; i < out.length; i++) out[i] = this.#search(values[i] ?? 0n, rows);
  }

  findOne(key: readonly KeyValue[], rows: number): number {
    checkKey(this.#fields, key);
    const [value] = key;
    const out = new Uint32Array(1);
    if (typeof value === "bigint") {
      this.#look();
      return this.#search(value, rows);
    }
    const row = keyRow(this.#fields, key)[0];
    if (row !== undefined) {
      this.#look();
      out[0] = this.#search(new BigInt64Array(row.bytes.buffer)[0] ?? 0n, rows);
    }
    return out[0] ?? NOT_FOUND;
  }

  isNewest(row: number, rows: number): boolean {
    return row < rows;
  }

  newestRows(_firstRow: number, count: number, _rows: number, out: Uint32Array): number {
    for (let i = 0; i < count; i++) out[i] = i;
    return count;
  }

  usedBytes(): number {
    return 0;
  }

  release(): void {}

  reserve(_batches: number, rows: number, more: number): void {
    if (more > this.#maxRows) {
      throw new TooLargeError(
        `${more} rows in one append can never fit: the memtable holds at most ${this.#maxRows}; append fewer at once, or create it for more rows`,
      );
    }
    if (rows + more > this.#maxRows) {
      throw new FullError(
        `${more} rows do not fit: the memtable holds ${rows} of at most ${this.#maxRows} rows`,
        "rows",
      );
    }
  }

  insert(): void {}

  recover(): void {}

  clear(): void {
    this.forget();
  }

  /** Forgets the batches looked at, when the memory is used anew. */
  forget(): void {
    this.#firstRows.length = 0;
    this.#firstKeys.length = 0;
    this.#batches = 0;
  }

  /** Looks at the batches that have come since. */
  #look(): void {
    const { indexed } = this.#store;
    for (; this.#batches < indexed; this.#batches++) {
      const batch = this.#store.get(this.#batches);
      if (batch === undefined || batch.rows === 0) continue;
      this.#firstRows.push(batch.rowOffset);
      this.#firstKeys.push((this.#column.valuesAddress(this.#batches) ?? 0) / 8);
    }
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
    low = 0;
    high = Math.min(rows, this.#firstRows[batch + 1] ?? this.#store.totalRows) - firstRow;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#i64[firstKey + middle] ?? 0n) < key) low = middle + 1;
      else high = middle;
    }
    return firstRow + low < rows && this.#i64[firstKey + low] === key ? firstRow + low : NOT_FOUND;
  }
}
