/**
 * The value encodings of Parquet pages: bytes of a page → values appended to a column.
 *
 * Every length is checked against the page before it is followed. Delta-packed integers are unpacked by hyparquet.
 * Formats: https://parquet.apache.org/docs/file-format/data-pages/encodings/
 *
 * @module
 */

import type { DataReader } from "hyparquet";
import { deltaBinaryUnpack } from "hyparquet/src/delta.js";
import { CorruptError, UsageError } from "../errors.js";
import { decodeHybrid } from "./parquet-hybrid.js";
import { ByteArrays, FixedValues, type LeafValues } from "./parquet-values.js";

/** Width in bytes of one stored value; undefined for byte arrays. Booleans take one byte once decoded. */
export function storedWidth(type: string | undefined, typeLength: number | undefined): number | undefined {
  if (type === "BYTE_ARRAY") return undefined;
  if (type === "FIXED_LEN_BYTE_ARRAY") return typeLength ?? 0;
  return type === "BOOLEAN" ? 1 : type === "INT96" ? 12 : type === "INT32" || type === "FLOAT" ? 4 : 8;
}

/** What the values of a page are decoded with. */
export interface PageValues {
  readonly encoding: string | undefined;
  readonly type: string | undefined;
  /** Values of the page that are not null. */
  readonly count: number;
  /** The bytes behind the levels. */
  readonly bytes: Uint8Array;
  readonly dictionary: LeafValues | undefined;
}

/** Appends the values of one page. @throws CorruptError, UsageError for an unknown encoding. */
export function decodeValues(page: PageValues, into: LeafValues): void {
  if (page.count === 0) return;
  switch (page.encoding) {
    case "PLAIN":
      decodePlain(page, into);
      return;
    case "PLAIN_DICTIONARY":
    case "RLE_DICTIONARY":
      decodeDictionary(page, into);
      return;
    case "RLE":
      decodeRleBooleans(page, into);
      return;
    case "DELTA_BINARY_PACKED":
      decodeDelta(page, into);
      return;
    case "DELTA_LENGTH_BYTE_ARRAY":
      decodeDeltaLength(page, into);
      return;
    case "DELTA_BYTE_ARRAY":
      decodeDeltaByteArray(page, into);
      return;
    case "BYTE_STREAM_SPLIT":
      decodeByteStreamSplit(page, into);
      return;
    default:
      throw new UsageError(`unknown encoding ${page.encoding}`);
  }
}

function decodePlain({ bytes, count, type }: PageValues, into: LeafValues): void {
  if (into instanceof FixedValues) {
    if (type === "BOOLEAN") {
      into.append(unpackBits(slice(bytes, 0, Math.ceil(count / 8)), count));
      return;
    }
    into.append(slice(bytes, 0, count * into.width));
    return;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 4 > bytes.length) throw new CorruptError("byte arrays are cut off");
    const length = view.getUint32(at, true);
    into.append(slice(bytes, at + 4, length));
    at += 4 + length;
  }
}

function decodeDictionary({ bytes, count, dictionary }: PageValues, into: LeafValues): void {
  const width = bytes[0];
  if (width === undefined) throw new CorruptError("dictionary indices are cut off");
  const indices = new Int32Array(count);
  decodeHybrid(bytes, 1, bytes.length, width, indices);
  if (into instanceof FixedValues && dictionary instanceof FixedValues) into.gather(dictionary, indices);
  else if (into instanceof ByteArrays && dictionary instanceof ByteArrays) into.gather(dictionary, indices);
  else throw new CorruptError("a page needs a dictionary and there is none");
}

function decodeRleBooleans({ bytes, count, type }: PageValues, into: LeafValues): void {
  if (type !== "BOOLEAN" || !(into instanceof FixedValues)) throw new CorruptError("run lengths hold booleans only");
  const values = new Uint8Array(count);
  const length = bytes.length < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  decodeHybrid(slice(bytes, 4, length), 0, length, 1, values);
  into.append(values);
}

function decodeDelta({ bytes, count, type }: PageValues, into: LeafValues): void {
  if (!(into instanceof FixedValues) || (type !== "INT32" && type !== "INT64"))
    throw new CorruptError("deltas hold integers only");
  const out = type === "INT32" ? new Int32Array(count) : new BigInt64Array(count);
  unpackDelta(readerOf(bytes), count, out);
  into.append(new Uint8Array(out.buffer));
}

function decodeDeltaLength({ bytes, count }: PageValues, into: LeafValues): void {
  if (!(into instanceof ByteArrays)) throw new CorruptError("delta lengths hold byte arrays only");
  const reader = readerOf(bytes);
  const lengths = unpackLengths(reader, count);
  into.appendRun(slice(bytes, reader.offset, sum(lengths)), lengths);
}

function decodeDeltaByteArray({ bytes, count }: PageValues, into: LeafValues): void {
  const reader = readerOf(bytes);
  const prefixes = unpackLengths(reader, count);
  const suffixes = unpackLengths(reader, count);
  let at = reader.offset;
  let value: Uint8Array = new Uint8Array(0);
  for (let i = 0; i < count; i++) {
    const prefix = prefixes[i] ?? 0;
    const suffix = slice(bytes, at, suffixes[i] ?? 0);
    if (prefix > value.length) throw new CorruptError("a value shares more than the one before it has");
    const next = new Uint8Array(prefix + suffix.length);
    next.set(value.subarray(0, prefix));
    next.set(suffix, prefix);
    value = next;
    at += suffix.length;
    if (into instanceof FixedValues && next.length !== into.width)
      throw new CorruptError("a value has the wrong length");
    into.append(next);
  }
}

function decodeByteStreamSplit({ bytes, count }: PageValues, into: LeafValues): void {
  if (!(into instanceof FixedValues)) throw new CorruptError("split streams hold values of fixed width only");
  const { width } = into;
  const from = slice(bytes, 0, count * width);
  const out = new Uint8Array(from.length);
  for (let byte = 0; byte < width; byte++) {
    for (let i = 0; i < count; i++) out[i * width + byte] = from[byte * count + i] ?? 0;
  }
  into.append(out);
}

function unpackLengths(reader: DataReader, count: number): Int32Array {
  const lengths = new Int32Array(count);
  unpackDelta(reader, count, lengths);
  if (lengths.some((length) => length < 0)) throw new CorruptError("a length is negative");
  return lengths;
}

function unpackDelta(reader: DataReader, count: number, out: Int32Array | BigInt64Array): void {
  const peek = { view: reader.view, offset: reader.offset };
  const blockValues = readVarint(peek);
  const miniblocks = readVarint(peek);
  const total = readVarint(peek);
  const sane = blockValues > 0 && blockValues <= 2 ** 20 && miniblocks > 0 && blockValues % (miniblocks * 8) === 0;
  if (!sane || total < count) throw new CorruptError("the header of delta-packed integers is impossible");
  deltaBinaryUnpack(reader, count, out);
}

function readVarint(reader: DataReader): number {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = reader.view.getUint8(reader.offset++);
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return value;
  }
  throw new CorruptError("a number is overlong");
}

function readerOf(bytes: Uint8Array): DataReader {
  return { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
}

function unpackBits(bytes: Uint8Array, count: number): Uint8Array {
  const out = new Uint8Array(count);
  for (let i = 0; i < count; i++) out[i] = ((bytes[i >> 3] ?? 0) >> (i & 7)) & 1;
  return out;
}

function sum(lengths: Int32Array): number {
  return lengths.reduce((total, length) => total + length, 0);
}

function slice(bytes: Uint8Array, start: number, length: number): Uint8Array {
  if (start + length <= bytes.length) return bytes.subarray(start, start + length);
  throw new CorruptError(`${length} bytes of values at byte ${start} of a page of ${bytes.length}`);
}
