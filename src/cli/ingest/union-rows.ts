/**
 * Rows of dense unions: which rows of each child they use, and what they are, apart from where the children begin.
 *
 * @module
 */
import type { TypeLike } from "../../arrow/shape.js";

/** The rows of one child that are in use: from `first`, `rows` of them. */
export interface UsedRows {
  readonly first: number;
  readonly rows: number;
}

/** See {@link denseUnionRows}. */
export interface DenseUnionRows {
  /** One for each child, in order. */
  readonly used: readonly UsedRows[];
  /** Two words a row: type id, and offset counted from the first used row of the child. */
  readonly words: Int32Array;
}

/** Looks through rows [start, start + rows). A store keeps of each child the rows between the lowest and the highest in use. */
export function denseUnionRows(
  type: TypeLike,
  typeIds: Int8Array,
  offsets: Int32Array,
  start: number,
  rows: number,
): DenseUnionRows {
  const childOfId = new Map(Array.from(type.typeIds ?? [], (id, child) => [id, child]));
  const children = type.children?.length ?? 0;
  const lowest = new Array<number>(children).fill(Number.POSITIVE_INFINITY);
  const highest = new Array<number>(children).fill(-1);
  for (let i = start; i < start + rows; i++) {
    const child = childOfId.get(typeIds[i] ?? -1) ?? -1;
    const offset = offsets[i] ?? 0;
    if (offset < (lowest[child] ?? 0)) lowest[child] = offset;
    if (offset > (highest[child] ?? 0)) highest[child] = offset;
  }
  const words = new Int32Array(2 * rows);
  for (let i = 0; i < rows; i++) {
    const id = typeIds[start + i] ?? -1;
    words[2 * i] = id;
    words[2 * i + 1] = (offsets[start + i] ?? 0) - (lowest[childOfId.get(id) ?? -1] ?? 0);
  }
  const used = lowest.map((first, child) => {
    const last = highest[child] ?? -1;
    return last < 0 ? { first: 0, rows: 0 } : { first, rows: last + 1 - first };
  });
  return { used, words };
}
