/**
 * The reading side of a primary-key index: lookups by kernel, through this thread's scratch region, or by the plain twin where there is
 * no WebAssembly, no free region, or a key too large for it. `kernels/key-index.ts` has the bytes and why a lookup is right.
 *
 * @module
 */
import type { DataLike } from "../arrow/shape.js";
import type { Kernels } from "../kernels/interface.js";
import { KEY_KIND, recordBytes } from "../kernels/key-index.js";
import { PlainKeyIndex } from "../kernels/plain/key-index.js";
import type { Arena } from "../store/arena.js";
import type { Scratch, ScratchRegion } from "../store/scratch.js";
import { hasOffsets, type KeyField, keyRows } from "./key-columns.js";
import { KeyScratch } from "./key-scratch.js";
import { bytesOfValue, checkKey, keyRow, writeAscii, writeNumber } from "./key-value.js";
import type { KeyWords } from "./key-words.js";
import type { KeyValue, RowIndex } from "./row-index.js";

/** A region smaller than this, that of an arena below 1 MiB, is not worth its portions. */
const LEAST_REGION_BYTES = 1_024;
/** Keys in one call of a kernel at most: what their lookups touch stays in the processor's nearest cache. */
const PORTION_ROWS = 512;

export class KeyIndex implements RowIndex {
  readonly #arena: Arena;
  readonly #kernels: Kernels;
  readonly #scratch: Scratch;
  readonly #words: KeyWords;
  readonly #fields: readonly KeyField[];
  readonly #plain: PlainKeyIndex;
  readonly #i64: BigInt64Array;
  /** True for a key of one int64 column, which has a kernel of its own. */
  readonly #isLong: boolean;
  #keys: KeyScratch | undefined;

  constructor(arena: Arena, kernels: Kernels, scratch: Scratch, words: KeyWords, fields: readonly KeyField[]) {
    this.#arena = arena;
    this.#kernels = kernels;
    this.#scratch = scratch;
    this.#words = words;
    this.#fields = fields;
    this.#plain = new PlainKeyIndex(arena.buffer, words.start);
    this.#i64 = new BigInt64Array(arena.buffer);
    this.#isLong = fields.length === 1 && fields[0]?.kind === KEY_KIND.LONG;
  }

  find(keys: readonly DataLike[], rows: number, out: Uint32Array): void {
    const columns = keyRows(this.#fields, keys, out.length);
    const bound = Math.min(rows, this.#words.maxRows);
    const { u32 } = this.#arena;
    const scratch = this.#keyScratch;
    for (let from = 0; from < out.length; ) {
      const portion = scratch?.portion(columns, from, Math.min(from + PORTION_ROWS, out.length));
      if (portion === undefined) {
        out[from] = this.#plain.find(columns, from, bound);
        from++;
        continue;
      }
      const { record, count } = portion;
      this.#kernels.keyIndexFind(this.#words.start, record, count, bound, portion.out);
      const word = portion.out / 4;
      for (let i = 0; i < count; i++) out[from + i] = u32[word + i] ?? 0;
      from += count;
    }
  }

  findOne(key: readonly KeyValue[], rows: number): number {
    checkKey(this.#fields, key);
    const bound = Math.min(rows, this.#words.maxRows);
    const [first] = key;
    if (this.#isLong && typeof first === "bigint" && BigInt.asIntN(64, first) === first) {
      return this.#kernels.keyIndexFindLong(this.#words.start, first, bound);
    }
    const region = this.#keyScratch?.region;
    if (region === undefined || !this.#writeKey(key, region)) {
      return this.#plain.find(keyRow(this.#fields, key), 0, bound);
    }
    const out = region.address + recordBytes(this.#fields.length);
    this.#kernels.keyIndexFind(this.#words.start, region.address, 1, bound, out);
    return this.#arena.u32[out / 4] ?? 0;
  }

  isNewest(row: number, rows: number): boolean {
    return this.#plain.isNewest(row, rows);
  }

  newestRows(firstRow: number, count: number, rows: number, out: Uint32Array): number {
    const { u32 } = this.#arena;
    const region = this.#keyScratch?.region;
    let found = 0;
    if (region === undefined) {
      for (let i = 0; i < count; i++) if (this.#plain.isNewest(firstRow + i, rows)) out[found++] = i;
      return found;
    }
    const atOnce = region.bytes / 4;
    const word = region.address / 4;
    for (let from = 0; from < count; from += atOnce) {
      const portion = Math.min(atOnce, count - from);
      const newest = this.#kernels.keyIndexNewest(this.#words.start, firstRow + from, portion, rows, region.address);
      if (from === 0) out.set(u32.subarray(word, word + newest), found);
      else for (let i = 0; i < newest; i++) out[found + i] = from + (u32[word + i] ?? 0);
      found += newest;
    }
    return found;
  }

  usedBytes(batches: number, rows: number): number {
    return this.#words.usedBytes(batches, rows);
  }

  release(): void {
    this.#keys = undefined;
    this.#scratch.release();
  }

  get #keyScratch(): KeyScratch | undefined {
    if (this.#keys !== undefined || this.#kernels.kind !== "wasm") return this.#keys;
    const { region } = this.#scratch;
    if (region !== undefined && region.bytes >= LEAST_REGION_BYTES) this.#keys = new KeyScratch(this.#arena, region);
    return this.#keys;
  }

  /** Lays one key out like a portion of `KeyScratch`; false when it does not fit. */
  #writeKey(key: readonly KeyValue[], region: ScratchRegion): boolean {
    const { u8, u32, i32 } = this.#arena;
    const room = { u8, i32, i64: this.#i64 };
    const fields = this.#fields;
    const end = region.address + region.bytes;
    let at = region.address + recordBytes(fields.length) + 8; // two words of results
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i];
      if (field === undefined) break;
      const value = key[i];
      const word = region.address / 4 + 2 + 2 * i;
      if (at + 16 > end) return false;
      if (!hasOffsets(field.kind)) {
        writeNumber(room, at, field, value);
        u32[word] = at;
        at += 8;
        continue;
      }
      let bytes = -1;
      if (field.isText && typeof value === "string" && at + 16 + value.length <= end) {
        bytes = writeAscii(room, at + 16, value);
      }
      if (bytes < 0) {
        const encoded = bytesOfValue(field, value);
        if (at + 16 + encoded.length > end) return false;
        u8.set(encoded, at + 16);
        bytes = encoded.length;
      }
      u32[word] = at + 16;
      u32[word + 1] = at;
      u32[at / 4] = 0;
      u32[at / 4 + (field.kind === KEY_KIND.BYTES_64 ? 2 : 1)] = bytes;
      if (field.kind === KEY_KIND.BYTES_64) u32[at / 4 + 1] = 0;
      at += 16 + 8 * Math.ceil(bytes / 8);
    }
    return true;
  }
}
