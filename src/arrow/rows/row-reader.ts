/**
 * Record batches, read as rows: plain objects whose values are unshared copies.
 *
 * | Arrow type | value |
 * |---|---|
 * | int8 … int32, uint8 … uint32, float16, float32, float64, time32 | number |
 * | int64, uint64, duration, time64 | bigint |
 * | bool | boolean |
 * | utf8, large utf8 | string |
 * | binary, large binary, fixed-size binary | Uint8Array |
 * | decimal | string with all digits of the scale: `"-1.50"` |
 * | timestamp in s, ms, µs | Date, cut to the millisecond before; invalid beyond a Date's 275,760 years |
 * | timestamp in ns | bigint |
 * | date | Date at midnight UTC |
 * | interval | number of months; [days, milliseconds] |
 * | list | array |
 * | fixed-size list (vector) of numbers | typed array (of float16: Float32Array); an array when an item is null |
 * | fixed-size list of anything else | array |
 * | struct | object |
 * | map | Map |
 * | union | { type, value } |
 * | dictionary | what its values are read as |
 * | null; a null of any type | null |
 *
 * `RowBuilder` takes everything that is read, and makes the same row of it (microseconds aside).
 *
 * @module
 */
import type { Field, Schema } from "apache-arrow";
import { UsageError } from "../../errors.js";
import type { DataLike, RecordBatchLike } from "../shape.js";
import { nearestName } from "./nearest-name.js";
import { ObjectMaker } from "./object-maker.js";
import { distinctNames, valueReader } from "./read/compile.js";
import { NO_DATA, type ValueReader } from "./read/value-reader.js";

/** Which columns are read. */
export interface RowReaderOptions {
  /** Names of the columns to read, in the order that the rows' properties get. @default all, in the schema's order */
  readonly select?: readonly string[];
  /** Names of columns to leave out of them; a name that no column has leaves nothing out. @default none */
  readonly without?: readonly string[];
}

interface SelectedColumn {
  /** Place in the batch. */
  readonly index: number;
  readonly reader: ValueReader;
}

export class RowReader {
  readonly #width: number;
  readonly #columns: readonly SelectedColumn[];
  readonly #maker: ObjectMaker;
  /** Data of the batch's columns that the readers are attached to. */
  #attached: readonly DataLike[] | undefined;

  /**
   * @param schema of the batches that will be read; they are not compared with it at every read
   * @throws UsageError when a name in `select` is not a column's, or two columns, or fields of a struct, have one name
   */
  constructor(schema: Schema, { select, without = [] }: RowReaderOptions = {}) {
    const names = distinctNames(schema.fields);
    const selected = (select ?? names).filter((name) => !without.includes(name));
    const fields = selected.map((name) => ({ name, index: indexOf(name, names) }));
    this.#width = names.length;
    this.#columns = fields.map(({ index }) => ({ index, reader: readerOf(schema.fields[index]) }));
    this.#maker = new ObjectMaker(
      distinctSelection(selected),
      this.#columns.map(({ reader }) => reader),
    );
  }

  /**
   * One row of a batch. The batch read last stays referred to, as the next row is often of the same: see {@link release}.
   *
   * @throws UsageError when the batch has no such row, or another number of columns
   */
  read(batch: RecordBatchLike, row: number): Record<string, unknown> {
    if (!(Number.isInteger(row) && row >= 0 && row < batch.numRows)) {
      throw new UsageError(
        `there is no row ${row}; expected a whole number below ${batch.numRows}, the rows of the batch`,
      );
    }
    this.#attach(batch);
    return this.#maker.make(row);
  }

  /** All rows of a batch, in order. @throws UsageError when it has another number of columns */
  readAll(batch: RecordBatchLike): Record<string, unknown>[] {
    this.#attach(batch);
    const rows: Record<string, unknown>[] = [];
    for (let row = 0; row < batch.numRows; row++) rows.push(this.#maker.make(row));
    this.release();
    return rows;
  }

  /** Forgets the batch read last: its memory is no longer referred to. */
  release(): void {
    if (this.#attached === undefined) return;
    this.#attached = undefined;
    for (const { reader } of this.#columns) reader.attach(NO_DATA);
  }

  #attach(batch: RecordBatchLike): void {
    const { children } = batch.data;
    if (children === this.#attached) return;
    if (children.length !== this.#width) {
      throw new UsageError(
        `the batch has ${children.length} columns; expected the ${this.#width} of the reader's schema`,
      );
    }
    this.release();
    for (const { index, reader } of this.#columns) {
      reader.attach(children[index] ?? NO_DATA);
    }
    this.#attached = children;
  }
}

function readerOf(field: Field | undefined): ValueReader {
  if (field === undefined) throw new UsageError("the schema lacks a field");
  return valueReader(field.type);
}

function indexOf(name: string, names: readonly string[]): number {
  const index = names.indexOf(name);
  if (index >= 0) return index;
  const nearest = nearestName(name, names);
  throw new UsageError(
    `column ${JSON.stringify(name)} is not in the schema${nearest === undefined ? "" : `; did you mean ${JSON.stringify(nearest)}?`}`,
  );
}

function distinctSelection(names: readonly string[]): readonly string[] {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return names;
  throw new UsageError(`column ${JSON.stringify(twice)} is selected twice; expected each once`);
}
