/**
 * A change: rows that were put or deleted together, as one batch of the log.
 *
 * @module
 */
import { type Data, Field, type RecordBatch, Schema, Struct, Utf8 } from "apache-arrow";
import { concatData } from "../arrow/concat.js";
import { arrowData } from "../arrow/data.js";
import { recordBatch } from "../arrow/record-batch.js";
import { RowReader } from "../arrow/rows/row-reader.js";
import { TOMBSTONE } from "../lance/storage-schema.js";
import { isMarked } from "../scan/tombstones.js";
import { formatPosition, type Position } from "../writer/position.js";
import { OPERATION } from "./table-schema.js";

/** Rows that were put or deleted together. */
export class Change<R = Record<string, unknown>> {
  /** Follow from here to go on behind this change. */
  readonly position: Position;
  /** The rows as columns, in memory of their own: those of the table, of a deleted row all but the key null, and `_op`. */
  readonly batch: RecordBatch;
  readonly #reader: RowReader;

  constructor(position: Position, batch: RecordBatch, reader: RowReader) {
    this.position = position;
    this.batch = batch;
    this.#reader = reader;
  }

  /** The rows as objects, in order. */
  rows(): R[] {
    const rows: unknown[] = this.#reader.readAll(this.batch);
    return rows as R[]; // typed by whoever knows the schema
  }
}

/** A batch of the log, and where it is. */
export interface LoggedBatch {
  readonly entry: number;
  readonly batch: number;
  /** In storage schema. */
  readonly rows: RecordBatch;
}

/** Makes changes of batches of the log. */
export class ChangeMaker<R> {
  readonly #schema: Schema;
  readonly #type: Struct;
  readonly #reader: RowReader;

  /** @param storage schema of the batches */
  constructor(storage: Schema) {
    const columns = storage.fields.filter((field) => field.name !== TOMBSTONE);
    const fields = [...columns, new Field(OPERATION, new Utf8(), false)];
    this.#schema = new Schema(fields, storage.metadata);
    this.#type = new Struct(fields);
    this.#reader = new RowReader(this.#schema);
  }

  /** Copies the rows: the memory that they lie in is used again some day. */
  change({ entry, batch, rows }: LoggedBatch): Change<R> {
    const columns = rows.data.children.slice(0, -1).map((data) => concatData(data.type, [data]));
    const operations = arrowData(new Utf8(), rows.numRows, 0, operationsOf(rows.data.children.at(-1), rows.numRows));
    const made = recordBatch(this.#schema, this.#type, rows.numRows, [...columns, operations]);
    return new Change(formatPosition(entry, batch), made, this.#reader);
  }
}

function operationsOf(tombstones: Data | undefined, rows: number) {
  const offsets = new Int32Array(rows + 1);
  const words: string[] = [];
  const bits = { bytes: tombstones?.values ?? new Uint8Array(0), offset: tombstones?.offset ?? 0 };
  for (let row = 0; row < rows; row++) {
    const word = isMarked(bits, row) ? "delete" : "put";
    words.push(word);
    offsets[row + 1] = (offsets[row] ?? 0) + word.length;
  }
  return { offsets, values: Buffer.from(words.join("")) };
}
