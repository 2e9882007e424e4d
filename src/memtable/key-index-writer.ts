/**
 * The writing side of a primary-key index: makes room, inserts, recovers what a former writer left, clears. `kernels/key-index.ts` has the
 * bytes and the order of events. For the one writer of the memtable's store.
 *
 * @module
 */
import { FullError, TooLargeError, UsageError } from "../errors.js";
import type { Kernels } from "../kernels/interface.js";
import { BLOCK_ROWS, INDEX_WORD, recordBytes, rootOf, tableAddress, tableSlots } from "../kernels/key-index.js";
import { PlainKernels } from "../kernels/plain-kernels.js";
import type { RawColumn } from "../store/raw-column.js";
import type { Scratch } from "../store/scratch.js";
import type { SlotTable } from "../store/slots.js";
import { tableLimit, tableLog2 } from "./key-geometry.js";
import type { KeyWords } from "./key-words.js";
import type { RowIndexWriter } from "./row-index.js";

/** Rows whose slots are fetched together: as many cache lines fit the processor's nearest cache. */
const ROWS_AT_ONCE = 128;

/** What the writer of an index works on. */
export interface KeyIndexParts {
  readonly words: KeyWords;
  readonly kernels: Kernels;
  readonly scratch: Scratch;
  readonly slots: SlotTable;
  /** The key columns, in the order of the key. */
  readonly columns: readonly RawColumn[];
  readonly buffer: SharedArrayBuffer;
}

export class KeyIndexWriter implements RowIndexWriter {
  readonly #words: KeyWords;
  readonly #kernels: Kernels;
  readonly #slots: SlotTable;
  readonly #columns: readonly RawColumn[];
  readonly #scratch: Scratch;
  readonly #buffer: SharedArrayBuffer;
  #expectedRows: number;
  #twins: Kernels | undefined;

  /** @param expectedRows keys that the first table has room for */
  constructor({ words, kernels, scratch, slots, columns, buffer }: KeyIndexParts, expectedRows: number) {
    this.#words = words;
    this.#kernels = kernels;
    this.#scratch = scratch;
    this.#slots = slots;
    this.#columns = columns;
    this.#buffer = buffer;
    this.#expectedRows = expectedRows;
  }

  reserve(batches: number, rows: number, more: number): void {
    this.checkBound(rows, more);
    const needed = this.#words.keys + more;
    if (needed <= this.#limit) return;
    this.#grow(batches, tableLog2(Math.max(needed, this.#words.root === 0 ? this.#expectedRows : 0)));
  }

  /** @throws FullError when `more` rows behind so many are too many; TooLargeError when they always would be */
  checkBound(rows: number, more: number): void {
    const { maxRows } = this.#words;
    if (more > maxRows) {
      throw new TooLargeError(
        `${more} rows in one append can never fit: the memtable holds at most ${maxRows}; append fewer at once, or create it for more rows`,
      );
    }
    if (rows + more > maxRows) {
      throw new FullError(`${more} rows do not fit: the memtable holds ${rows} of at most ${maxRows} rows`, "rows");
    }
  }

  /**
   * Begins the index of a memtable that had none: with the rows of its first batches, whose keys are all different. Cannot fail.
   *
   * @param firstRows rows of these batches
   * @param rows that the first table has room for, at least
   */
  begin(batches: number, firstRows: number, rows: number): void {
    const words = this.#words;
    const log2 = tableLog2(Math.max(rows, this.#expectedRows));
    const root = this.#reserveTable(log2); // first of all, as the mark that the region is in use
    for (let position = 0; position < batches; position++) {
      this.#writeRecord(position);
      words.writeBlocks(position, this.#slots.rowsBefore(position), this.#slots.rows(position));
    }
    words.keys = firstRows;
    this.#fill(batches, root);
  }

  insert(from: number, to: number): void {
    const words = this.#words;
    const { kernels, scratch, rows } = this.#tools;
    for (let position = from; position < to; position++) {
      this.#writeRecord(position);
      words.keys += kernels.keyIndexInsert(words.start, position, scratch, rows);
    }
  }

  recover(indexed: number, indexedRows: number, rows: number): void {
    const words = this.#words;
    this.checkRecovered(rows);
    this.dropUnfinished();
    words.keys = this.#slotsInUse;
    // Some of the rows to come are in the table already.
    const needed = Math.min(words.keys + rows - indexedRows, rows);
    if (needed <= this.#limit) return;
    this.#grow(indexed, tableLog2(needed));
    words.keys = this.#slotsInUse;
  }

  /** Clears a table that a former writer was building. */
  dropUnfinished(): void {
    const words = this.#words;
    const { root } = words;
    const end = root === 0 ? words.field(INDEX_WORD.TABLES) : tableAddress(root) + 4 * tableSlots(root);
    words.u32.fill(0, end / 4, words.tail / 4);
    words.tail = end;
  }

  /** @throws UsageError when so many rows, which are committed, are more than an index can hold */
  checkRecovered(rows: number): void {
    const words = this.#words;
    if (rows > words.maxRows) {
      throw new UsageError(
        `the memtable's store holds ${rows} rows, the index at most ${words.maxRows}; append to the memtable, not to its store`,
      );
    }
  }

  clear(batches: number, rows: number, expectedRows: number): void {
    const words = this.#words;
    const { kernels } = this.#tools;
    const clear = (address: number, bytes: number): void => kernels.fill(address, 0, bytes);
    words.root = 0;
    clear(words.field(INDEX_WORD.DIRECTORY), batches * recordBytes(words.columns));
    clear(words.field(INDEX_WORD.BLOCKS), 4 * Math.ceil(rows / BLOCK_ROWS));
    if (words.keys < rows) {
      clear(words.field(INDEX_WORD.OLDER), 4 * rows);
      clear(words.field(INDEX_WORD.NEWER), 4 * rows);
    }
    const tables = words.field(INDEX_WORD.TABLES);
    clear(tables, words.tail - tables);
    words.keys = 0;
    words.tail = tables;
    this.expect(expectedRows);
  }

  /** Rows that the first table of the next use shall have room for. */
  expect(rows: number): void {
    this.#expectedRows = rows;
  }

  /** Keys that the table in force may hold. */
  get #limit(): number {
    const { root } = this.#words;
    return root === 0 ? 0 : tableLimit(root & 31);
  }

  /** Makes a table of 2^`log2` slots with all keys of the first `batches` batches the one in force. */
  #grow(batches: number, log2: number): void {
    this.#fill(batches, this.#reserveTable(log2));
  }

  /** Memory for a table of 2^`log2` slots, all zero: its root. */
  #reserveTable(log2: number): number {
    const words = this.#words;
    const address = words.tail;
    const end = address + 4 * 2 ** log2;
    if (end > words.field(INDEX_WORD.END)) {
      throw new FullError(
        `the index has no room for a table of ${2 ** log2} slots; its rows are bounded by ${words.maxRows}`,
        "rows",
      );
    }
    words.tail = end;
    return rootOf(address, log2);
  }

  /** Puts all keys of the first `batches` batches into the table of `root`, and makes that the one in force. */
  #fill(batches: number, root: number): void {
    const words = this.#words;
    const { kernels, scratch, rows } = this.#tools;
    kernels.keyIndexRebuild(words.start, batches, root, scratch, rows);
    words.root = root;
  }

  #writeRecord(position: number): void {
    const words = this.#words;
    const slots = this.#slots;
    let word = words.recordWord(position);
    words.u32[word++] = slots.rowsBefore(position);
    words.u32[word++] = slots.rows(position);
    for (const column of this.#columns) {
      words.u32[word++] = column.valuesAddress(position) ?? 0;
      words.u32[word++] = column.offsetsAddress(position) ?? 0;
    }
  }

  /** Slots of the table in force that hold a row. */
  get #slotsInUse(): number {
    const { root, u32 } = this.#words;
    const word = tableAddress(root) / 4;
    return u32.subarray(word, word + tableSlots(root)).reduce((keys, slot) => keys + Number(slot !== 0), 0);
  }

  /** The kernels with a scratch for them, or their twins, which need none. */
  get #tools(): { readonly kernels: Kernels; readonly scratch: number; readonly rows: number } {
    const { region } = this.#scratch;
    if (this.#kernels.kind === "wasm" && region !== undefined) {
      return { kernels: this.#kernels, scratch: region.address, rows: Math.min(ROWS_AT_ONCE, region.bytes / 4) };
    }
    this.#twins ??= new PlainKernels(this.#buffer);
    return { kernels: this.#twins, scratch: 0, rows: 0 };
  }
}
