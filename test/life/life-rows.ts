/**
 * Rows of the tables whose life is lived at random: a key of a kind, made of a small number, and a value that no other row has.
 *
 * @module
 */
import { int32, int64, utf8 } from "../../src/table/column-types.js";
import { schema } from "../../src/table/schema.js";

export type LifeRow = Readonly<Record<string, unknown>>;

/** A kind of key. */
export interface Kind {
  readonly name: string;
  readonly schema: ReturnType<typeof schema>;
  /** Undefined: the table numbers its rows. */
  readonly primaryKey: readonly string[] | undefined;
  /** The columns of a key. */
  readonly key: (n: number) => LifeRow;
}

const value = { value: int64(), text: utf8().nullable() };
const text = (n: number) => ["", "it's", "ä\0b", "a".repeat(300)][n] ?? `key ${n}`;
const long = (n: number) => (n === 5 ? -(2n ** 63n) : BigInt(n % 2 === 0 ? n : -n) * 1_000_000_000_039n);

export const KINDS: readonly Kind[] = [
  { name: "int64", schema: schema({ id: int64(), ...value }), primaryKey: ["id"], key: (n) => ({ id: long(n) }) },
  { name: "utf8", schema: schema({ id: utf8(), ...value }), primaryKey: ["id"], key: (n) => ({ id: text(n) }) },
  {
    name: "utf8, int32",
    schema: schema({ b: int32(), ...value, a: utf8() }),
    primaryKey: ["a", "b"],
    key: (n) => ({ a: text(n >> 2), b: (n & 3) - 2 }),
  },
  { name: "append-only", schema: schema(value), primaryKey: undefined, key: (n) => ({ _row_id: BigInt(n) }) },
];

/** The row with a key and a value. */
export function rowOf({ key, primaryKey }: Kind, n: number, number: number): LifeRow {
  const values = { value: BigInt(number), text: number % 5 === 0 ? null : `row ${number}` };
  return primaryKey === undefined ? values : { ...key(n), ...values };
}

/** A row as text, whoever has read it. */
export function shown(row: LifeRow): string {
  const values = Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1));
  return values.map(([name, item]) => `${name}=${typeof item === "string" ? JSON.stringify(item) : item}`).join(" ");
}
