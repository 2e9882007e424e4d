/**
 * Record batches of the table's schema, made into ones of the storage schema: the column `_tombstone`, false in every row, behind them.
 *
 * @module
 */
import { Bool, type Schema } from "apache-arrow";
import { arrowData } from "../arrow/data.js";
import { hasNullItem, hasStrictItems } from "../arrow/null-items.js";
import { firstNull } from "../arrow/null-rows.js";
import { schemaDifference } from "../arrow/schema.js";
import { type DataLike, isRecordBatchLike, type RecordBatchLike, type SchemaLike } from "../arrow/shape.js";
import { UsageError } from "../errors.js";

const BOOL = new Bool();
/** Rows of the bitmap that is shared by all batches with no more rows. */
const SHARED_ROWS = 65_536;
const NO_TOMBSTONES = new Uint8Array(SHARED_ROWS / 8);

export class StorageBatches {
  readonly #schema: Schema;
  readonly #storageSchema: Schema;
  /** Columns without nulls: in the storage schema all but the key are nullable, as tombstones have no values. */
  readonly #notNull: readonly number[];
  /** Columns with items that are not null: in the storage schema the items of all fixed-size lists are nullable, as Lance has them. */
  readonly #strict: readonly number[];
  #accepted: SchemaLike | undefined;

  /** @param schema of the table @param storageSchema the same with `_tombstone` behind it */
  constructor(schema: Schema, storageSchema: Schema) {
    this.#schema = schema;
    this.#storageSchema = storageSchema;
    this.#notNull = schema.fields.flatMap((field, index) => (field.nullable ? [] : [index]));
    this.#strict = schema.fields.flatMap(({ type }, index) => (hasStrictItems(type) ? [index] : []));
  }

  /** @throws UsageError when the value is not a batch of the table's schema */
  from(batch: RecordBatchLike): RecordBatchLike {
    if (!isRecordBatchLike(batch)) {
      throw new UsageError("the value is not an Arrow record batch; expected rows, a record batch or an array of them");
    }
    if (batch.schema !== this.#accepted) {
      const difference = schemaDifference(this.#accepted ?? this.#schema, batch.schema);
      if (difference !== undefined) {
        const ofTable = difference.replaceAll("the store's schema", "it");
        throw new UsageError(`the batch does not have the table's schema: ${ofTable}`);
      }
      this.#accepted = batch.schema;
    }
    const { numRows } = batch;
    const columns = batch.data.children;
    if (columns.length !== this.#schema.fields.length) {
      throw new UsageError(
        `the batch holds ${columns.length} columns, its schema has ${this.#schema.fields.length} fields`,
      );
    }
    for (const index of this.#notNull) this.#assertNoNulls(columns[index], index);
    for (const index of this.#strict) this.#assertNoNullItems(columns[index], index);
    return {
      schema: this.#storageSchema,
      numRows,
      data: { length: numRows, children: [...columns, noTombstones(numRows)] },
    };
  }

  #assertNoNulls(data: DataLike | undefined, index: number): void {
    const row = data === undefined ? -1 : firstNull(data);
    if (row < 0) return;
    const { name } = this.#schema.fields[index] ?? {};
    throw new UsageError(
      `column ${JSON.stringify(name)} is null in row ${row}, but the table's schema lets it have no nulls`,
    );
  }

  #assertNoNullItems(data: DataLike | undefined, index: number): void {
    const { name, type } = this.#schema.fields[index] ?? {};
    if (data === undefined || type === undefined || !hasNullItem(type, data)) return;
    throw new UsageError(
      `column ${JSON.stringify(name)} has a fixed-size list with a null item, but the table's schema lets its items not be null`,
    );
  }
}

function noTombstones(rows: number): DataLike {
  const values = rows <= SHARED_ROWS ? NO_TOMBSTONES : new Uint8Array(Math.ceil(rows / 8));
  return arrowData(BOOL, rows, 0, { values });
}
