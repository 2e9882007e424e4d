/**
 * Filters of LanceDB's SQL that select rows by their primary keys.
 *
 * Values are never spliced in as they are: numbers are written as digits, strings between quotes with quotes doubled (nothing else is
 * special there, backslashes and control characters included), binary values as hexadecimal digits, names between backticks. The smallest
 * int64 is a cast of its text, because the parser takes the digits without their sign and finds them too large.
 *
 * @module
 */
import { Type } from "apache-arrow";
import type { DataLike } from "../arrow/shape.js";
import { typeName } from "../arrow/type-name.js";
import { CorruptError, UsageError } from "../errors.js";

/**
 * Most keys of one filter: one of several columns costs time that grows with their square, and a filter is parsed by recursion.
 * Callers cut longer lists.
 */
export const MAX_PREDICATE_KEYS = 1_000;
/** The same for keys of several columns. */
export const MAX_COMPOSITE_PREDICATE_KEYS = 100;

const MIN_INT64 = -(2n ** 63n);

/** How many keys one filter takes. @param columns of the key */
export function maxPredicateKeys(columns: number): number {
  return columns === 1 ? MAX_PREDICATE_KEYS : MAX_COMPOSITE_PREDICATE_KEYS;
}

/**
 * A filter for the rows that have one of these keys.
 *
 * @param names of the key columns, in the order of the key
 * @param columns their values, one piece of Arrow data each, without nulls: int32, int64, utf8, large_utf8, binary or large_binary
 * @param rows numbers of the rows whose keys are meant; one at least, and at most as many as {@link maxPredicateKeys} says
 * @throws UsageError for a column of another type, a name that cannot be quoted, or too many rows; CorruptError for strings that are not UTF-8
 */
export function keyPredicate(
  names: readonly string[],
  columns: readonly DataLike[],
  rows: ArrayLike<number> & Iterable<number>,
): string {
  assertKeys(rows.length, maxPredicateKeys(names.length));
  const readers = literalReaders(names, columns);
  const [only] = readers;
  if (only !== undefined && readers.length === 1) return listPredicate(only, rows);
  const keys = Array.from(rows, (row) => {
    const parts = readers.map(({ name, literal }) => `${name} = ${literal(row)}`);
    return `(${parts.join(" AND ")})`;
  });
  return keys.join(" OR ");
}

/** Gives a text for the key of each row: two keys are equal when their texts are. Arguments and errors as {@link keyPredicate}. */
export function keyTexts(names: readonly string[], columns: readonly DataLike[]): (row: number) => string {
  const readers = literalReaders(names, columns);
  return (row) => readers.map(({ literal }) => literal(row)).join();
}

/**
 * The same for long lists of keys: those of several columns are compared as structs. That takes the time of a look into a hash table for each
 * row of the table, and no index of a column helps.
 *
 * @param rows one at least, and at most {@link MAX_PREDICATE_KEYS}
 * @throws as {@link keyPredicate}
 */
export function keySetPredicate(
  names: readonly string[],
  columns: readonly DataLike[],
  rows: ArrayLike<number> & Iterable<number>,
): string {
  assertKeys(rows.length, MAX_PREDICATE_KEYS);
  const readers = literalReaders(names, columns);
  const [only] = readers;
  if (only !== undefined && readers.length === 1) return listPredicate(only, rows);
  const keys = Array.from(rows, (row) => `struct(${readers.map(({ literal }) => literal(row)).join(", ")})`);
  return `struct(${readers.map(({ name }) => name).join(", ")}) IN (${keys.join(", ")})`;
}

function assertKeys(keys: number, most: number): void {
  if (keys >= 1 && keys <= most) return;
  throw new UsageError(`a filter of ${keys} keys was asked for; expected 1 to ${most}`);
}

function listPredicate({ name, literal }: LiteralReader, rows: ArrayLike<number>): string {
  const literals = Array.from(rows, literal);
  return literals.length === 1 ? `${name} = ${literals[0]}` : `${name} IN (${literals.join(", ")})`;
}

/** A column's name as LanceDB's SQL has it. @throws UsageError when it holds a backtick */
export function quotedName(name: string): string {
  if (name.includes("`")) {
    throw new UsageError(`the column ${JSON.stringify(name)} has a backtick in its name; LanceDB cannot quote it`);
  }
  return `\`${name}\``;
}

interface LiteralReader {
  /** The column's, quoted. */
  readonly name: string;
  readonly literal: (row: number) => string;
}

function literalReaders(names: readonly string[], columns: readonly DataLike[]): LiteralReader[] {
  return names.map((name, i) => ({ name: quotedName(name), literal: literalReader(name, columns[i]) }));
}

function literalReader(name: string, data: DataLike | undefined): (row: number) => string {
  if (data === undefined) throw new UsageError(`the key column ${JSON.stringify(name)} has no values`);
  const { type, values } = data;
  switch (type.typeId) {
    case Type.Int:
      if (values instanceof Int32Array) return (row) => String(at(values, row, name));
      if (values instanceof BigInt64Array) return (row) => int64Literal(at(values, row, name));
      break;
    case Type.Utf8:
    case Type.LargeUtf8: {
      const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
      const bytes = bytesReader(name, data);
      return (row) => `'${decoded(decoder, bytes(row), name).replaceAll("'", "''")}'`;
    }
    case Type.Binary:
    case Type.LargeBinary: {
      const bytes = bytesReader(name, data);
      return (row) => {
        const { buffer, byteOffset, byteLength } = bytes(row);
        return `X'${Buffer.from(buffer, byteOffset, byteLength).toString("hex")}'`;
      };
    }
    default:
  }
  throw new UsageError(
    `the key column ${JSON.stringify(name)} is ${typeName(type)}; expected a type that keys can have`,
  );
}

function int64Literal(value: bigint): string {
  return value === MIN_INT64 ? `CAST('${value}' AS BIGINT)` : String(value);
}

function decoded(decoder: InstanceType<typeof TextDecoder>, bytes: Uint8Array, name: string): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new CorruptError(`a value of the key column ${JSON.stringify(name)} is not UTF-8`, { cause: error });
  }
}

function bytesReader(name: string, { values, valueOffsets }: DataLike): (row: number) => Uint8Array {
  if (!(valueOffsets instanceof Int32Array || valueOffsets instanceof BigInt64Array)) {
    throw new UsageError(`the key column ${JSON.stringify(name)} has no offsets`);
  }
  const { buffer, byteOffset, byteLength } = values ?? new Uint8Array();
  return (row) => {
    const start = Number(at<number | bigint>(valueOffsets, row, name));
    const end = Number(at<number | bigint>(valueOffsets, row + 1, name));
    if (start < 0 || end < start || end > byteLength) {
      throw new CorruptError(
        `row ${row} of the key column ${JSON.stringify(name)} runs from byte ${start} to ${end} of ${byteLength}`,
      );
    }
    return new Uint8Array(buffer, byteOffset + start, end - start);
  };
}

function at<T extends number | bigint>(values: { readonly [row: number]: T }, row: number, name: string): T {
  const value = values[row];
  if (value !== undefined) return value;
  throw new UsageError(`the key column ${JSON.stringify(name)} has no row ${row}`);
}
