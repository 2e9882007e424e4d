/**
 * Statistics of bits: false counts as 0 and true as 1.
 *
 * @module
 */
import { bitAt, isNull } from "../../kernels/plain/bits.js";

/** What is known of the rows of a Bool column; `min` and `max` are undefined when every row is null. */
export interface BoolStatistics {
  readonly min: number | undefined;
  readonly max: number | undefined;
  /** Rows that are true. */
  readonly sum: number;
}

/** @param validity undefined when no row is null; its row 0 lies at bit `validityOffset`, that of `bits` at `bitOffset` */
export function boolStatistics(
  bits: Uint8Array,
  bitOffset: number,
  validity: Uint8Array | undefined,
  validityOffset: number,
  rows: number,
): BoolStatistics {
  let valid = 0;
  let trues = 0;
  for (let i = 0; i < rows; i++) {
    if (isNull(validity, validityOffset + i)) continue;
    valid++;
    trues += bitAt(bits, bitOffset + i);
  }
  return boolSummary(valid, trues);
}

/** The same from counts: `trues` of the `valid` rows are true. */
export function boolSummary(valid: number, trues: number): BoolStatistics {
  if (valid === 0) return { min: undefined, max: undefined, sum: 0 };
  return { min: trues === valid ? 1 : 0, max: trues > 0 ? 1 : 0, sum: trues };
}
