/**
 * Which rows of a batch are deletions.
 *
 * @module
 */

/** A bitmap, and the number of the bit of row 0. */
export interface Bits {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

/** Whether the bit of a row is set. */
export function isMarked({ bytes, offset }: Bits, row: number): boolean {
  const bit = offset + row;
  return (((bytes[bit >>> 3] ?? 0) >>> (bit & 7)) & 1) === 1;
}

/**
 * Drops the rows whose bit is set.
 *
 * @param rows the first `count` are looked at, and those that stay are moved to the front
 * @returns how many stay
 */
export function dropMarked({ bytes, offset }: Bits, rows: Uint32Array, count: number): number {
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i] ?? 0;
    const bit = offset + row;
    if ((((bytes[bit >>> 3] ?? 0) >>> (bit & 7)) & 1) === 0) rows[kept++] = row;
  }
  return kept;
}
