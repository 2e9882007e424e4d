/**
 * Statistics of a column of numbers: what they mean, and the 64-byte struct in which a kernel leaves them.
 *
 * ```text
 *  0  u32  valid       rows that are not null
 *  4  u32  checksum    of all rows, see plain/mix.ts
 *  8  8 B  min         widened to i64, u64 or f64; both 0 when no integer is valid,
 * 16  8 B  max         +infinity and -infinity when no float compares
 * 24  8 B  sum         floats: f64. Integers: the sum is exactly high * 2^32 + low;
 *                      here low, as u64 below 2^32
 * 32  i64  sum high    integers only, else 0
 * 40  24 B zeros
 * ```
 *
 * Rules, the same in both implementations, bit for bit:
 * - NaN takes no part in min and max and makes the sum NaN. A minimum or maximum of zero is +0, whatever the zeros'
 *   signs.
 * - Floats are added as f64 in four lanes, row i of the call into lane i mod 4, combined as (0 + 1) + (2 + 3).
 *   The sum therefore depends on where batches are cut, unlike everything else here.
 * - Rows counted in one call are below 2^31, so integer sums are exact.
 */

/** The number types that have statistics. `f16` values lie as their 16 bits. */
export type NumberKind = "i8" | "u8" | "i16" | "u16" | "i32" | "u32" | "i64" | "u64" | "f16" | "f32" | "f64";

/** Bytes of a value of each kind. */
export const numberWidth: Readonly<Record<NumberKind, 1 | 2 | 4 | 8>> = {
  i8: 1,
  u8: 1,
  i16: 2,
  u16: 2,
  i32: 4,
  u32: 4,
  i64: 8,
  u64: 8,
  f16: 2,
  f32: 4,
  f64: 8,
};

/** What is known of the rows of one column of numbers. */
export interface Statistics {
  /** Rows that are not null. */
  valid: number;
  /** Sum over all rows, nulls included, of the row hashes: u32. */
  checksum: number;
  /**
   * The smallest value: bigint for i64 and u64, else number; undefined when nothing compares (no valid row, or only
   * NaN).
   */
  min: number | bigint | undefined;
  /** The largest value, as `min`. */
  max: number | bigint | undefined;
  /** Sum of the valid rows: exact, as bigint, for every integer kind; a float, as number, for f16, f32 and f64. */
  sum: number | bigint;
}

/** Bytes of the struct. */
export const STATISTICS_BYTES = 64;

const VALID_AT = 0;
const CHECKSUM_AT = 4;
const MIN_AT = 8;
const MAX_AT = 16;
const SUM_AT = 24;
const SUM_HIGH_AT = 32;
const REST_AT = 40;

/** Whether values of the kind are floats. */
export function isFloat(kind: NumberKind): kind is "f16" | "f32" | "f64" {
  return kind === "f16" || kind === "f32" || kind === "f64";
}

/** An empty result, to be filled by `statisticsOf`. */
export function emptyStatistics(): Statistics {
  return { valid: 0, checksum: 0, min: undefined, max: undefined, sum: 0 };
}

/**
 * Decodes the struct that a kernel wrote.
 * @param at - byte offset of the struct in the view
 */
export function readStatistics(kind: NumberKind, view: DataView, at: number): Statistics {
  const valid = view.getUint32(at + VALID_AT, true);
  const checksum = view.getUint32(at + CHECKSUM_AT, true);
  if (isFloat(kind)) {
    const min = view.getFloat64(at + MIN_AT, true);
    const max = view.getFloat64(at + MAX_AT, true);
    const sum = view.getFloat64(at + SUM_AT, true);
    return min <= max ? { valid, checksum, min, max, sum } : { valid, checksum, min: undefined, max: undefined, sum };
  }
  const sum = (view.getBigInt64(at + SUM_HIGH_AT, true) << 32n) + view.getBigUint64(at + SUM_AT, true);
  if (valid === 0) return { valid, checksum, min: undefined, max: undefined, sum };
  const min = kind === "u64" ? view.getBigUint64(at + MIN_AT, true) : view.getBigInt64(at + MIN_AT, true);
  const max = kind === "u64" ? view.getBigUint64(at + MAX_AT, true) : view.getBigInt64(at + MAX_AT, true);
  if (numberWidth[kind] === 8) return { valid, checksum, min, max, sum };
  return { valid, checksum, min: Number(min), max: Number(max), sum };
}

/** Encodes the struct: the inverse of `readStatistics`. */
export function writeStatistics(kind: NumberKind, view: DataView, at: number, statistics: Statistics): void {
  view.setUint32(at + VALID_AT, statistics.valid, true);
  view.setUint32(at + CHECKSUM_AT, statistics.checksum, true);
  if (isFloat(kind)) {
    const sum = Number(statistics.sum);
    view.setFloat64(at + MIN_AT, Number(statistics.min ?? Number.POSITIVE_INFINITY), true);
    view.setFloat64(at + MAX_AT, Number(statistics.max ?? Number.NEGATIVE_INFINITY), true);
    // A NaN that was computed may carry other bits than the literal.
    view.setFloat64(at + SUM_AT, Number.isNaN(sum) ? Number.NaN : sum, true);
    view.setBigInt64(at + SUM_HIGH_AT, 0n, true);
  } else {
    const sum = BigInt(statistics.sum);
    view.setBigInt64(at + MIN_AT, BigInt(statistics.min ?? 0), true);
    view.setBigInt64(at + MAX_AT, BigInt(statistics.max ?? 0), true);
    view.setBigUint64(at + SUM_AT, sum & 0xffffffffn, true);
    view.setBigInt64(at + SUM_HIGH_AT, sum >> 32n, true);
  }
  for (let offset = REST_AT; offset < STATISTICS_BYTES; offset += 8) view.setBigInt64(at + offset, 0n, true);
}
