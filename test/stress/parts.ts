/**
 * Column data made from random bits alone, and what of a slice of it must lie in an arena, byte for byte. Written without any of the
 * code that lays data out, so that the two can be held against each other.
 *
 * Rows before and after the slice, the bytes under nulls, the bits after the last row and the items that no row refers to are junk.
 *
 * @module
 */
import { type Data, DataType, Vector } from "apache-arrow";
import { arrowData } from "../../src/arrow/data.js";
import type { Random } from "../arrow-random-data.js";

/** One column, or a child of one. */
export interface Parts {
  readonly type: DataType;
  readonly rows: number;
  /** A bit for each row, from bit 0. */
  readonly validity: Uint8Array | undefined;
  /** Values, bytes of strings, bits of booleans, indices. */
  readonly values: Uint8Array | undefined;
  readonly offsets: Int32Array | undefined;
  readonly children: readonly Parts[];
  readonly dictionary: Parts | undefined;
}

const BLOCK_BYTES = 64;
const MOST_ITEMS = 4;
const MOST_CHARS = 24;
const NO_BYTES = new Uint8Array(0);

/** A buffer as it must lie: `length` bytes and zeros up to the next block. */
export interface PaddedBytes {
  readonly bytes: Uint8Array;
  readonly length: number;
}

/** What a column must look like in the arena. */
export interface ExpectedColumn {
  readonly rows: number;
  readonly nulls: number;
  readonly validity: PaddedBytes | undefined;
  readonly offsets: PaddedBytes | undefined;
  readonly values: PaddedBytes | undefined;
  readonly children: readonly ExpectedColumn[];
  readonly dictionary: Parts | undefined;
}

/** `rows` rows of `type`. The values of a dictionary-encoded column point into `words`. */
export function randomParts(type: DataType, nullable: boolean, rows: number, random: Random, words: Parts): Parts {
  const validity = nullable && random.chance(0.7) ? randomBytes(random, Math.ceil(rows / 8)) : undefined;
  const parts = { type, rows, validity, values: undefined, offsets: undefined, children: [], dictionary: undefined };
  const child = (index: number, childRows: number): Parts => {
    const field = type.children[index];
    if (field === undefined) throw new Error(`${type} has no child ${index}`);
    return randomParts(field.type, field.nullable, childRows, random, words);
  };
  if (DataType.isDictionary(type)) {
    const values = Uint8Array.from({ length: rows }, () => random.below(words.rows));
    return { ...parts, values, dictionary: words };
  }
  if (DataType.isUtf8(type)) {
    const offsets = randomOffsets(random, rows, MOST_CHARS);
    const values = randomBytes(random, (offsets[rows] ?? 0) + random.below(5));
    for (let i = 0; i < values.length; i++) values[i] = 32 + ((values[i] ?? 0) % 95);
    return { ...parts, offsets, values };
  }
  if (DataType.isList(type)) {
    const offsets = randomOffsets(random, rows, MOST_ITEMS);
    return { ...parts, offsets, children: [child(0, (offsets[rows] ?? 0) + random.below(3))] };
  }
  if (DataType.isFixedSizeList(type)) return { ...parts, children: [child(0, rows * type.listSize)] };
  if (DataType.isStruct(type)) return { ...parts, children: type.children.map((_, index) => child(index, rows)) };
  const bytes = DataType.isBool(type) ? Math.ceil(rows / 8) : rows * widthOf(type);
  return { ...parts, values: randomBytes(random, bytes) };
}

/** Arrow data of all rows. */
export function dataOf(parts: Parts, words: Vector | undefined): Data {
  const { type, rows, validity, values, offsets } = parts;
  const typed = values === undefined || DataType.isUtf8(type) ? values : viewOf(type, values);
  const nulls = validity === undefined ? 0 : -1;
  const children = parts.children.map((child) => dataOf(child, words));
  const dictionary = DataType.isDictionary(type) ? words : undefined;
  return arrowData(type, rows, nulls, { validity, values: typed, offsets }, children, dictionary);
}

/** The vector of a dictionary's values: a new one with each call. */
export function vectorOf(parts: Parts): Vector {
  return new Vector([dataOf(parts, undefined)]);
}

/** What rows [start, start + rows) must look like. */
export function expectedColumn(parts: Parts, start: number, rows: number): ExpectedColumn {
  const { type, dictionary } = parts;
  const bits = parts.validity === undefined ? undefined : cutBits(parts.validity, start, rows);
  const nulls = bits === undefined ? 0 : rows - bits.ones;
  const column = {
    rows,
    nulls,
    validity: nulls === 0 ? undefined : bits?.padded,
    offsets: undefined,
    values: undefined,
    children: [],
    dictionary,
  };
  const values = parts.values ?? NO_BYTES;
  if (parts.offsets !== undefined) {
    const { first, last, padded } = cutOffsets(parts.offsets, start, rows);
    const children = parts.children.map((child) => expectedColumn(child, first, last - first));
    return {
      ...column,
      offsets: padded,
      children,
      values: DataType.isUtf8(type) ? pad(values.subarray(first, last)) : undefined,
    };
  }
  if (parts.children.length > 0) {
    const size = DataType.isFixedSizeList(type) ? type.listSize : 1;
    return { ...column, children: parts.children.map((child) => expectedColumn(child, start * size, rows * size)) };
  }
  if (DataType.isBool(type)) return { ...column, values: cutBits(values, start, rows).padded };
  const width = widthOf(type);
  return { ...column, values: pad(values.subarray(width * start, width * (start + rows))) };
}

/** Bytes of all buffers of a column, without padding. */
export function payloadBytes({ validity, offsets, values, children }: ExpectedColumn): number {
  const own = (validity?.length ?? 0) + (offsets?.length ?? 0) + (values?.length ?? 0);
  return children.reduce((sum, child) => sum + payloadBytes(child), own);
}

/** Bytes of all buffers of a column, with padding. */
export function paddedBytes({ validity, offsets, values, children }: ExpectedColumn): number {
  const size = (buffer: PaddedBytes | undefined): number => buffer?.bytes.byteLength ?? 0;
  const own = size(validity) + size(offsets) + size(values);
  return children.reduce((sum, child) => sum + paddedBytes(child), own);
}

function randomBytes(random: Random, count: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(count / 4));
  for (let i = 0; i < words.length; i++) words[i] = random.uint32();
  return new Uint8Array(words.buffer, 0, count);
}

function randomOffsets(random: Random, rows: number, most: number): Int32Array {
  const offsets = new Int32Array(rows + 1);
  offsets[0] = random.below(most);
  for (let row = 0; row < rows; row++) offsets[row + 1] = (offsets[row] ?? 0) + random.below(most + 1);
  return offsets;
}

function widthOf(type: DataType): number {
  return DataType.isDictionary(type) ? 1 : type.ArrayType.BYTES_PER_ELEMENT;
}

function viewOf(type: DataType, { buffer, byteLength }: Uint8Array): ArrayBufferView {
  if (DataType.isBool(type)) return new Uint8Array(buffer, 0, byteLength);
  const array = DataType.isDictionary(type) ? type.indices.ArrayType : type.ArrayType;
  return new array(buffer, 0, byteLength / widthOf(type));
}

function pad(source: Uint8Array): PaddedBytes {
  const bytes = new Uint8Array(BLOCK_BYTES * Math.ceil(source.byteLength / BLOCK_BYTES));
  bytes.set(source);
  return { bytes, length: source.byteLength };
}

function cutBits(source: Uint8Array, start: number, count: number): { padded: PaddedBytes; ones: number } {
  const cut = new Uint8Array(Math.ceil(count / 8));
  let ones = 0;
  for (let i = 0; i < count; i++) {
    const bit = start + i;
    if ((((source[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 0) continue;
    cut[i >> 3] = (cut[i >> 3] ?? 0) | (1 << (i & 7));
    ones++;
  }
  return { padded: pad(cut), ones };
}

function cutOffsets(source: Int32Array, start: number, rows: number): ValueCut {
  const first = source[start] ?? 0;
  const cut = source.subarray(start, start + rows + 1).map((offset) => offset - first);
  return { first, last: source[start + rows] ?? 0, padded: pad(new Uint8Array(cut.buffer)) };
}

interface ValueCut {
  readonly first: number;
  readonly last: number;
  readonly padded: PaddedBytes;
}
