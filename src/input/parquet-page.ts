/**
 * One Parquet column chunk: its pages, one after another, decoded to levels and values.
 *
 * ```text
 * chunk:   dictionary page, if any │ data pages          page: header (Thrift) │ bytes
 * page v1: compressed( repetition levels │ definition levels │ values )   each levels: uint32 length │ runs
 * page v2: repetition levels │ definition levels │ compressed( values )   lengths in the header
 * ```
 *
 * Format: https://parquet.apache.org/docs/file-format/data-pages/
 *
 * @module
 */

import type { PageHeader } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { CorruptError, UsageError } from "../errors.js";
import { decompressPage } from "./parquet-codec.js";
import { decodeValues, storedWidth } from "./parquet-encodings.js";
import { decodeHybrid } from "./parquet-hybrid.js";
import type { Leaf } from "./parquet-schema.js";
import { checkThriftStruct } from "./parquet-thrift.js";
import { ByteArrays, FixedValues, type LeafValues } from "./parquet-values.js";

/** A decoded chunk. */
export interface LeafColumn {
  /** Entries in the streams of levels: rows of a flat column; of a nested one also further elements. */
  readonly count: number;
  /** Definition levels; undefined when no entry is null. */
  readonly definitions: Uint8Array | undefined;
  /** Repetition levels; undefined when nothing on the path repeats. */
  readonly repetitions: Uint8Array | undefined;
  /** The values that are not null, in order. */
  readonly values: LeafValues;
}

/** What a chunk is decoded with. */
export interface ChunkOptions {
  readonly codec: string | undefined;
  /** Rows of the row group, which the chunk must have, too. */
  readonly rows: number;
  readonly maxBytes: number;
}

/** Most entries (values and nulls) of one chunk. */
const MAX_ENTRIES = 2 ** 31 - 1;
const OFFSET_BYTES = 4;

/** Decodes the bytes of a chunk. @throws CorruptError, UsageError */
export function decodeChunk(bytes: Uint8Array, leaf: Leaf, options: ChunkOptions): LeafColumn {
  const chunk = new ChunkDecoder(leaf, options);
  let at = 0;
  while (at < bytes.length && !chunk.complete) {
    const end = checkThriftStruct(bytes, at);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const header = parquetHeader({ view, offset: at });
    const size = header.compressed_page_size;
    if (!(size >= 0 && end + size <= bytes.length))
      throw new CorruptError("a page reaches past the end of its column chunk");
    if (!(header.uncompressed_page_size >= 0 && header.uncompressed_page_size <= options.maxBytes)) {
      throw new CorruptError(
        `a page states ${header.uncompressed_page_size} bytes; at most ${options.maxBytes} (maxMessageBytes)`,
      );
    }
    chunk.add(header, bytes.subarray(end, end + size));
    at = end + size;
  }
  return chunk.finish();
}

class ChunkDecoder {
  readonly #leaf: Leaf;
  readonly #options: ChunkOptions;
  readonly #values: LeafValues;
  /** Bytes that a slot takes in a column, also one that is null. */
  readonly #slotBytes: number;
  readonly #pages: { count: number; definitions: Uint8Array | undefined; repetitions: Uint8Array | undefined }[] = [];
  #dictionary: LeafValues | undefined;
  #count = 0;
  #rows = 0;

  constructor(leaf: Leaf, options: ChunkOptions) {
    this.#leaf = leaf;
    this.#options = options;
    this.#values = this.#emptyValues();
    const { type, type_length: length } = leaf.element;
    this.#slotBytes = storedWidth(type, length) ?? OFFSET_BYTES;
  }

  /** True when a flat column has all its rows: what may lie behind its last page is of no interest. */
  get complete(): boolean {
    return this.#leaf.repetition === 0 && this.#rows >= this.#options.rows;
  }

  add(header: PageHeader, bytes: Uint8Array): void {
    const { dictionary_page_header: dictionary, data_page_header: v1, data_page_header_v2: v2 } = header;
    if (header.type === "DICTIONARY_PAGE" && dictionary !== undefined) {
      if (this.#dictionary !== undefined) throw new CorruptError("a column chunk has two dictionaries");
      this.#dictionary = this.#emptyValues();
      const plain = decompressPage(this.#options.codec, bytes, header.uncompressed_page_size);
      const count = entries(dictionary.num_values);
      decodeValues({ ...this.#page(count, plain), encoding: "PLAIN", dictionary: undefined }, this.#dictionary);
    } else if (header.type === "DATA_PAGE" && v1 !== undefined) {
      if (
        [v1.definition_level_encoding, v1.repetition_level_encoding].includes("BIT_PACKED") &&
        this.#leaf.definition > 0
      ) {
        throw new UsageError("levels are in the deprecated BIT_PACKED encoding");
      }
      const plain = decompressPage(this.#options.codec, bytes, header.uncompressed_page_size);
      this.#addV1(plain, entries(v1.num_values), v1.encoding);
    } else if (header.type === "DATA_PAGE_V2" && v2 !== undefined) {
      this.#addV2(header, v2, bytes);
    } else if (header.type !== "INDEX_PAGE") {
      throw new CorruptError(`unknown page type ${header.type}`);
    }
  }

  finish(): LeafColumn {
    const pages = this.#pages;
    if (this.#rows !== this.#options.rows) {
      throw new CorruptError(`a column chunk has ${this.#rows} rows in a row group of ${this.#options.rows}`);
    }
    const join = (part: "definitions" | "repetitions", otherwise: number): Uint8Array | undefined => {
      if (pages.every((page) => page[part] === undefined)) return undefined;
      const joined = new Uint8Array(this.#count).fill(otherwise);
      let at = 0;
      for (const page of pages) {
        const levels = page[part];
        if (levels !== undefined) joined.set(levels, at);
        at += page.count;
      }
      return joined;
    };
    const { definition } = this.#leaf;
    return {
      count: this.#count,
      definitions: join("definitions", definition),
      repetitions: join("repetitions", 0),
      values: this.#values,
    };
  }

  #addV1(bytes: Uint8Array, count: number, encoding: string): void {
    this.#admit(count);
    let at = 0;
    const levels = (most: number): Uint8Array | undefined => {
      if (most === 0) return undefined;
      const length = bytes.length - at < 4 ? -1 : new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0, true);
      if (length < 0 || at + 4 + length > bytes.length) throw new CorruptError("levels are cut off");
      const decoded = this.#levels(bytes.subarray(at + 4, at + 4 + length), count, most);
      at += 4 + length;
      return decoded;
    };
    const repetitions = levels(this.#leaf.repetition);
    const definitions = levels(this.#leaf.definition);
    this.#addEntries(count, definitions, repetitions, encoding, () => bytes.subarray(at));
  }

  #addV2(header: PageHeader, v2: NonNullable<PageHeader["data_page_header_v2"]>, bytes: Uint8Array): void {
    const count = entries(v2.num_values);
    this.#admit(count);
    const { repetition_levels_byte_length: repetitionBytes, definition_levels_byte_length: definitionBytes } = v2;
    const levelBytes = repetitionBytes + definitionBytes;
    if (!(repetitionBytes >= 0 && definitionBytes >= 0 && levelBytes <= bytes.length))
      throw new CorruptError("levels are cut off");
    const { repetition, definition } = this.#leaf;
    const repetitions =
      repetition === 0 ? undefined : this.#levels(bytes.subarray(0, repetitionBytes), count, repetition);
    const definitions =
      definition === 0 ? undefined : this.#levels(bytes.subarray(repetitionBytes, levelBytes), count, definition);
    const rest = bytes.subarray(levelBytes);
    const plainBytes = header.uncompressed_page_size - levelBytes;
    const codec = v2.is_compressed === false ? "UNCOMPRESSED" : this.#options.codec;
    if (plainBytes < 0) throw new CorruptError("a page is smaller than its levels");
    this.#addEntries(count, definitions, repetitions, v2.encoding, () => decompressPage(codec, rest, plainBytes));
  }

  #addEntries(
    count: number,
    definitions: Uint8Array | undefined,
    repetitions: Uint8Array | undefined,
    encoding: string,
    valueBytes: () => Uint8Array,
  ): void {
    const rows = repetitions === undefined ? count : countEqual(repetitions, 0);
    this.#rows += rows;
    this.#count += count;
    if (this.#rows > this.#options.rows || this.#count > MAX_ENTRIES) {
      throw new CorruptError(`a column chunk has more rows than its row group (${this.#options.rows})`);
    }
    const present = definitions === undefined ? count : countEqual(definitions, this.#leaf.definition);
    const nullable = present < count ? definitions : undefined;
    this.#pages.push({ count, definitions: nullable, repetitions });
    if (present > 0)
      decodeValues({ ...this.#page(present, valueBytes()), encoding, dictionary: this.#dictionary }, this.#values);
  }

  /** A few bytes can state any number of nulls, each of which takes room in the column: they are bounded before any is made. */
  #admit(count: number): void {
    const { maxBytes } = this.#options;
    if ((this.#count + count) * Math.max(this.#slotBytes, 1) > maxBytes)
      throw new CorruptError(`a column chunk decodes to more than ${maxBytes} bytes (maxMessageBytes)`);
  }

  #levels(bytes: Uint8Array, count: number, most: number): Uint8Array {
    const levels = new Uint8Array(count);
    decodeHybrid(bytes, 0, bytes.length, 32 - Math.clz32(most), levels);
    if (levels.some((level) => level > most)) throw new CorruptError(`a level is above ${most}`);
    return levels;
  }

  #page(count: number, bytes: Uint8Array) {
    return { type: this.#leaf.element.type, count, bytes };
  }

  #emptyValues(): LeafValues {
    const { type, type_length: length } = this.#leaf.element;
    const width = storedWidth(type, length);
    return width === undefined
      ? new ByteArrays(this.#options.maxBytes)
      : new FixedValues(width, this.#options.maxBytes);
  }
}

function entries(count: number): number {
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw new CorruptError(`a page states ${count} values`);
}

function countEqual(levels: Uint8Array, wanted: number): number {
  let count = 0;
  for (let i = 0; i < levels.length; i++) if (levels[i] === wanted) count++;
  return count;
}
