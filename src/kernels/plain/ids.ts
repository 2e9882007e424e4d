/** Checks of dictionary indices and union type ids. */
import { isNull } from "./bits.js";

/** The arrays that can hold the indices of a dictionary column. */
export type IndexArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** Whether every valid index lies in [0, limit); `validity` undefined means no nulls. */
export function indicesValid(
  indices: IndexArray,
  validity: Uint8Array | undefined,
  validityBitOffset: number,
  limit: number,
): boolean {
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i] ?? 0;
    // Comparing a bigint with a number is exact.
    if ((index < 0 || index >= limit) && !isNull(validity, validityBitOffset + i)) return false;
  }
  return true;
}

/** Whether every type id is in the 128-bit set, see `Kernels.typeIdsValid`. */
export function typeIdsValid(ids: Int8Array, set0: number, set1: number, set2: number, set3: number): boolean {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] ?? 0;
    if (id < 0) return false;
    const word = id < 64 ? (id < 32 ? set0 : set1) : id < 96 ? set2 : set3;
    if (((word >>> (id & 31)) & 1) === 0) return false;
  }
  return true;
}
