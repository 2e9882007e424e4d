/**
 * All keys of an SSTable: collected batch by batch, hashed, and put in order.
 *
 * A key of one column of integers is kept as a pair of unsigned words that sort as the numbers do. Any other key is kept as bytes that sort
 * as the keys do: a string or binary value as it is, a key of several columns as Lance encodes it,
 *
 * ```
 *   for each column  1 (not null), then
 *     int32, int64   8 bytes, big-endian, the sign bit flipped
 *     others         the bytes, each 0 followed by 0xFF, then 0 0
 * ```
 *
 * @module
 */
import { Binary, type Data, type DataType } from "apache-arrow";
import { arrowData } from "../arrow/data.js";
import type { DataLike } from "../arrow/shape.js";
import { TooLargeError, UsageError } from "../errors.js";
import { longAt, longsOf, setLong } from "../kernels/plain/views.js";
import { KeyHasher } from "./key-hasher.js";
import { orderOfBytes, orderOfNumbers } from "./key-order.js";
import { type ByteColumn, copyBytes, type KeyColumn, type KeyKind, keyColumn, keyKindOf } from "./key-types.js";

const SIGN = 0x80000000;
const FIRST_BYTES_A_KEY = 24;
const NOT_NULL = 1;
const ESCAPE = 0xff;
const MAX_OFFSET = 2 ** 31 - 1;
/** What Arrow spends on a value besides its bytes. */
const OFFSET_BYTES: Readonly<Record<KeyKind, number>> = {
  int32: 4,
  int64: 8,
  utf8: 4,
  binary: 4,
  large_utf8: 8,
  large_binary: 8,
};

export class KeyList {
  /** Of the values that {@link take} returns: that of the key column; Binary for a key of several. */
  readonly type: DataType;
  /** Low and high word of each key's hash, for our filter. */
  readonly hashes: Uint32Array;
  /** The same for LanceDB's filter; the very same where both take the same hashes. */
  readonly lanceHashes: Uint32Array;
  /** Bytes of all keys in Arrow's layout, with their offsets. */
  arrowBytes = 0;
  readonly #kinds: readonly KeyKind[];
  /** Of a key of one integer column: the number with its sign bit flipped. */
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  readonly #hasher: KeyHasher;
  readonly #lanceHasher: KeyHasher | undefined;
  readonly #capacity: number;
  #bytes: Uint8Array;
  readonly #offsets: Float64Array;
  #end = 0;
  #rows = 0;

  /**
   * @param types of the key columns, in the order of the key
   * @param rows how many keys there will be
   */
  constructor(types: readonly DataType[], rows: number) {
    const [only] = types;
    this.type = only === undefined || types.length > 1 ? new Binary() : only;
    this.#kinds = types.map(keyKindOf);
    this.#hasher = KeyHasher.forPennon(types);
    this.#lanceHasher = KeyHasher.agrees(types) ? undefined : KeyHasher.forLance(types);
    this.#capacity = rows;
    this.hashes = new Uint32Array(2 * rows);
    this.lanceHashes = this.#lanceHasher === undefined ? this.hashes : new Uint32Array(2 * rows);
    const numbers = this.#number !== undefined;
    this.#high = new Uint32Array(numbers ? rows : 0);
    this.#low = new Uint32Array(numbers ? rows : 0);
    this.#bytes = new Uint8Array(numbers ? 0 : FIRST_BYTES_A_KEY * rows);
    this.#offsets = new Float64Array(numbers ? 0 : rows + 1);
  }

  /** Keys collected so far. */
  get rows(): number {
    return this.#rows;
  }

  /** The kind of a key of one integer column: `#high` and `#low` hold it; else `#bytes` and `#offsets` do. */
  get #number(): "int32" | "int64" | undefined {
    const [only] = this.#kinds;
    return this.#kinds.length === 1 && (only === "int32" || only === "int64") ? only : undefined;
  }

  /**
   * Collects the keys of `rows` rows.
   *
   * @param columns of the key, in its order, without nulls
   * @throws UsageError when there are more keys than announced, or a column is malformed
   */
  append(columns: readonly DataLike[], rows: number): void {
    const first = this.#rows;
    if (first + rows > this.#capacity) {
      throw new UsageError(`there are more than the ${this.#capacity} rows announced; expected exactly so many`);
    }
    this.#hasher.hash(columns, rows, this.hashes, first);
    this.#lanceHasher?.hash(columns, rows, this.lanceHashes, first);
    const parts = this.#kinds.map((kind, i) => {
      const data = columns[i];
      if (data === undefined) throw new UsageError(`key column ${i} is missing`);
      return keyColumn(kind, data);
    });
    for (const part of parts) this.#measure(part, rows);
    if (this.#number !== undefined) this.#appendNumbers(parts, rows);
    else this.#appendBytes(parts, rows);
    this.#rows += rows;
  }

  /** Rows in the order of their keys. */
  order(): Uint32Array {
    if (this.#number !== undefined) return orderOfNumbers(this.#high, this.#low);
    return orderOfBytes({ bytes: this.#bytes, offsets: this.#offsets });
  }

  /**
   * The keys of these rows, as values of {@link type}.
   *
   * @throws TooLargeError when their bytes are more than offsets of the type can count
   */
  take(rows: Uint32Array): Data {
    if (this.#number === "int32") {
      const values = new Int32Array(rows.length);
      for (let i = 0; i < rows.length; i++) values[i] = (this.#low[rows[i] ?? 0] ?? 0) ^ SIGN;
      return arrowData(this.type, rows.length, 0, { values });
    }
    if (this.#number === "int64") {
      const words = new Int32Array(2 * rows.length);
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i] ?? 0;
        words[2 * i] = this.#low[row] ?? 0;
        words[2 * i + 1] = (this.#high[row] ?? 0) ^ SIGN;
      }
      return arrowData(this.type, rows.length, 0, { values: new BigInt64Array(words.buffer) });
    }
    return this.#takeBytes(rows);
  }

  #takeBytes(rows: Uint32Array): Data {
    const ends = this.#offsets;
    let bytes = 0;
    for (const row of rows) bytes += (ends[row + 1] ?? 0) - (ends[row] ?? 0);
    const [kind] = this.#kinds;
    const large = this.#kinds.length === 1 && (kind === "large_utf8" || kind === "large_binary");
    if (!large && bytes > MAX_OFFSET) {
      throw new TooLargeError(`${rows.length} keys take ${bytes} bytes together; expected at most ${MAX_OFFSET}`);
    }
    const values = new Uint8Array(bytes);
    const offsets = large ? new BigInt64Array(rows.length + 1) : new Int32Array(rows.length + 1);
    const words = longsOf(offsets);
    const all = this.#bytes;
    let at = 0;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] ?? 0;
      const from = ends[row] ?? 0;
      const to = ends[row + 1] ?? 0;
      copyBytes(all, from, to, values, at);
      at += to - from;
      setLong(words, i + 1, at);
    }
    return arrowData(this.type, rows.length, 0, { values, offsets });
  }

  #measure(part: KeyColumn, rows: number): void {
    this.arrowBytes += rows * OFFSET_BYTES[part.kind];
    if ("offsets" in part) this.arrowBytes += longAt(part.offsets, rows) - longAt(part.offsets, 0);
  }

  #appendNumbers([part]: readonly KeyColumn[], rows: number): void {
    if (part === undefined || "offsets" in part) return;
    const high = this.#high;
    const low = this.#low;
    const { words } = part;
    const first = this.#rows;
    if (part.kind === "int32") {
      for (let row = 0; row < rows; row++) low[first + row] = (words[row] ?? 0) ^ SIGN;
      return;
    }
    for (let row = 0; row < rows; row++) {
      low[first + row] = words[2 * row] ?? 0;
      high[first + row] = (words[2 * row + 1] ?? 0) ^ SIGN;
    }
  }

  #appendBytes(parts: readonly KeyColumn[], rows: number): void {
    const [only] = parts;
    if (parts.length === 1 && only !== undefined && "offsets" in only) {
      this.#appendPlain(only, rows);
      return;
    }
    for (let row = 0; row < rows; row++) {
      for (const part of parts) this.#encode(part, row);
      this.#offsets[this.#rows + row + 1] = this.#end;
    }
  }

  #appendPlain({ bytes, offsets }: ByteColumn, rows: number): void {
    const from = longAt(offsets, 0);
    const to = longAt(offsets, rows);
    this.#reserve(to - from);
    this.#bytes.set(bytes.subarray(from, to), this.#end);
    for (let row = 1; row <= rows; row++) {
      this.#offsets[this.#rows + row] = this.#end + longAt(offsets, row) - from;
    }
    this.#end += to - from;
  }

  #encode(part: KeyColumn, row: number): void {
    if ("offsets" in part) {
      this.#encodeBytes(part, row);
      return;
    }
    this.#reserve(9);
    const { words, kind } = part;
    const low = words[kind === "int32" ? row : 2 * row] ?? 0;
    const high = kind === "int32" ? low >> 31 : (words[2 * row + 1] ?? 0);
    this.#bytes[this.#end] = NOT_NULL;
    const view = new DataView(this.#bytes.buffer, this.#end + 1, 8);
    view.setInt32(0, high ^ SIGN);
    view.setInt32(4, low);
    this.#end += 9;
  }

  #encodeBytes({ bytes: values, offsets }: ByteColumn, row: number): void {
    const from = longAt(offsets, row);
    const to = longAt(offsets, row + 1);
    this.#reserve(2 * (to - from) + 3);
    const bytes = this.#bytes;
    let end = this.#end;
    bytes[end++] = NOT_NULL;
    for (let at = from; at < to; at++) {
      const value = values[at] ?? 0;
      bytes[end++] = value;
      if (value === 0) bytes[end++] = ESCAPE;
    }
    bytes[end++] = 0;
    bytes[end++] = 0;
    this.#end = end;
  }

  #reserve(bytes: number): void {
    const needed = this.#end + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = grown;
  }
}
