/**
 * How many rows to ask LanceDB for at once, so that a batch has about a fixed number of bytes.
 *
 * @module
 */
import type { Field, Schema } from "apache-arrow";
import { fixedLayout } from "../arrow/fixed-layout.js";
import type { TypeLike } from "../arrow/shape.js";

const BATCH_BYTES = 2 ** 23;
/** Of a value of no fixed width, at least. */
const VALUE_BYTES = 16;

/**
 * @param schema of the table
 * @param columns that are read
 * @param rowBytes bytes of a whole row in the files, which are compressed, on average
 * @param most rows
 */
export function batchRowsFor(schema: Schema, columns: readonly string[], rowBytes: number, most: number): number {
  const all = widths(schema.fields);
  const wanted = widths(schema.fields.filter(({ name }) => columns.includes(name)));
  // The variable part of a row may lie in a single column.
  const variable = wanted.variable === 0 ? 0 : Math.max(wanted.variable * VALUE_BYTES, rowBytes - all.fixed);
  const bytes = Math.max(1, wanted.fixed + variable);
  return Math.max(1, Math.min(most, Math.floor(BATCH_BYTES / bytes)));
}

interface Widths {
  /** Bytes of the columns of fixed width. */
  readonly fixed: number;
  /** Columns of no fixed width. */
  readonly variable: number;
}

function widths(fields: readonly Field[]): Widths {
  let fixed = 0;
  let variable = 0;
  for (const { type } of fields) {
    const width = widthOf(type);
    if (width === undefined) variable++;
    else fixed += width;
  }
  return { fixed, variable };
}

/** Bytes of a value; undefined when they are not fixed. */
function widthOf(type: TypeLike): number | undefined {
  const layout = fixedLayout(type);
  if (layout !== undefined) return layout.bytesPerRow;
  const [item] = type.children ?? [];
  if (type.listSize === undefined || item === undefined) return undefined;
  const width = widthOf(item.type);
  return width === undefined ? undefined : type.listSize * width;
}
