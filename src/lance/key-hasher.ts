/**
 * Hashes of primary keys, 64 bits each, as two unsigned words: low, high.
 *
 * SipHash-1-3 (sip-hash.ts) over what Rust's `Hash` feeds it, column by column: a byte 0 (not null), then
 *
 * ```
 *   int32, int64           4 or 8 bytes, little-endian
 *   utf8, large_utf8       the bytes, then 0xFF
 *   binary, large_binary   length as 8 bytes, little-endian, then the bytes
 * ```
 *
 * For its own filter LanceDB 0.39 takes nothing but the first byte of a large column, so that all large keys have one hash. Ours takes
 * them as it takes the small ones.
 *
 * @module
 */
import type { DataLike, TypeLike } from "../arrow/shape.js";
import { UsageError } from "../errors.js";
import { longAt } from "../kernels/plain/views.js";
import {
  type ByteColumn,
  copyBytes,
  type KeyColumn,
  type KeyKind,
  keyColumn,
  keyKindOf,
  type WordColumn,
} from "./key-types.js";
import { sipHash13 } from "./sip-hash.js";

const FIRST_BYTES = 256;
/** Behind the message: what is left of the last block, or all of one. */
const SLACK_BYTES = 16;
const END_OF_TEXT = 0xff;

export class KeyHasher {
  readonly #kinds: readonly KeyKind[];
  readonly #lance: boolean;
  #bytes = new Uint8Array(FIRST_BYTES);
  #words = new Uint32Array(this.#bytes.buffer);

  private constructor(types: readonly TypeLike[], lance: boolean) {
    this.#kinds = types.map(keyKindOf);
    this.#lance = lance;
  }

  /**
   * Hashes for our filters.
   *
   * @param types of the key columns, in the order of the key
   * @throws UsageError when one cannot be in a key
   */
  static forPennon(types: readonly TypeLike[]): KeyHasher {
    return new KeyHasher(types, false);
  }

  /** Hashes for LanceDB's filters; see {@link KeyHasher.forPennon}. */
  static forLance(types: readonly TypeLike[]): KeyHasher {
    return new KeyHasher(types, true);
  }

  /** Whether both kinds of filters take the same hashes. */
  static agrees(types: readonly TypeLike[]): boolean {
    return types.every((type) => !isLarge(keyKindOf(type)));
  }

  /**
   * Hashes rows 0 to `rows` of the key columns.
   *
   * @param columns in the order of the key, without nulls
   * @param out gets low and high word of row i at `2 * (first + i)`
   * @throws UsageError when a column is missing or malformed
   */
  hash(columns: readonly DataLike[], rows: number, out: Uint32Array, first = 0): void {
    const parts = this.#kinds.map((kind, i) => {
      const data = columns[i];
      if (data === undefined || data.length < rows) throw new UsageError(`key column ${i} has fewer than ${rows} rows`);
      return keyColumn(kind, data);
    });
    const [only] = parts;
    if (parts.length === 1 && only?.kind === "int64") this.#hashLongs(only, rows, out, first);
    else this.#hashRows(parts, rows, out, first);
  }

  #hashLongs({ words: values }: WordColumn, rows: number, out: Uint32Array, first: number): void {
    const words = this.#words;
    for (let row = 0; row < rows; row++) {
      const low = values[2 * row] ?? 0;
      const high = values[2 * row + 1] ?? 0;
      words[0] = low << 8;
      words[1] = (low >>> 24) | (high << 8);
      words[2] = high >>> 24;
      words[3] = 0;
      sipHash13(words, 9, out, 2 * (first + row));
    }
  }

  #hashRows(parts: readonly KeyColumn[], rows: number, out: Uint32Array, first: number): void {
    for (let row = 0; row < rows; row++) {
      let end = 0;
      for (const part of parts) end = this.#write(part, row, end);
      this.#bytes.fill(0, end, (end & ~7) + 8);
      sipHash13(this.#words, end, out, 2 * (first + row));
    }
  }

  /** Writes one value of the message at byte `at`; returns the byte behind it. */
  #write(part: KeyColumn, row: number, at: number): number {
    if ("words" in part) {
      this.#reserve(at + 9);
      this.#bytes[at] = 0;
      if (part.kind === "int32") return this.#writeWord(part.words[row] ?? 0, at + 1);
      return this.#writeWord(part.words[2 * row + 1] ?? 0, this.#writeWord(part.words[2 * row] ?? 0, at + 1));
    }
    if (!(this.#lance && isLarge(part.kind))) return this.#writeBytes(part, row, at);
    this.#reserve(at + 1);
    this.#bytes[at] = 0;
    return at + 1;
  }

  #writeWord(word: number, at: number): number {
    const bytes = this.#bytes;
    bytes[at] = word;
    bytes[at + 1] = word >>> 8;
    bytes[at + 2] = word >>> 16;
    bytes[at + 3] = word >>> 24;
    return at + 4;
  }

  #writeBytes({ kind, bytes: values, offsets }: ByteColumn, row: number, start: number): number {
    const from = longAt(offsets, row);
    const length = longAt(offsets, row + 1) - from;
    this.#reserve(start + length + 10);
    this.#bytes[start] = 0;
    let at = start + 1;
    const isText = kind === "utf8" || kind === "large_utf8";
    if (!isText) {
      at = this.#writeWord(length, at);
      at = this.#writeWord(Math.floor(length / 2 ** 32), at);
    }
    const bytes = this.#bytes;
    copyBytes(values, from, from + length, bytes, at);
    at += length;
    if (isText) bytes[at++] = END_OF_TEXT;
    return at;
  }

  #reserve(bytes: number): void {
    if (bytes + SLACK_BYTES <= this.#bytes.length) return;
    const grown = new Uint8Array((2 * (bytes + SLACK_BYTES)) & ~7);
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#words = new Uint32Array(grown.buffer);
  }
}

function isLarge(kind: KeyKind): boolean {
  return kind === "large_utf8" || kind === "large_binary";
}
