/**
 * The columns that rows are put into: what `RowBuilder` and `StorageRows` are made of.
 *
 * A row is appended to every column or to none: when one refuses, all are truncated to the rows before it. A row's getters run while it
 * is being appended; one that came back here would find columns of different lengths, and is refused.
 *
 * @module
 */
import type { Data, Field } from "apache-arrow";
import { FullError, UsageError } from "../../errors.js";
import { type ColumnBuilder, MAX_ITEMS } from "./build/column-builder.js";
import { columnBuilder } from "./build/compile.js";
import { Fields } from "./build/fields.js";
import { valueName } from "./value-name.js";

export class RowColumns {
  readonly #columns: readonly ColumnBuilder[];
  readonly #fields: Fields;
  #rows = 0;
  #appending = false;

  /**
   * @param isNullable whether rows may leave a field out
   * @throws UsageError when two fields have one name, or a type cannot be built from rows
   */
  constructor(fields: readonly Field[], isNullable: (field: Field) => boolean) {
    this.#columns = fields.map((field) => builderOf(field, isNullable(field)));
    this.#fields = new Fields(
      fields.map(({ name }) => name),
      this.#columns,
    );
  }

  get rows(): number {
    return this.#rows;
  }

  /** Bytes of the rows' values, without padding. */
  get bytes(): number {
    let bytes = 0;
    for (const column of this.#columns) bytes += column.bytes;
    return bytes;
  }

  /** Appends a row. */
  append(row: unknown): void {
    this.#begin();
    try {
      if (!this.#fields.append(row, this.#rows)) {
        throw new UsageError(`a row is ${valueName(row)}; expected an object whose own properties are the fields`);
      }
      this.#rows += 1;
    } catch (error) {
      this.#truncate();
      throw error;
    } finally {
      this.#appending = false;
    }
  }

  /** Appends a row of nulls, but for the columns `indices`, which get `values`. */
  appendSparse(indices: readonly number[], values: readonly unknown[]): void {
    this.#begin();
    try {
      indices.forEach((index, i) => {
        this.#columns[index]?.append(values[i]);
      });
      for (const column of this.#columns) if (column.length === this.#rows) column.appendNull();
      this.#rows += 1;
    } catch (error) {
      this.#truncate();
      throw error;
    } finally {
      this.#appending = false;
    }
  }

  /** Forgets all rows from `rows` on. @throws UsageError when there are fewer */
  truncate(rows: number): void {
    this.#assertIdle();
    if (!(Number.isInteger(rows) && rows >= 0 && rows <= this.#rows)) {
      throw new UsageError(`cannot go back to ${rows} rows of ${this.#rows}; expected a mark of the batch being built`);
    }
    this.#rows = rows;
    this.#truncate();
  }

  /** The columns so far, as copies, and starts anew. */
  finish(): Data[] {
    this.#assertIdle();
    this.#rows = 0;
    return this.#columns.map((column) => column.finish());
  }

  #begin(): void {
    this.#assertIdle();
    if (this.#rows >= MAX_ITEMS) {
      throw new FullError(`the batch has ${MAX_ITEMS} rows, as many as one can have: finish it first`, "rows");
    }
    this.#appending = true;
  }

  #truncate(): void {
    for (const column of this.#columns) column.truncate(this.#rows);
  }

  #assertIdle(): void {
    if (this.#appending) throw new UsageError("a getter of a row used the builder that the row is being appended to");
  }
}

function builderOf({ name, type }: Field, nullable: boolean): ColumnBuilder {
  try {
    return columnBuilder({ type, nullable, path: () => name });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`field ${JSON.stringify(name)}: ${error.message}`, { cause: error });
  }
}
