/**
 * Makes record batches of a useful size from pieces of read ones: a large piece that is a whole batch is handed on as it lies, views on
 * the memory it is in; small ones, and selections of rows, are copied together.
 *
 * @module
 */
import { type Data, type RecordBatch, Schema, Struct } from "apache-arrow";
import { UsageError } from "../errors.js";
import { concatData } from "./concat.js";
import { recordBatch } from "./record-batch.js";
import { takeData } from "./take.js";

/** Whole batches of so many rows are handed on uncopied. */
const LARGE_ROWS = 1_024;
/** Copied batches have about so many rows. */
const GATHERED_ROWS = 8_192;

/** How batches are made. */
export interface GathererOptions {
  /** Rows of a batch at most; one at least. */
  readonly batchRows: number;
  /** Copies large batches too. */
  readonly copy: boolean;
}

export class BatchGatherer {
  /** Of the batches made. */
  readonly schema: Schema;
  readonly #type: Struct;
  readonly #largeRows: number;
  readonly #gatheredRows: number;
  readonly #batchRows: number;
  #pieces: (readonly Data[])[] = [];
  #rows = 0;

  /**
   * @param schema the selected columns of it make the batches
   * @param select names of columns, in the order they are to have; all when missing
   * @throws UsageError when a name is not a column's, or twice
   */
  constructor(schema: Schema, select: readonly string[] | undefined, { batchRows, copy }: GathererOptions) {
    const names = schema.fields.map((field) => field.name);
    const wanted = select ?? names;
    const fields = wanted.map((name, i) => {
      const field = schema.fields[names.indexOf(name)];
      const known = names.map((known) => JSON.stringify(known)).join(", ");
      if (field === undefined) {
        throw new UsageError(`select names ${JSON.stringify(name)}; expected some of ${known}`);
      }
      if (wanted.indexOf(name) !== i) throw new UsageError(`select names ${JSON.stringify(name)} twice`);
      return field;
    });
    this.schema = new Schema(fields, schema.metadata);
    this.#type = new Struct(fields);
    this.#batchRows = batchRows;
    this.#gatheredRows = Math.min(GATHERED_ROWS, batchRows);
    this.#largeRows = copy ? Number.POSITIVE_INFINITY : Math.min(LARGE_ROWS, batchRows);
  }

  /**
   * Adds rows of a batch.
   *
   * @param columns the selected ones, in that order
   * @param batchRows rows of that batch
   * @param rows numbers of those that are added; all when missing
   * @returns batches that are complete, in order
   */
  *add(columns: readonly Data[], batchRows: number, rows?: Uint32Array): Generator<RecordBatch> {
    if (rows === undefined && batchRows >= this.#largeRows) {
      yield* this.flush();
      for (let start = 0; start < batchRows; start += this.#batchRows) {
        yield this.#batch(cut(columns, start, Math.min(this.#batchRows, batchRows - start), batchRows));
      }
      return;
    }
    const count = rows?.length ?? batchRows;
    if (rows !== undefined && count >= this.#largeRows && count <= this.#batchRows) {
      // Copied once, not twice.
      yield* this.flush();
      yield this.#batch({ columns: columns.map((data) => takeData(data, rows)), rows: count });
      return;
    }
    for (let start = 0; start < count; ) {
      const length = Math.min(count - start, this.#batchRows - this.#rows);
      const picked = rows?.subarray(start, start + length);
      this.#pieces.push(
        picked === undefined
          ? cut(columns, start, length, batchRows).columns
          : columns.map((data) => takeData(data, picked)),
      );
      this.#rows += length;
      start += length;
      if (this.#rows >= this.#gatheredRows) yield* this.flush();
    }
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
    yield this.#batch({ columns, rows });
  }

  #batch({ columns, rows }: Cut): RecordBatch {
    return recordBatch(this.schema, this.#type, rows, [...columns]);
  }
}

/** Columns of so many rows. */
interface Cut {
  readonly columns: readonly Data[];
  readonly rows: number;
}

/** Rows of a batch of `all` rows, as views. */
function cut(columns: readonly Data[], start: number, rows: number, all: number): Cut {
  return { columns: rows === all ? columns : columns.map((data) => data.slice(start, rows)), rows };
}
