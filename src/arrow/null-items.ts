/**
 * Null items of fixed-size lists whose items are not nullable: in vectors, wherever these lie.
 *
 * Items of null rows count as little as what lies under them; so do those of lists that no row refers to. Unions are not looked into.
 *
 * @module
 */
import { Type } from "apache-arrow";
import { areNull, firstNull } from "./null-rows.js";
import type { DataLike, TypeLike } from "./shape.js";

/** Which rows of a column are there; undefined for all. */
type Live = ((row: number) => boolean) | undefined;

/** Whether a type has, at any depth, fixed-size lists whose items are not nullable. */
export function hasStrictItems({ typeId, children }: TypeLike): boolean {
  if (typeId === Type.Dictionary || typeId === Type.Union) return false;
  return (children ?? []).some(
    ({ type, nullable }) => (typeId === Type.FixedSizeList && !nullable) || hasStrictItems(type),
  );
}

/**
 * True when an item is null that must not be.
 *
 * @param type as the table has it, whatever the data say of theirs
 */
export function hasNullItem(type: TypeLike, data: DataLike, live?: Live): boolean {
  const { typeId, listSize = 0 } = type;
  const alive = narrowed(data, live);
  return (type.children ?? []).some((field, i) => {
    const child = data.children?.[i];
    if (child === undefined) return false;
    if (typeId === Type.FixedSizeList) {
      const inRow: Live = alive && ((item) => alive(Math.floor(item / listSize)));
      if (!field.nullable && hasLiveNull(child, inRow)) return true;
      return hasStrictItems(field.type) && hasNullItem(field.type, child, inRow);
    }
    if (!hasStrictItems(field.type)) return false;
    if (typeId === Type.Struct) return hasNullItem(field.type, child, alive);
    return hasNullItem(field.type, child, referredTo(data, child.length, alive));
  });
}

function hasLiveNull(data: DataLike, live: Live): boolean {
  const first = firstNull(data);
  if (first < 0 || live === undefined) return first >= 0;
  for (let row = first; row < data.length; row++) if (live(row) && areNull(data, row, row + 1)) return true;
  return false;
}

/** The rows that are there, and not null. */
function narrowed(data: DataLike, live: Live): Live {
  if (firstNull(data) < 0) return live;
  return (row) => (live?.(row) ?? true) && !areNull(data, row, row + 1);
}

/** The items that the live rows of a list refer to. */
function referredTo({ valueOffsets, length }: DataLike, items: number, live: Live): Live {
  if (!(valueOffsets instanceof Int32Array)) return undefined;
  const referred = new Uint8Array(items);
  for (let row = 0; row < length; row++) {
    if (live?.(row) ?? true) referred.fill(1, valueOffsets[row], valueOffsets[row + 1]);
  }
  return (item) => referred[item] === 1;
}
