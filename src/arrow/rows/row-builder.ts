/**
 * Rows, as plain objects, made into a record batch.
 *
 * | Arrow type | what a field takes |
 * |---|---|
 * | int8 … int32, uint8 … uint32 | whole numbers in range |
 * | int64, uint64, duration | bigint, or a safe integer |
 * | float16, float32, float64 | any number, rounded to the type; a finite one that would become infinite is refused |
 * | bool | true or false |
 * | utf8, large utf8 | strings without lone surrogates |
 * | binary, large binary, fixed-size binary | Uint8Array, any other view, ArrayBuffer; copied |
 * | decimal | bigint in units of 10^-scale, or a text: `"-1.50"` |
 * | timestamp | Date, or bigint in the type's unit; in s, ms, µs of the years that a Date can tell |
 * | date | Date at midnight UTC |
 * | time32; time64 | number; number or bigint in the type's unit, within a day |
 * | interval | number of months; [days, milliseconds] |
 * | list | array, typed array |
 * | fixed-size list (vector) | array, typed array, of exactly that length |
 * | struct | object |
 * | map | Map; for string keys also an object |
 * | union | { type, value } with the name of one of its types |
 * | dictionary | what its values take |
 * | null | null |
 *
 * Every value is stored exactly or refused (floats aside): nothing is cut, rounded or replaced. null and undefined are null; a field that
 * is not there is null where the schema allows it, a field that the schema does not have is refused.
 *
 * @module
 */
import { type RecordBatch, type Schema, Struct } from "apache-arrow";
import { recordBatch } from "../record-batch.js";
import { RowColumns } from "./row-columns.js";

export class RowBuilder {
  readonly #schema: Schema;
  readonly #type: Struct;
  readonly #columns: RowColumns;

  /**
   * @throws UsageError when two fields, of the schema or of one struct, have one name, or when a type is not one of apache-arrow 18.1
   */
  constructor(schema: Schema) {
    this.#schema = schema;
    this.#type = new Struct(schema.fields);
    this.#columns = new RowColumns(schema.fields, (field) => field.nullable);
  }

  /** Rows appended since the last batch. */
  get rows(): number {
    return this.#columns.rows;
  }

  /** Bytes of their values, offsets and bitmaps, without padding. */
  get bytes(): number {
    return this.#columns.bytes;
  }

  /**
   * Appends a row; the values are copied. After an error nothing has been appended.
   *
   * @throws UsageError that names the field: of a name the schema does not have, missing or null though not nullable, or with a value
   * that its type cannot hold
   * @throws FullError when a column has 2 GiB, or a dictionary as many values as its indices can tell apart: finish the batch
   */
  append(row: object): void {
    this.#columns.append(row);
  }

  /** The place between the last row and the next, for {@link rollback}. Valid until the batch is finished. */
  mark(): number {
    return this.#columns.rows;
  }

  /** Forgets all rows appended since `mark`. */
  rollback(mark: number): void {
    this.#columns.truncate(mark);
  }

  /**
   * The rows as a batch, of this builder's schema, and starts anew. The batch has arrays of its own: it stays valid whatever is appended
   * afterwards. The values of dictionaries are shared with later batches, so that a store knows them again; nobody changes them.
   */
  finish(): RecordBatch {
    const { rows } = this;
    return recordBatch(this.#schema, this.#type, rows, this.#columns.finish());
  }
}
