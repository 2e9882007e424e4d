/**
 * The columns of a primary key, as rows of keys are read from them.
 *
 * @module
 */
import { Type } from "apache-arrow";
import type { DataLike, TypeLike } from "../arrow/shape.js";
import { UsageError } from "../errors.js";
import { bytesOf, type Longs, longsOf } from "../kernels/plain/views.js";

/** How the values of a key column lie in memory, and how wide their offsets are. */
export type KeyKind = "int32" | "int64" | "utf8" | "large_utf8" | "binary" | "large_binary";

/** Values of one width, as words: one of an int32, low and high one of an int64. */
export interface WordColumn {
  readonly kind: "int32" | "int64";
  readonly words: Int32Array;
}

/** Values of any length. */
export interface ByteColumn {
  readonly kind: Exclude<KeyKind, WordColumn["kind"]>;
  readonly bytes: Uint8Array;
  readonly offsets: Longs;
}

export type KeyColumn = WordColumn | ByteColumn;

/** Up to here bytes are copied one by one, which is quicker than `set`. */
const SHORT_BYTES = 48;

const KINDS: ReadonlyMap<number, KeyKind> = new Map([
  [Type.Utf8, "utf8"],
  [Type.LargeUtf8, "large_utf8"],
  [Type.Binary, "binary"],
  [Type.LargeBinary, "large_binary"],
]);

/** @throws UsageError when no key can have a column of this type */
export function keyKindOf(type: TypeLike): KeyKind {
  const known = KINDS.get(type.typeId);
  if (known !== undefined) return known;
  if (type.typeId === Type.Int && type.isSigned && type.bitWidth === 64) return "int64";
  if (type.typeId === Type.Int && type.isSigned && type.bitWidth === 32) return "int32";
  throw new UsageError(
    `a primary key has no columns of type ${type.typeId}; expected int32, int64, utf8, binary or the large ones`,
  );
}

/**
 * The values of a column that is known to hold no nulls; they may lie in shared memory.
 *
 * @throws UsageError when the data lacks a buffer
 */
export function keyColumn(kind: KeyKind, data: DataLike): KeyColumn {
  const { values, valueOffsets } = data;
  if (kind === "int32" || kind === "int64") {
    const count = kind === "int32" ? data.length : 2 * data.length;
    if (values === undefined || values.byteLength < 4 * count) throw missing(kind);
    return { kind, words: new Int32Array(values.buffer, values.byteOffset, count) };
  }
  const bytes = values === undefined ? new Uint8Array() : bytesOf(values);
  if (!(valueOffsets instanceof Int32Array || valueOffsets instanceof BigInt64Array)) throw missing(kind);
  return { kind, bytes, offsets: longsOf(valueOffsets) };
}

/** Copies bytes [from, to) of `source` to byte `at` of `target`. */
export function copyBytes(source: Uint8Array, from: number, to: number, target: Uint8Array, at: number): void {
  if (to - from > SHORT_BYTES) target.set(source.subarray(from, to), at);
  else for (let i = from, place = at; i < to; i++) target[place++] = source[i] ?? 0;
}

function missing(kind: KeyKind): UsageError {
  return new UsageError(`a key column of type ${kind} is malformed: its buffers do not hold its rows`);
}
