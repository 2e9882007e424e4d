/**
 * What hides rows of older tiers: the keys of newer ones.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import { NOT_FOUND } from "../kernels/key-index.js";
import type { Memtable } from "../memtable/memtable.js";

/** Keys of a memtable: those in its rows [from, rows), by their newest row among the first `rows`. */
export interface Shadow {
  readonly memtable: Memtable;
  readonly from: number;
  readonly rows: number;
}

/**
 * Drops rows whose key is in one of the shadows.
 *
 * @param keys the batch's key columns, in the order of the key, row 0 first
 * @param live numbers of rows of the batch, ascending: the first `count` are looked at, and those that stay are moved to the front
 * @returns how many stay
 */
export function dropShadowed(
  shadows: readonly Shadow[],
  keys: readonly Data[],
  live: Uint32Array,
  count: number,
): number {
  const rows = keys[0]?.length ?? 0;
  let left = count;
  for (const { memtable, from, rows: bound } of shadows) {
    if (left === 0) break;
    const found = scratch(rows);
    memtable.find(keys, bound, found);
    let kept = 0;
    for (let i = 0; i < left; i++) {
      const row = live[i] ?? 0;
      const hit = found[row] ?? NOT_FOUND;
      if (hit === NOT_FOUND || hit < from) live[kept++] = row;
    }
    left = kept;
  }
  return left;
}

let found = new Uint32Array(1_024);

/** Used within one call of {@link dropShadowed}, which nothing interrupts. */
function scratch(rows: number): Uint32Array {
  if (found.length < rows) found = new Uint32Array(2 ** Math.ceil(Math.log2(rows)));
  return found.subarray(0, rows);
}
