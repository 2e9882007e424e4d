/**
 * Primary keys of all kinds that Lance knows, out of few values, so that rows replace and delete each other.
 *
 * @module
 */
import { Binary, type Data, type DataType, Field, Int32, Int64, Utf8, vectorFromArray } from "apache-arrow";

/** A column of a key: its type, and values in the order of a number. */
interface KeyColumn {
  readonly type: DataType;
  readonly value: (n: number) => number | bigint | string | Uint8Array;
}

const COLUMNS = {
  int32: { type: new Int32(), value: (n) => (n % 2 === 0 ? n : -n) * 100_003 },
  int64: { type: new Int64(), value: (n) => BigInt(n % 2 === 0 ? n : -n) * 1_000_000_000_039n },
  utf8: { type: new Utf8(), value: (n) => ["", "a", "ä\0b", "a".repeat(300)][n] ?? `key ${n}` },
  binary: {
    type: new Binary(),
    value: (n) => Buffer.from(["", "00", "0000ff", "ff"][n] ?? n.toString(16).padStart(4, "0"), "hex"),
  },
} as const satisfies Record<string, KeyColumn>;

/** The columns of a key. */
export type KeyKind = readonly (keyof typeof COLUMNS)[];

export const KEY_KINDS: readonly KeyKind[] = [
  ["int32"],
  ["int64"],
  ["utf8"],
  ["binary"],
  ["int64", "utf8"],
  ["binary", "int32", "utf8"],
];

/** Keys that a {@link LanceKey} can make, and one more that it makes for others. */
export const KEYS = 12;

export class LanceKey {
  readonly names: readonly string[];
  readonly fields: readonly Field[];
  readonly #columns: readonly KeyColumn[];

  constructor(kind: KeyKind) {
    this.#columns = kind.map((name) => COLUMNS[name]);
    this.names = kind.map((_, i) => `k${i}`);
    this.fields = this.#columns.map(({ type }, i) => new Field(`k${i}`, type, false));
  }

  /** The key columns of rows with these keys. */
  columns(keys: readonly number[]): Data[] {
    return this.#columns.map(({ type, value }, column) => {
      const [data] = vectorFromArray(
        keys.map((key) => value(this.#part(key, column))),
        type,
      ).data;
      if (data === undefined) throw new Error("no data");
      return data;
    });
  }

  /** Keys as `delete` takes them. */
  values(keys: readonly number[]): unknown[] {
    return keys.map((key) => {
      const values = this.#columns.map(({ value }, column) => value(this.#part(key, column)));
      return values.length === 1 ? values[0] : values;
    });
  }

  /** Of several columns each says less than the key, and all together say it. */
  #part(key: number, column: number): number {
    const last = column === this.#columns.length - 1;
    return last ? Math.floor(key / 2 ** column) : Math.floor(key / 2 ** column) % 2;
  }
}
