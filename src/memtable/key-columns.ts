/**
 * The columns of a primary key: which types can be in one, and how they lie in memory.
 *
 * @module
 */
import { type DataType, type Schema, Type } from "apache-arrow";
import { sameType } from "../arrow/same-type.js";
import type { DataLike } from "../arrow/shape.js";
import { typeName } from "../arrow/type-name.js";
import { UsageError } from "../errors.js";
import { KEY_KIND, MAX_KEY_COLUMNS } from "../kernels/key-index.js";
import { isNull } from "../kernels/plain/bits.js";
import type { KeyColumn, KeyRows } from "../kernels/plain/keys.js";

const NO_OFFSETS = new Uint32Array(0);

/** One column of a primary key. */
export interface KeyField {
  readonly name: string;
  readonly type: DataType;
  /** One of KEY_KIND. */
  readonly kind: number;
  /** True when its bytes are the UTF-8 of a string. */
  readonly isText: boolean;
}

/**
 * The columns of a key.
 *
 * @param primaryKey their names, in the order of the key
 * @throws UsageError when there are none or more than 16, or one is not in the schema, is named twice, is nullable, or has a type other
 * than int32, int64, utf8, large_utf8, binary and large_binary
 */
export function keyFields(schema: Schema, primaryKey: readonly string[]): KeyField[] {
  if (!(Array.isArray(primaryKey) && primaryKey.length >= 1 && primaryKey.length <= MAX_KEY_COLUMNS)) {
    throw new UsageError(`the primary key has no columns, or too many; expected 1 to ${MAX_KEY_COLUMNS} names`);
  }
  return primaryKey.map((name, i) => {
    const field = schema.fields.find((each) => each.name === name);
    if (field === undefined) {
      const known = schema.fields.map((each) => JSON.stringify(each.name)).join(", ");
      throw new UsageError(`the key column ${JSON.stringify(name)} is not in the schema; expected one of ${known}`);
    }
    if (primaryKey.indexOf(name) !== i) {
      throw new UsageError(`the primary key names the column ${JSON.stringify(name)} twice; expected each once`);
    }
    if (field.nullable) {
      throw new UsageError(`the key column ${JSON.stringify(name)} is nullable; expected one that is not`);
    }
    const kind = kindOf(field.type);
    if (kind === undefined) {
      throw new UsageError(
        `the key column ${JSON.stringify(name)} is ${typeName(field.type)}; expected int32, int64, utf8, large_utf8, binary or large_binary`,
      );
    }
    const isText = field.type.typeId === Type.Utf8 || field.type.typeId === Type.LargeUtf8;
    return { name, type: field.type, kind, isText };
  });
}

/** The kinds of all columns in one word, two bits each. */
export function kindsWord(fields: readonly KeyField[]): number {
  return fields.reduce((word, { kind }, i) => word | (kind << (2 * i)), 0) >>> 0;
}

/** True for keys whose values lie between offsets. */
export function hasOffsets(kind: number): boolean {
  return kind === KEY_KIND.BYTES_32 || kind === KEY_KIND.BYTES_64;
}

/**
 * The key columns of Arrow data, with row 0 first.
 *
 * @param rows at least as many rows are needed
 * @throws UsageError when they are not as many columns as the key has, of its types, with enough rows, and without nulls
 */
export function keyRows(fields: readonly KeyField[], columns: readonly DataLike[], rows: number): KeyRows {
  if (columns.length !== fields.length) {
    throw new UsageError(`keys of ${columns.length} columns were given; the primary key has ${fields.length}`);
  }
  return fields.map(({ name, type, kind }, i) => {
    const data = columns[i];
    if (data === undefined || !sameType(data.type, type)) {
      const found = data === undefined ? "missing" : typeName(data.type);
      throw new UsageError(`the keys' column ${JSON.stringify(name)} is ${found}; expected ${typeName(type)}`);
    }
    if (data.length < rows) {
      throw new UsageError(`the keys' column ${JSON.stringify(name)} has ${data.length} rows; expected ${rows}`);
    }
    if (holdsNull(data, rows)) throw new UsageError(`the keys' column ${JSON.stringify(name)} holds a null`);
    return keyColumn(kind, data, rows);
  });
}

function keyColumn(kind: number, { values, valueOffsets }: DataLike, rows: number): KeyColumn {
  const bytes = values === undefined ? new Uint8Array(0) : bytesOf(values);
  const offsets = hasOffsets(kind) && valueOffsets !== undefined && rows > 0 ? wordsOf(valueOffsets) : NO_OFFSETS;
  return { kind, bytes, at: 0, offsets, offsetsAt: 0 };
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function wordsOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint32Array {
  return new Uint32Array(buffer, byteOffset, byteLength >>> 2);
}

function holdsNull({ nullBitmap, offset }: DataLike, rows: number): boolean {
  if (nullBitmap === undefined || nullBitmap === null || nullBitmap.byteLength === 0) return false;
  const bitmap = bytesOf(nullBitmap);
  for (let row = 0; row < rows; row++) if (isNull(bitmap, offset + row)) return true;
  return false;
}

function kindOf(type: DataType): number | undefined {
  switch (type.typeId) {
    case Type.Int:
      return intKind(typeName(type));
    case Type.Utf8:
    case Type.Binary:
      return KEY_KIND.BYTES_32;
    case Type.LargeUtf8:
    case Type.LargeBinary:
      return KEY_KIND.BYTES_64;
    default:
      return undefined;
  }
}

function intKind(name: string): number | undefined {
  if (name === "int32") return KEY_KIND.WORD;
  return name === "int64" ? KEY_KIND.LONG : undefined;
}
