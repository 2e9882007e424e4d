/**
 * The kernels: loops over column bytes, in place, in one memory (an arena). Two implementations give the same bytes
 * and results: `WasmKernels` (SIMD, see assembly/) and `PlainKernels` (TypeScript, see plain/), which also serves
 * where WebAssembly is missing.
 *
 * For every method:
 * - `at`, `src`, `dst` and names ending in `At` are byte addresses in the memory, 0 … 2^32 - 1. Counts of rows and of
 *   bits are below 2^31. Numbers, offsets and indices lie at multiples of their width; bytes, bits and the values of
 *   fixed width may lie anywhere.
 * - Nothing is checked: the caller guarantees that regions lie inside the memory, that offsets and indices are in
 *   range, and that outputs do not overlap inputs unless a method says "in place" or "may overlap". On a fault
 *   (outside the memory) a method throws, having possibly written part of its output.
 * - A bitmap is read from bit 0, least significant bit first, as in Arrow. `validityAt` 0 means: no nulls.
 * - Kernels touch only bytes that are published (read) or that belong to the caller alone (read and written). Shared
 *   control words are accessed atomically, elsewhere; those of a primary-key index, which is shared, are here.
 * - No method keeps anything in the memory, so several threads may run kernels on one memory at once.
 */
import type { NumberKind } from "./statistics.js";

/** Bytes per index of a dictionary column. */
export type IndexWidth = 1 | 2 | 4 | 8;

/** What is needed of a `WebAssembly.Memory`: a type of our own, as declarations for Node do not have that one. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
}

/** See the head of this file for what holds for every method. */
export interface Kernels {
  /** Which implementation this is. */
  readonly kind: "wasm" | "plain";

  /** Copies bytes; the regions may overlap, any alignment. */
  copy(dst: number, src: number, bytes: number): void;
  /** Sets `bytes` bytes to `byte` (0 … 255). */
  fill(dst: number, byte: number, bytes: number): void;

  /** Subtracts `delta` from each of `count` i32, in place, wrapping. */
  rebase32(at: number, count: number, delta: number): void;
  /** Subtracts `delta`, a safe integer, from each of `count` i64, in place, wrapping. */
  rebase64(at: number, count: number, delta: number): void;
  /**
   * Whether `count` i32 offsets (rows + 1, so at least 1) are sound: the first is not negative, none is smaller than
   * the one before, the last is at most `limit` (a safe integer). False when `count` is 0.
   */
  offsetsValid32(at: number, count: number, limit: number): boolean;
  /** The same for i64 offsets. */
  offsetsValid64(at: number, count: number, limit: number): boolean;
  /** Whether every valid dictionary index lies in [0, limit); `limit` is a safe integer, not negative. */
  indicesValid(
    at: number,
    width: IndexWidth,
    signed: boolean,
    count: number,
    validityAt: number,
    limit: number,
  ): boolean;
  /**
   * Whether every i8 type id is allowed: id i (0 … 127) is when bit i mod 32 of the word set⌊i/32⌋ (u32) is 1;
   * negative ids never.
   */
  typeIdsValid(at: number, count: number, set0: number, set1: number, set2: number, set3: number): boolean;

  /**
   * Moves bits [bitOffset, bitOffset + bits) of the bit string at `at` (bitOffset 0 … 7) down to bit 0, in place. The
   * unused bits of the last byte become 0, and so does the one byte after it that the move may have emptied.
   */
  alignBits(at: number, bitOffset: number, bits: number): void;
  /** How many of the first `bits` bits are set. */
  countBits(at: number, bits: number): number;

  /**
   * Writes the statistics of `count` numbers at `out` (any address), a 64-byte struct (see statistics.ts; decode with
   * `readStatistics`).
   * @param firstRow - ordinal of the first row, u32, for the checksum
   */
  statistics(kind: NumberKind, at: number, validityAt: number, count: number, firstRow: number, out: number): void;
  /** Sum of `count` i64, wrapping to 64 bits. */
  sumI64(at: number, count: number): bigint;
  /** Sum of `count` f64, in eight lanes (row mod 8) combined as ((0+1)+(2+3)) + ((4+5)+(6+7)). */
  sumF64(at: number, count: number): number;

  /**
   * Checksum (u32) of `count` values of `width` bytes (0 or more). It is a sum over rows that depends on each row's
   * ordinal (firstRow + i): the checksums of the pieces of a column add up, mod 2^32, to that of the whole, wherever
   * it is cut. See plain/mix.ts.
   */
  checksumFixed(at: number, width: number, validityAt: number, count: number, firstRow: number): number;
  /** Checksum of `count` bits, each as the word 0 or 1. */
  checksumBits(at: number, validityAt: number, count: number, firstRow: number): number;
  /**
   * Checksum of `count` values cut from the data by count + 1 i32 offsets; it does not depend on where the offsets
   * start.
   */
  checksumVar32(offsetsAt: number, dataAt: number, validityAt: number, count: number, firstRow: number): number;
  /** The same with i64 offsets. */
  checksumVar64(offsetsAt: number, dataAt: number, validityAt: number, count: number, firstRow: number): number;

  /** Value i of `dst` is value indices[i] (u32) of `src`. */
  gatherFixed(src: number, width: number, indicesAt: number, count: number, dst: number): void;
  /** Bit i of `dst` is bit indices[i] (u32) of `src`; the unused bits of the last byte become 0. */
  gatherBits(src: number, indicesAt: number, count: number, dst: number): void;
  /**
   * Values indices[i] of a variable-length column, with fresh offsets from 0. Stops before the first value that no
   * longer fits into `outDataCapacity` bytes (at most 2^31 - 1 count, as offsets of 32 bits reach no further): 0 rows
   * done means that the very first does not fit. Writes one offset more than rows done. Bytes after the last value,
   * inside the capacity, are undefined.
   * @returns rows done
   */
  gatherVar32(
    offsetsAt: number,
    dataAt: number,
    indicesAt: number,
    count: number,
    outOffsetsAt: number,
    outDataAt: number,
    outDataCapacity: number,
  ): number;
  /** The same with i64 offsets, old and new; capacity up to 2^32 - 1. */
  gatherVar64(
    offsetsAt: number,
    dataAt: number,
    indicesAt: number,
    count: number,
    outOffsetsAt: number,
    outDataAt: number,
    outDataCapacity: number,
  ): number;

  /** The values in the opposite order. */
  reverseFixed(src: number, width: number, count: number, dst: number): void;
  /**
   * Bit i of `dst` is bit bitOffset + count - 1 - i of `src`; bitOffset + count is below 2^31; the unused bits of the
   * last byte become 0.
   */
  reverseBits(src: number, bitOffset: number, count: number, dst: number): void;
  /**
   * As `gatherVar32`, of rows firstRow + count - 1 down to firstRow. To go on after `done` rows, call with count -
   * done.
   */
  reverseVar32(
    offsetsAt: number,
    dataAt: number,
    firstRow: number,
    count: number,
    outOffsetsAt: number,
    outDataAt: number,
    outDataCapacity: number,
  ): number;
  /** The same with i64 offsets. */
  reverseVar64(
    offsetsAt: number,
    dataAt: number,
    firstRow: number,
    count: number,
    outOffsetsAt: number,
    outDataAt: number,
    outDataCapacity: number,
  ): number;

  /**
   * Inserts the rows of the batch at `position` into the primary-key index at `index`, whose record of that batch is written
   * and whose table has room for them. For the one writer of the index. See key-index.ts.
   * @param scratch - `scratchRows` words, at least one, of the caller's
   * @returns keys that are new
   */
  keyIndexInsert(index: number, position: number, scratch: number, scratchRows: number): number;
  /**
   * Fills the table of `root`, all zero and not published yet, with the newest rows of all keys of the first `batches`
   * batches, which are inserted; later ones may be linked to them already.
   */
  keyIndexRebuild(index: number, batches: number, root: number, scratch: number, scratchRows: number): void;
  /**
   * Looks up the keys of `count` rows: word i of `out` is the newest row below `rows` that has the key of row i, else
   * NOT_FOUND.
   * @param record - where their key columns lie, as the record of a batch of the index says it
   * @param out - room for count + 1 words; the last one is undefined
   */
  keyIndexFind(index: number, record: number, count: number, rows: number, out: number): void;
  /** As `keyIndexFind` for one key, where the key is one column of 8 bytes: its row. */
  keyIndexFindLong(index: number, key: bigint, rows: number): number;
  /**
   * Writes those of the rows firstRow … firstRow + count - 1 that are the newest of their keys among the first `rows`
   * rows, as their distances from `firstRow`.
   * @param out - room for count words; those behind the last result are undefined
   * @returns how many they are
   */
  keyIndexNewest(index: number, firstRow: number, count: number, rows: number, out: number): number;
}
