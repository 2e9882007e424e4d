/**
 * One key, as values of JavaScript, laid out as a row of key columns.
 *
 * @module
 */
import { UsageError } from "../errors.js";
import { KEY_KIND } from "../kernels/key-index.js";
import type { KeyRows } from "../kernels/plain/keys.js";
import { hasOffsets, type KeyField } from "./key-columns.js";
import type { KeyValue } from "./row-index.js";

const encoder = new TextEncoder();
const NO_OFFSETS = new Uint32Array(0);
const MIN_INT32 = -2_147_483_648;
const MAX_INT32 = 2_147_483_647;
const TWO_32 = 4_294_967_296;

/** Where one key is to be written: views of one memory, and an address in it that is a multiple of 8. */
export interface KeyRoom {
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly i64: BigInt64Array;
}

/** Writes an int32 or int64 at `at`. @throws UsageError when it is none */
export function writeNumber(room: KeyRoom, at: number, field: KeyField, value: KeyValue | undefined): void {
  if (field.kind === KEY_KIND.LONG) {
    if (typeof value === "bigint") {
      room.i64[at / 8] = value;
      if (room.i64[at / 8] === value) return;
    } else if (typeof value === "number" && Number.isSafeInteger(value)) {
      room.i32[at / 4] = value;
      room.i32[at / 4 + 1] = Math.floor(value / TWO_32);
      return;
    }
  } else if (typeof value === "number" && Number.isInteger(value) && value >= MIN_INT32 && value <= MAX_INT32) {
    room.i32[at / 4] = value;
    return;
  }
  refuse(field, value);
}

/** Writes a short string of ASCII characters at `at`; returns its bytes, or -1 when it holds others. */
export function writeAscii({ u8 }: KeyRoom, at: number, value: string): number {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code > 127) return -1;
    u8[at + i] = code;
  }
  return value.length;
}

/** The bytes of a value between offsets. @throws UsageError when it has none */
export function bytesOfValue(field: KeyField, value: KeyValue | undefined): Uint8Array {
  if (typeof value === "string" && field.isText) return encoder.encode(value);
  if (value instanceof Uint8Array) return value;
  return refuse(field, value);
}

/** A key as one row of columns, in memory of its own. @throws UsageError when a value is none of its column's type */
export function keyRow(fields: readonly KeyField[], key: readonly KeyValue[]): KeyRows {
  return fields.map((field, i) => {
    const { kind } = field;
    if (!hasOffsets(kind)) {
      const buffer = new ArrayBuffer(8);
      const bytes = new Uint8Array(buffer);
      writeNumber({ u8: bytes, i32: new Int32Array(buffer), i64: new BigInt64Array(buffer) }, 0, field, key[i]);
      return { kind, bytes, at: 0, offsets: NO_OFFSETS, offsetsAt: 0 };
    }
    const bytes = bytesOfValue(field, key[i]);
    const offsets = kind === KEY_KIND.BYTES_64 ? [0, 0, bytes.length, 0] : [0, bytes.length];
    return { kind, bytes, at: 0, offsets: Uint32Array.from(offsets), offsetsAt: 0 };
  });
}

/** @throws UsageError unless there is one value for each column */
export function checkKey(fields: readonly KeyField[], key: readonly KeyValue[]): void {
  if (key.length !== fields.length) {
    throw new UsageError(`the key has ${key.length} values; expected ${fields.length}, one for each of its columns`);
  }
}

function refuse(field: KeyField, value: unknown): never {
  throw new UsageError(
    `the value of the key's column ${JSON.stringify(field.name)} is ${typeof value} ${String(value)}; expected one that ${field.type} can hold`,
  );
}
