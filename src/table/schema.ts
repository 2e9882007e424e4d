/**
 * The schema of a table, and the types of its rows.
 *
 * ```ts
 * const notes = schema({ id: int64(), at: timestamp("ms").nullable(), text: utf8(), embedding: vector(768) });
 * type Note = Row<typeof notes>;          // { id: bigint; at: Date | null; text: string; embedding: Float32Array }
 * type NewNote = RowInput<typeof notes>;  // { id: bigint | number; at?: Date | bigint | null; … }
 * ```
 *
 * @module
 */
import { Schema } from "apache-arrow";
import { normaliseSchema } from "../arrow/schema.js";
import { UsageError } from "../errors.js";
import { type ColumnTypes, fieldsOf, type ObjectInput, type ObjectOutput } from "./column-type.js";
import { assertNotReserved } from "./table-schema.js";

/** A schema that knows the types of its rows. */
export interface TableSchema<C extends ColumnTypes = ColumnTypes> {
  /** The same in Arrow. */
  readonly arrow: Schema;
  /** The types it was made of. */
  readonly columns: C;
}

/** A row that is read from a table of schema `S`; of a bare Arrow schema nothing is known. */
export type Row<S> = S extends TableSchema<infer C> ? ObjectOutput<C> : Record<string, unknown>;

/** A row that is put into a table of schema `S`: nullable fields may be left out. */
export type RowInput<S> = S extends TableSchema<infer C> ? ObjectInput<C> : Readonly<Record<string, unknown>>;

/**
 * A schema of these columns, in their order. (JavaScript puts names that are whole numbers first.)
 *
 * @throws UsageError when there is no column, a name is `_tombstone` or `_op` or begins with `_pennon`, which are kept for what a table
 * stores and gives beside its columns, or a type is not a column type
 */
export function schema<C extends ColumnTypes>(columns: C): TableSchema<C> {
  const fields = fieldsOf(columns);
  if (fields.length === 0) throw new UsageError("the schema has no columns; expected at least one");
  assertNotReserved({ fields });
  // Dictionaries get ids of their own, also where one type is used for two columns.
  return { arrow: normaliseSchema(new Schema(fields)), columns };
}
