/**
 * Numbers the rows of a table without a primary key of its own: `_row_id`, ascending from 0 in the order of the puts, never used twice.
 *
 * The next number goes into every entry of the log as a counter, so replay finds it. Rows that LanceDB has written know nothing of the
 * counter: so the numbers in memory and, where the counter is missing or LanceDB has flushed such rows since, in the whole table are looked
 * at too. A put that fails leaves a gap.
 *
 * @module
 */
import { type DataType, Int64 } from "apache-arrow";
import { arrowData } from "../arrow/data.js";
import { type FieldLike, isRecordBatchLike, type RecordBatchLike, type SchemaLike } from "../arrow/shape.js";
import { UsageError } from "../errors.js";
import type { LiveMemtable } from "../writer/memtable-set.js";
import { ROW_ID } from "./table-schema.js";

/** Name of the counter. */
export const COUNTER = "next_row_id";

const INT64: DataType = new Int64();
const FIELD: FieldLike = { name: ROW_ID, type: INT64, nullable: false };

/** Rows with their numbers, and the counter to put with them. */
export interface NumberedRows {
  readonly rows: object;
  readonly counters: ReadonlyMap<string, bigint>;
}

export class RowIds {
  #next: bigint;
  readonly #schemas = new WeakMap<SchemaLike, SchemaLike>();

  /** @param stored the greatest number in SSTables and base table; needed only when there is no counter, or an outdated one */
  constructor(counters: ReadonlyMap<string, bigint>, memtables: readonly LiveMemtable[], stored = -1n) {
    const found = [counters.get(COUNTER) ?? 0n, stored + 1n, greatest(memtables) + 1n];
    this.#next = found.reduce((most, number) => (number > most ? number : most));
  }

  /** The number that the next row gets. */
  get next(): bigint {
    return this.#next;
  }

  /**
   * @param input what `put` takes, without `_row_id`; anything else is handed on, for `put` to refuse
   * @throws UsageError when a row or a batch brings a `_row_id`
   */
  number(input: unknown): NumberedRows {
    const rows = this.#numbered(input);
    return { rows, counters: new Map([[COUNTER, this.#next]]) };
  }

  #numbered(input: unknown): object {
    if (isRecordBatchLike(input)) return this.#batch(input);
    if (Array.isArray(input))
      return input.map((row: unknown) => (isRecordBatchLike(row) ? this.#batch(row) : this.#row(row)));
    if (typeof input === "object" && input !== null && "batches" in input && Array.isArray(input.batches)) {
      return input.batches.map((batch: unknown) => (isRecordBatchLike(batch) ? this.#batch(batch) : this.#row(batch)));
    }
    return [this.#row(input)];
  }

  #row(row: unknown): unknown {
    if (typeof row !== "object" || row === null) return row;
    if (Object.hasOwn(row, ROW_ID))
      throw new UsageError(`a row has the field "${ROW_ID}", which the table gives itself`);
    return { [ROW_ID]: this.#next++, ...row };
  }

  #batch(batch: RecordBatchLike): RecordBatchLike {
    const { numRows, schema, data } = batch;
    if (schema.fields.some((field) => field.name === ROW_ID)) {
      throw new UsageError(`the batch has the column "${ROW_ID}", which the table gives itself; leave it out`);
    }
    const values = new BigInt64Array(numRows);
    for (let row = 0; row < numRows; row++) values[row] = this.#next++;
    const ids = arrowData(INT64, numRows, 0, { values });
    return { schema: this.#schema(schema), numRows, data: { length: data.length, children: [ids, ...data.children] } };
  }

  /** The same object for the same schema: the writer compares schemas only when it sees another one. */
  #schema(schema: SchemaLike): SchemaLike {
    const known = this.#schemas.get(schema);
    if (known !== undefined) return known;
    const made = { fields: [FIELD, ...schema.fields] };
    this.#schemas.set(schema, made);
    return made;
  }
}

/** The greatest number in memory, -1 when there is none. */
function greatest(memtables: readonly LiveMemtable[]): bigint {
  let most = -1n;
  for (const { store } of memtables) {
    const column = store.column(ROW_ID);
    for (let position = 0; position < store.length; position++) {
      const values = column.values(position);
      if (!(values instanceof BigInt64Array)) continue;
      // Rows of ours ascend, so the last is the greatest; LanceDB's may be in any order.
      for (const value of values) if (value > most) most = value;
    }
  }
  return most;
}
