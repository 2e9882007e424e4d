/**
 * Memtables of the tests, and their model: a list of the keys of all rows, in which the newest version is looked for from behind.
 */
import {
  Binary,
  type Data,
  type DataType,
  Field,
  Int32,
  Int64,
  LargeBinary,
  LargeUtf8,
  type RecordBatch,
  Schema,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { expect } from "vitest";
import { batchOf } from "../../test/arrow-arbitrary.js";
import type { Random } from "../../test/arrow-random-data.js";
import { INDEX_WORD, NOT_FOUND } from "../kernels/key-index.js";
import { WORD } from "../store/layout.js";
import { Memtable } from "./memtable.js";
import type { MemtableOptions } from "./memtable-options.js";
import type { KeyValue } from "./row-index.js";

/** Longer than a scratch region of the tests' arenas, so that such keys are looked up without kernels. */
const LONG_VALUE = 5_000;

const encoder = new TextEncoder();

/** A type of key columns, and its value for each whole number. */
interface KeyType {
  readonly type: DataType;
  readonly value: (n: number) => KeyValue;
}

function text(n: number): string {
  if (n === 0) return "";
  if (n % 83 === 0) return "x".repeat(LONG_VALUE) + n;
  return n % 7 === 0 ? `schlüssel-${n}` : `key-${"-".repeat(n % 13)}${n}`;
}

const int32: KeyType = { type: new Int32(), value: (n) => Math.imul(n, 0x9e3779b1) | 0 };
const int64: KeyType = { type: new Int64(), value: (n) => BigInt.asIntN(64, BigInt(n) << BigInt((n % 5) * 12)) - 40n };
const utf8: KeyType = { type: new Utf8(), value: text };
const largeUtf8: KeyType = { type: new LargeUtf8(), value: text };
const binary: KeyType = { type: new Binary(), value: (n) => encoder.encode(text(n)) };
const largeBinary: KeyType = { type: new LargeBinary(), value: (n) => encoder.encode(text(n)) };

/** Keys of every type, and some composites. */
export const KEYS: Readonly<Record<string, readonly KeyType[]>> = {
  int32: [int32],
  int64: [int64],
  utf8: [utf8],
  "large utf8": [largeUtf8],
  binary: [binary],
  "large binary": [largeBinary],
  "int32, int64": [int32, int64],
  "utf8, int32, binary": [utf8, int32, binary],
  "large binary, large utf8": [largeBinary, largeUtf8],
};

/** The values of key `n`; of a composite each column differs from key to key on its own. */
export function keyOf(types: readonly KeyType[], n: number): KeyValue[] {
  return types.map(({ value }, i) => value(i === 0 ? n : Math.floor(n / (i + 1))));
}

/** The key columns of rows with these keys. */
export function keyData(types: readonly KeyType[], keys: readonly number[]): Data[] {
  return types.map(({ type }, i) => {
    // apache-arrow makes nothing of an empty list.
    const vector = vectorFromArray(
      [...keys, 1].map((n) => keyOf(types, n)[i]),
      type,
    );
    const [data] = vector.data;
    if (data === undefined) throw new Error("apache-arrow made no data");
    return data.slice(0, keys.length);
  });
}

/** Columns k0, k1 … and a column that is no key in front of them. */
export function keySchema(types: readonly KeyType[]): Schema {
  return new Schema([
    new Field("v", new Int32(), true),
    ...types.map(({ type }, i) => new Field(`k${i}`, type, false)),
  ]);
}

/** A batch with these keys. */
export function keyBatch(types: readonly KeyType[], keys: readonly number[]): RecordBatch {
  const values = vectorFromArray([...keys, 1], new Int32()).data[0];
  if (values === undefined) throw new Error("apache-arrow made no data");
  return batchOf(keySchema(types), keys.length, [values.slice(0, keys.length), ...keyData(types, keys)]);
}

/** A memtable with keys of these types; its arena's scratch regions hold 2 KiB each. */
export function keyMemtable(types: readonly KeyType[], options: Partial<MemtableOptions> = {}): Memtable {
  return Memtable.create({
    schema: keySchema(types),
    primaryKey: types.map((_, i) => `k${i}`),
    bytes: 1 << 21,
    batches: 1_000,
    maxRows: 20_000,
    prefault: false,
    ...options,
  });
}

/** The same memtable on a bare buffer, where there is no WebAssembly; the one given is closed. */
export function plainTwin(memtable: Memtable): Memtable {
  const handle = memtable.handle();
  const buffer = bufferOf(memtable);
  memtable.close();
  const copy = new SharedArrayBuffer(buffer.byteLength);
  new Uint8Array(copy).set(new Uint8Array(buffer));
  return Memtable.attachWriter({ ...handle, store: { ...handle.store, memory: copy } }, { prefault: false });
}

/** The shared memory of a memtable. */
export function bufferOf(memtable: Memtable): SharedArrayBuffer {
  const { memory } = memtable.handle().store;
  const buffer = memory instanceof SharedArrayBuffer ? memory : memory.buffer;
  if (!(buffer instanceof SharedArrayBuffer)) throw new TypeError("an arena must be shared memory");
  return buffer;
}

/** The bytes of a memtable's index. */
export function indexOf(memtable: Memtable): Buffer {
  const words = new Uint32Array(bufferOf(memtable));
  return Buffer.from(bufferOf(memtable), words[WORD.INDEX_START] ?? 0, words[WORD.INDEX_BYTES] ?? 0);
}

/** A word of a memtable's index. */
export function indexWord(memtable: Memtable, name: keyof typeof INDEX_WORD): number {
  return indexOf(memtable).readUInt32LE(4 * INDEX_WORD[name]);
}

/** What an index must answer. */
export class KeyModel {
  /** The key of each row. */
  readonly keys: number[] = [];

  /** Newest row of a key below a bound. */
  find(key: number, bound: number): number {
    const row = bound === 0 ? -1 : this.keys.lastIndexOf(key, bound - 1);
    return row < 0 ? NOT_FOUND : row;
  }

  /** The rows [from, to) that are the newest of their keys below a bound, counted from `from`. */
  newest(from: number, to: number, bound: number): number[] {
    const last = new Map(this.keys.slice(0, bound).map((key, row) => [key, row]));
    const rows: number[] = [];
    for (let row = from; row < Math.min(to, bound); row++)
      if (last.get(this.keys[row] ?? 0) === row) rows.push(row - from);
    return rows;
  }
}

/** Compares all that a memtable answers with the model, at some bounds. */
export function checkAnswers(memtable: Memtable, types: readonly KeyType[], model: KeyModel, random: Random): void {
  const { rows, batches } = memtable.snapshot();
  expect([rows, memtable.rows]).toEqual([model.keys.length, model.keys.length]);
  const asked = Array.from({ length: 150 }, () => random.below(440));
  const data = keyData(types, asked);
  const out = new Uint32Array(asked.length);
  for (const bound of [rows, random.below(rows + 1), 0]) {
    const expected = asked.map((key) => model.find(key, bound));
    memtable.find(data, bound, out);
    expect([...out]).toEqual(expected);
    for (let i = 0; i < asked.length; i += 10) {
      expect(memtable.findOne(keyOf(types, asked[i] ?? 0), bound)).toBe(expected[i]);
    }
    for (let position = 0; position < batches; position++) {
      const batch = memtable.store.get(position);
      if (batch === undefined) throw new Error("a batch is missing");
      const { rowOffset, rows: count } = batch;
      const newest = new Uint32Array(count);
      const found = memtable.newestRows(position, bound, newest);
      expect([...newest.subarray(0, found)]).toEqual(model.newest(rowOffset, rowOffset + count, bound));
      if (count > 0 && rowOffset < bound)
        expect(memtable.isNewest(rowOffset, bound)).toBe(newest[0] === 0 && found > 0);
      if (count > 0) expect(memtable.locate(rowOffset + count - 1)).toEqual({ position, row: count - 1 });
    }
  }
}
