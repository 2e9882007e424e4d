/**
 * Which rows of several SSTables are the newest of their key, the SSTables being read newest first: those whose key was not read before.
 *
 * Keys are kept as they are, not as hashes: two keys are never taken for one. Integers as numbers where these are exact, bytes as strings
 * of one character each, keys of several columns as one string in which each part says its length.
 *
 * @module
 */
import type { DataLike } from "../arrow/shape.js";
import { longAt } from "../kernels/plain/views.js";
import { type KeyColumn, keyColumn, keyKindOf } from "../lance/key-types.js";

type Key = number | bigint | string;

export class NewestKeys {
  readonly #seen = new Set<Key>();

  /** How many keys are kept. */
  get size(): number {
    return this.#seen.size;
  }

  /**
   * Numbers of those rows whose key was not read before, ascending.
   *
   * @param columns of the key, in its order, without nulls
   * @param isLast whether nothing older is going to be read: then the keys are not kept
   */
  select(columns: readonly DataLike[], rows: number, isLast: boolean): Uint32Array {
    const keyOf = keyReader(columns.map((data) => keyColumn(keyKindOf(data.type), data)));
    const selected = new Uint32Array(rows);
    let count = 0;
    for (let row = 0; row < rows; row++) {
      const key = keyOf(row);
      if (this.#seen.has(key)) continue;
      selected[count++] = row;
      if (!isLast) this.#seen.add(key);
    }
    return selected.subarray(0, count);
  }
}

function keyReader(columns: readonly KeyColumn[]): (row: number) => Key {
  const [only] = columns;
  if (only !== undefined && columns.length === 1) return partReader(only);
  const parts = columns.map(partReader);
  return (row) => {
    let key = "";
    for (const part of parts) {
      const value = String(part(row));
      key += `${value.length}:${value}`;
    }
    return key;
  };
}

function partReader(column: KeyColumn): (row: number) => Key {
  if ("bytes" in column) {
    const { bytes, offsets } = column;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return (row) => text.toString("latin1", longAt(offsets, row), longAt(offsets, row + 1));
  }
  const { kind, words } = column;
  if (kind === "int32") return (row) => words[row] ?? 0;
  return (row) => {
    const high = words[2 * row + 1] ?? 0;
    const low = (words[2 * row] ?? 0) >>> 0;
    const value = high * 2 ** 32 + low;
    return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low);
  };
}
