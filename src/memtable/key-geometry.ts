/**
 * The sizes of a primary-key index: how large its region must be, where its parts lie, how large a table is for so many keys.
 * `kernels/key-index.ts` has the picture.
 *
 * Most of a region is address space that is never touched: links of rows that are not overwritten, tables of sizes never reached.
 *
 * @module
 */
import { aligned } from "../arrow/message.js";
import { BLOCK_ROWS, INDEX_HEADER_BYTES, INDEX_WORD, recordBytes } from "../kernels/key-index.js";

/** Logarithm of the slots of the smallest table: 4 KiB. */
const LEAST_LOG2 = 10;

/** What the size of an index depends on. */
export interface IndexSize {
  readonly columns: number;
  /** Batches at most. */
  readonly batches: number;
  /** Rows at most. */
  readonly rows: number;
}

/** Keys that a table of 2^`log2` slots may hold: three quarters, so that a search soon meets an empty slot. */
export function tableLimit(log2: number): number {
  return 3 * 2 ** (log2 - 2);
}

/** Logarithm of the slots of the smallest table for `keys` keys. */
export function tableLog2(keys: number): number {
  let log2 = LEAST_LOG2;
  while (tableLimit(log2) < keys) log2++;
  return log2;
}

/** Bytes of the parts, in their order; all are multiples of 64. */
function parts({ columns, batches, rows }: IndexSize) {
  return {
    directory: aligned(batches * recordBytes(columns)),
    blocks: aligned(4 * Math.ceil(rows / BLOCK_ROWS)),
    links: aligned(4 * rows),
    // Each table is at least twice as large as the one before, so those before the last take together less than it does.
    tables: 2 * 4 * 2 ** tableLog2(rows),
  };
}

/** Bytes of the region of an index. */
export function indexBytes(size: IndexSize): number {
  const { directory, blocks, links, tables } = parts(size);
  return INDEX_HEADER_BYTES + directory + blocks + 2 * links + tables;
}

/** Writes the geometry of an index into a region that is all zero. */
export function formatIndex(u32: Uint32Array, start: number, size: IndexSize, kinds: number): void {
  const { directory, blocks, links, tables } = parts(size);
  const word = start / 4;
  let at = start + INDEX_HEADER_BYTES;
  const place = (field: number, bytes: number): void => {
    u32[word + field] = at;
    at += bytes;
  };
  u32[word + INDEX_WORD.KINDS] = kinds;
  u32[word + INDEX_WORD.COLUMNS] = size.columns;
  u32[word + INDEX_WORD.ROW_MASK] = 2 ** Math.ceil(Math.log2(size.rows + 1)) - 1;
  u32[word + INDEX_WORD.MAX_ROWS] = size.rows;
  place(INDEX_WORD.DIRECTORY, directory);
  place(INDEX_WORD.BLOCKS, blocks);
  place(INDEX_WORD.OLDER, links);
  place(INDEX_WORD.NEWER, links);
  place(INDEX_WORD.TABLES, tables);
  u32[word + INDEX_WORD.END] = at;
  u32[word + INDEX_WORD.TAIL] = (u32[word + INDEX_WORD.TABLES] ?? 0) / 64;
}
