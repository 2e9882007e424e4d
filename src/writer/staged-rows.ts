/**
 * Small puts that wait to be appended: they become one batch, so that a million one-row puts do not make a million batches.
 *
 * Rows given as objects are encoded at once into one builder; small record batches are kept and joined at the end. Order is kept. When
 * the joined batch cannot be appended, because a part of it is malformed or all of it is too large, each put is appended by itself
 * and fails alone.
 *
 * @module
 */
import { RecordBatch, type Schema, Struct } from "apache-arrow";
import { concatData } from "../arrow/concat.js";
import { recordBatch } from "../arrow/record-batch.js";
import type { StorageRows } from "../arrow/rows/storage-rows.js";
import type { DataLike, RecordBatchLike } from "../arrow/shape.js";
import { FullError, UsageError } from "../errors.js";
import type { WaitingPut } from "./waiting-put.js";

/** A put, and how many rows it has. */
interface StagedPut {
  readonly put: WaitingPut;
  readonly rows: number;
}

/** A batch, and the puts whose rows it holds, in order: one for a record batch that was put, any number for rows. */
interface Piece {
  readonly batch: RecordBatchLike;
  readonly puts: readonly StagedPut[];
}

/** Where staged rows go. */
export interface StagedRowsSink {
  append(batch: RecordBatchLike, puts: readonly WaitingPut[]): void;
  reject(puts: readonly WaitingPut[], reason: unknown): void;
}

export class StagedRows {
  readonly #schema: Schema;
  readonly #rowType: Struct;
  readonly #builder: StorageRows;
  #pieces: Piece[] = [];
  #rowPuts: StagedPut[] = [];
  #rows = 0;
  #bytes = 0;

  constructor(schema: Schema, builder: StorageRows) {
    this.#schema = schema;
    this.#rowType = new Struct(schema.fields);
    this.#builder = builder;
  }

  get isEmpty(): boolean {
    return this.#rows === 0 && this.#builder.rows === 0;
  }

  get rows(): number {
    return this.#rows + this.#builder.rows;
  }

  /** About how many bytes the rows take. */
  get bytes(): number {
    return this.#bytes + this.#builder.bytes;
  }

  /**
   * Encodes the rows of one put.
   *
   * @param encode appends them to the builder
   * @throws what `encode` throws; then none of them is staged
   */
  addRows(put: WaitingPut, encode: (builder: StorageRows) => void): void {
    const mark = this.#builder.mark();
    try {
      encode(this.#builder);
    } catch (error) {
      this.#builder.rollback(mark);
      throw error;
    }
    this.#rowPuts.push({ put, rows: this.#builder.rows - mark });
  }

  /** Takes a small batch of the storage schema. */
  addBatch(put: WaitingPut, batch: RecordBatchLike, bytes: number): void {
    this.#sealRows();
    this.#pieces.push({ batch, puts: [{ put, rows: batch.numRows }] });
    this.#rows += batch.numRows;
    this.#bytes += bytes;
  }

  /**
   * Hands over what is staged, as one batch if it can be. A put that cannot be appended by itself either is rejected.
   *
   * @param sink.append lays a batch out, for these puts; throws UsageError when it is malformed
   * @param sink.reject ends puts whose rows could not be appended
   */
  drain(sink: StagedRowsSink): void {
    const pieces = this.#take();
    const puts = putsOf(pieces);
    if (puts.length === 0) return;
    try {
      sink.append(this.#join(pieces), puts);
    } catch (error) {
      const isOnes = error instanceof UsageError || error instanceof FullError;
      if (isOnes && puts.length > 1) for (const piece of pieces) appendEach(piece, sink);
      else sink.reject(puts, error);
    }
  }

  /** Drops what is staged. */
  clear(): WaitingPut[] {
    return putsOf(this.#take());
  }

  #take(): Piece[] {
    this.#sealRows();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#rows = 0;
    this.#bytes = 0;
    return pieces;
  }

  #sealRows(): void {
    if (this.#builder.rows === 0) return;
    this.#bytes += this.#builder.bytes;
    const batch = this.#builder.finish();
    this.#pieces.push({ batch, puts: this.#rowPuts });
    this.#rowPuts = [];
    this.#rows += batch.numRows;
  }

  #join(pieces: readonly Piece[]): RecordBatchLike {
    const [first] = pieces;
    if (first !== undefined && pieces.length === 1) return first.batch;
    const fields = this.#schema.fields;
    const columns = fields.map((field, i) => {
      const chunks: DataLike[] = pieces.map(({ batch }) => columnOf(batch, i, field.name));
      return concatData(field.type, chunks);
    });
    const rows = pieces.reduce((sum, { batch }) => sum + batch.numRows, 0);
    return recordBatch(this.#schema, this.#rowType, rows, columns);
  }
}

function putsOf(pieces: readonly Piece[]): WaitingPut[] {
  return pieces.flatMap(({ puts }) => puts.map(({ put }) => put));
}

/** Appends the puts of a piece one by one. */
function appendEach({ batch, puts }: Piece, sink: StagedRowsSink): void {
  let end = 0;
  for (const { put, rows } of puts) {
    const begin = end;
    end += rows;
    try {
      sink.append(puts.length === 1 ? batch : sliceOf(batch, begin, end), [put]);
    } catch (error) {
      sink.reject([put], error);
    }
  }
}

/** Only rows that were encoded here lie side by side in one batch. */
function sliceOf(batch: RecordBatchLike, begin: number, end: number): RecordBatchLike {
  if (!(batch instanceof RecordBatch)) throw new UsageError("a batch of several puts is none of this writer's own");
  return batch.slice(begin, end);
}

function columnOf(batch: RecordBatchLike, index: number, name: string): DataLike {
  const data = batch.data.children[index];
  if (data === undefined || data.length !== batch.numRows) {
    throw new UsageError(
      `column ${JSON.stringify(name)} has ${data?.length ?? "no"} rows, its batch has ${batch.numRows}`,
    );
  }
  return data;
}
