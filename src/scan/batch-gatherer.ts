/**
 * Makes record batches of a useful size from pieces of stored ones: a large piece that is a whole batch is handed on as it lies, views on
 * the memory it was appended to; small ones, and selections of rows, are copied together.
 *
 * @module
 */
import { type Data, type RecordBatch, Schema, Struct } from "apache-arrow";
import { concatData } from "../arrow/concat.js";
import { recordBatch } from "../arrow/record-batch.js";
import { takeData } from "../arrow/take.js";
import { UsageError } from "../errors.js";

/** Whole batches of so many rows are handed on uncopied. */
const LARGE_ROWS = 1_024;
/** Copied batches have about so many rows. */
const GATHERED_ROWS = 8_192;

export class BatchGatherer {
  /** Of the batches made. */
  readonly schema: Schema;
  readonly #type: Struct;
  readonly #columns: readonly number[];
  #pieces: (readonly Data[])[] = [];
  #rows = 0;

  /**
   * @param schema the selected columns of it make the batches
   * @param select names of columns, in the order they are to have; all when missing
   * @throws UsageError when a name is not a column's, or twice
   */
  constructor(schema: Schema, select: readonly string[] | undefined) {
    const names = schema.fields.map((field) => field.name);
    const wanted = select ?? names;
    this.#columns = wanted.map((name, i) => {
      const column = names.indexOf(name);
      const known = names.map((known) => JSON.stringify(known)).join(", ");
      if (column < 0) throw new UsageError(`select names ${JSON.stringify(name)}; expected some of ${known}`);
      if (wanted.indexOf(name) !== i) throw new UsageError(`select names ${JSON.stringify(name)} twice`);
      return column;
    });
    const fields = this.#columns.flatMap((column) => schema.fields[column] ?? []);
    this.schema = new Schema(fields, schema.metadata);
    this.#type = new Struct(fields);
  }

  /**
   * Adds rows of a batch, whose first columns are those of the schema.
   *
   * @param rows their numbers in the batch; all when missing
   * @returns batches that are complete, in order
   */
  *add(batch: RecordBatch, rows?: Uint32Array): Generator<RecordBatch> {
    const count = rows?.length ?? batch.numRows;
    if (count === 0) return;
    const columns = this.#columns.flatMap((column) => batch.data.children[column] ?? []);
    if (rows === undefined && count >= LARGE_ROWS) {
      yield* this.flush();
      yield recordBatch(this.schema, this.#type, count, columns);
      return;
    }
    this.#pieces.push(rows === undefined ? columns : columns.map((data) => takeData(data, rows)));
    this.#rows += count;
    if (this.#rows >= GATHERED_ROWS) yield* this.flush();
  }

  /** The rows that are waiting for more. */
  *flush(): Generator<RecordBatch> {
    const pieces = this.#pieces;
    const rows = this.#rows;
    if (rows === 0) return;
    this.#pieces = [];
    this.#rows = 0;
    const columns = this.schema.fields.map((field, i) =>
      concatData(
        field.type,
        pieces.flatMap((piece) => piece[i] ?? []),
      ),
    );
    yield recordBatch(this.schema, this.#type, rows, columns);
  }
}
