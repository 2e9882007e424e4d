/**
 * The bucket that a value falls into, in a table that is sharded by bucket.
 *
 * `(hash & 0x7fffffff) % buckets`; null is in bucket 0. The hash is made of the rounds of MurmurHash3 x86 32-bit with seed 0, but not as
 * that is usually computed:
 *
 * - an integer, or a date or time, of at most 32 bits is one round of its value, finished with length 4; so is a bool, as 0 or 1;
 * - one of 64 bits is a round of its low word, then of its high word, finished with length 8;
 * - a float is hashed by its bits, −0 as 0 and every NaN as the quiet one;
 * - text and bytes are rounds of 4 bytes each, little-endian, then **one round for each byte that is left, sign-extended** (the
 *   usual tail makes one round of them together), finished with the number of bytes.
 *
 * Source: what LanceDB 0.39 does with known values (see the tests).
 *
 * @module
 */
import { DataType, DateUnit, Precision } from "apache-arrow";
import { UsageError } from "../errors.js";

const MAX_BUCKETS = 1024;

const scratch = new DataView(new ArrayBuffer(8));

/**
 * @param value as the column stores it: a number or bigint for integers, dates, times and timestamps, else a number, boolean, string or
 * bytes; null when there is none
 * @param type of the column: bool, integer, float32, float64, date, time, timestamp, utf8 or binary
 * @param buckets how many there are, 1 to 1024
 * @throws UsageError when the type cannot be hashed, or the value is not of it
 */
export function bucketOf(value: unknown, type: DataType, buckets: number): number {
  if (!Number.isInteger(buckets) || buckets < 1 || buckets > MAX_BUCKETS) {
    throw new UsageError(`there cannot be ${buckets} buckets; expected a whole number from 1 to ${MAX_BUCKETS}`);
  }
  if (value === null || value === undefined) return 0;
  const hash = hashOf(value, type);
  if (hash !== undefined) return (hash & 0x7fffffff) % buckets;
  throw new UsageError(`a value of type ${typeof value} in a column of type ${type} cannot be hashed into a bucket`);
}

function hashOf(value: unknown, type: DataType): number | undefined {
  const bits = integerBits(type);
  if (bits !== undefined) return isInteger(value) ? hashInteger(BigInt(value), bits) : undefined;
  if (DataType.isBool(type)) return typeof value === "boolean" ? hashInteger(value ? 1n : 0n, 32) : undefined;
  if (DataType.isFloat(type) && type.precision !== Precision.HALF) {
    return typeof value === "number" ? hashFloat(value, type.precision === Precision.SINGLE ? 32 : 64) : undefined;
  }
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) {
    return typeof value === "string" ? hashBytes(Buffer.from(value)) : undefined;
  }
  if (DataType.isBinary(type) || DataType.isLargeBinary(type)) {
    return value instanceof Uint8Array ? hashBytes(value) : undefined;
  }
  return undefined;
}

/** Width in which a type of whole numbers is hashed; undefined for other types. */
function integerBits(type: DataType): 32 | 64 | undefined {
  if (DataType.isInt(type) || DataType.isTime(type)) return type.bitWidth === 64 ? 64 : 32;
  if (DataType.isDate(type)) return type.unit === DateUnit.DAY ? 32 : 64;
  return DataType.isTimestamp(type) ? 64 : undefined;
}

function isInteger(value: unknown): value is number | bigint {
  return typeof value === "bigint" || Number.isSafeInteger(value);
}

function hashInteger(value: bigint, bits: 32 | 64): number {
  const low = Number(BigInt.asIntN(32, value));
  const hash = round(0, low);
  return bits === 32 ? finish(hash, 4) : finish(round(hash, Number(BigInt.asIntN(32, value >> 32n))), 8);
}

/** Of all zeros and of all NaNs one each counts, +0 and the quiet NaN. */
function hashFloat(value: number, bits: 32 | 64): number {
  if (bits === 32) {
    scratch.setFloat32(0, value);
    return hashInteger(Number.isNaN(value) ? 0x7fc00000n : value === 0 ? 0n : BigInt(scratch.getInt32(0)), 32);
  }
  scratch.setFloat64(0, value);
  return hashInteger(Number.isNaN(value) ? 0x7ff8000000000000n : value === 0 ? 0n : scratch.getBigInt64(0), 64);
}

function hashBytes(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.byteLength & ~3;
  let hash = 0;
  for (let at = 0; at < whole; at += 4) hash = round(hash, view.getInt32(at, true));
  for (let at = whole; at < bytes.byteLength; at++) hash = round(hash, view.getInt8(at));
  return finish(hash, bytes.byteLength);
}

function round(hash: number, word: number): number {
  const mixed = Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
  return (Math.imul(rotate(hash ^ mixed, 13), 5) + 0xe6546b64) | 0;
}

function finish(hash: number, length: number): number {
  let mixed = hash ^ length;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
