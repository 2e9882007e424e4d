/**
 * What columns with one child have in common.
 *
 * @module
 */
import { FullError } from "../../../errors.js";
import { type ColumnBuilder, MAX_ITEMS } from "./column-builder.js";

/** Makes the builder of child `index` of the type. */
export type MakeChild = (index: number, path: () => string) => ColumnBuilder;

/** @throws FullError when `count` items more are too many for one batch */
export function checkItems(column: ColumnBuilder, held: number, count: number): void {
  if (held + count <= MAX_ITEMS) return;
  throw new FullError(
    `field ${JSON.stringify(column.path())} would have ${held + count} items in one batch; expected at most ${MAX_ITEMS}: finish the batch first`,
    "rows",
  );
}
