/**
 * The words of a primary-key index in shared memory, as one thread sees them. `kernels/key-index.ts` says who may write which.
 *
 * @module
 */
import { BLOCK_ROWS, INDEX_HEADER_BYTES, INDEX_WORD, recordBytes, tableSlots } from "../kernels/key-index.js";

/** Bytes that the system commits at once when one of them is first written. */
const PAGE_BYTES = 4_096;

export class KeyWords {
  /** Address of the index. */
  readonly start: number;
  readonly u32: Uint32Array;
  readonly maxRows: number;
  readonly columns: number;
  readonly #word: number;

  constructor(u32: Uint32Array, start: number) {
    this.u32 = u32;
    this.start = start;
    this.#word = start / 4;
    this.maxRows = this.field(INDEX_WORD.MAX_ROWS);
    this.columns = this.field(INDEX_WORD.COLUMNS);
  }

  /** A word of the geometry. */
  field(word: number): number {
    return this.u32[this.#word + word] ?? 0;
  }

  /** The table in force, 0 before the first. */
  get root(): number {
    return this.#load(INDEX_WORD.ROOT);
  }

  set root(root: number) {
    this.#store(INDEX_WORD.ROOT, root);
  }

  /** Different keys, as of the last batch inserted. */
  get keys(): number {
    return this.#load(INDEX_WORD.KEYS);
  }

  set keys(keys: number) {
    this.#store(INDEX_WORD.KEYS, keys);
  }

  /** Address behind the tables. */
  get tail(): number {
    return 64 * this.#load(INDEX_WORD.TAIL);
  }

  set tail(address: number) {
    this.#store(INDEX_WORD.TAIL, address / 64);
  }

  /** Slots of the table in force. */
  get slots(): number {
    return tableSlots(this.root);
  }

  /** Word of the record of the batch at `position`. */
  recordWord(position: number): number {
    return (this.field(INDEX_WORD.DIRECTORY) + position * recordBytes(this.columns)) / 4;
  }

  /** Names the batch at `position`, of so many rows, for each block whose first row it holds. */
  writeBlocks(position: number, firstRow: number, rows: number): void {
    const blocks = this.field(INDEX_WORD.BLOCKS) / 4;
    const end = Math.ceil((firstRow + rows) / BLOCK_ROWS);
    this.u32.fill(position, blocks + Math.ceil(firstRow / BLOCK_ROWS), blocks + end);
  }

  /** True when nothing but its geometry was ever written into the region, or it is as if. */
  get isUntouched(): boolean {
    return this.root === 0 && this.tail === this.field(INDEX_WORD.TABLES);
  }

  /** Word of the link from `row` to the next version of its key. */
  newerWord(row: number): number {
    return this.field(INDEX_WORD.NEWER) / 4 + row;
  }

  /** Bytes that so many batches and rows have touched; of the links at most so many. */
  usedBytes(batches: number, rows: number): number {
    const overwritten = Math.max(0, rows - this.keys);
    return (
      INDEX_HEADER_BYTES +
      batches * recordBytes(this.columns) +
      4 * Math.ceil(rows / BLOCK_ROWS) +
      Math.min(8 * rows, 2 * PAGE_BYTES * overwritten) +
      this.tail -
      this.field(INDEX_WORD.TABLES)
    );
  }

  #load(word: number): number {
    return Atomics.load(this.u32, this.#word + word);
  }

  #store(word: number, value: number): void {
    Atomics.store(this.u32, this.#word + word, value);
  }
}
