/**
 * Checks of the values that say where other values lie: offsets, union type ids, dictionary indices.
 *
 * A reader follows these without looking, so data from outside is checked once, here, when it enters.
 *
 * @module
 */

import { type Data, type Union, UnionMode } from "apache-arrow";
import { CorruptError } from "../errors.js";

/** Offsets must start at 0 or above, never fall, and end inside `limit` values. @throws CorruptError */
export function checkOffsets(offsets: Int32Array | BigInt64Array, limit: number, what: string): void {
  const rises = offsets instanceof Int32Array ? narrowRises(offsets) : wideRises(offsets);
  const last = Number(offsets[offsets.length - 1] ?? 0);
  if (rises && last <= limit) return;
  throw new CorruptError(`offsets must rise from 0 and stay within ${limit} ${what}; these fall or end at ${last}`);
}

function narrowRises(offsets: Int32Array): boolean {
  let previous = 0;
  for (let i = 0; i < offsets.length; i++) {
    const offset = offsets[i] ?? 0;
    if (offset < previous) return false;
    previous = offset;
  }
  return true;
}

function wideRises(offsets: BigInt64Array): boolean {
  let previous = 0n;
  for (const offset of offsets) {
    if (offset < previous) return false;
    previous = offset;
  }
  return true;
}

/** Indices of rows that are not null must name one of `count` entries. @throws CorruptError */
export function checkIndices(
  indices: ArrayLike<number | bigint>,
  count: number,
  validity: Uint8Array | undefined,
): void {
  for (let i = 0; i < indices.length; i++) {
    const index = Number(indices[i]);
    if (index >= 0 && index < count) continue;
    if (validity !== undefined && ((validity[i >> 3] ?? 0) & (1 << (i & 7))) === 0) continue;
    throw new CorruptError(`row ${i} has index ${index} into a dictionary of ${count} entries`);
  }
}

/** Type ids must name a child, and the child must have the row they point at. @throws CorruptError */
export function checkUnion(
  type: Union,
  length: number,
  typeIds: Int8Array,
  offsets: Int32Array | undefined,
  children: readonly Data[],
): void {
  const lengths = new Float64Array(128).fill(-1);
  type.typeIds.forEach((id, child) => {
    lengths[id] = children[child]?.length ?? -1;
  });
  for (let i = 0; i < length; i++) {
    const id = typeIds[i] ?? -1;
    const rows = id < 0 ? -1 : (lengths[id] ?? -1);
    if (rows < 0) throw new CorruptError(`row ${i} has union type id ${id}, which names no child`);
    const row = offsets === undefined ? i : (offsets[i] ?? -1);
    if (row < 0 || row >= rows)
      throw new CorruptError(`row ${i} points at row ${row} of a union child with ${rows} rows`);
  }
  const sparse = type.mode === UnionMode.Sparse;
  if (sparse && children.some((child) => child.length < length))
    throw new CorruptError("a union child has too few rows");
}
