/**
 * The rows of SSTables that are the newest of their key, in portions for one commit each: rows to upsert, and keys to delete.
 *
 * SSTables are read newest first, each once, as a stream; a row whose key was read before is left out. So each key comes once, and the order
 * of the portions means nothing. In memory are the portion that is being gathered, a batch, and the keys of all SSTables but the oldest.
 *
 * @module
 */
import { type Data, Schema, Struct } from "apache-arrow";
import { IpcFile } from "../arrow/ipc-file.js";
import { ownData } from "../arrow/own-data.js";
import { recordBatch } from "../arrow/record-batch.js";
import type { DataLike, RecordBatchLike } from "../arrow/shape.js";
import { takeRows } from "../arrow/take.js";
import { ConflictError, CorruptError } from "../errors.js";
import { DatasetReader } from "../lance/dataset-reader.js";
import { keySetPredicate, MAX_PREDICATE_KEYS } from "../lance/key-predicate.js";
import { TOMBSTONE } from "../lance/storage-schema.js";
import { NewestKeys } from "./newest-keys.js";

/** A portion. */
export type MergeChunk =
  | { readonly kind: "upsert"; readonly rows: number /** An Arrow IPC file. */; readonly file: Uint8Array }
  | { readonly kind: "delete"; readonly rows: number /** In LanceDB's SQL. */; readonly predicate: string };

/** What is read. */
export interface MergeSource {
  /** Directories of the SSTables, oldest first. */
  readonly directories: readonly string[];
  /** Columns of the table. */
  readonly schema: Schema;
  readonly primaryKey: readonly string[];
  /** A portion of rows is full when it has so many bytes … */
  readonly maxBytes: number;
  /** … or so many rows; one of keys to delete when it has so many. */
  readonly maxRows: number;
  readonly maxDeletes: number;
  /** Looked at before each batch. */
  readonly signal?: AbortSignal | undefined;
}

/** Rows of a batch: few enough for wide ones, enough for narrow ones to be read quickly. */
const BATCH_ROWS = 8_192;
/** What a file has at least. */
const SMALLEST_FILE_BYTES = 2 ** 16;

/**
 * @throws ConflictError when an SSTable does not have the table's columns; GoneError when one has been removed; CorruptError when it holds
 * something else than it should; StorageError when LanceDB fails; the signal's reason
 */
export async function* mergeChunks(source: MergeSource): AsyncGenerator<MergeChunk, void> {
  const newest = new NewestKeys();
  const upserts = new Upserts(source);
  const deletes = new Deletes(source);
  for (const [i, directory] of [...source.directories].reverse().entries()) {
    const isLast = i === source.directories.length - 1;
    const reader = await DatasetReader.open(directory);
    try {
      assertColumns(reader, source.schema);
      const names = source.schema.fields.map(({ name }) => name);
      const columns = reader.columns.includes(TOMBSTONE) ? [...names, TOMBSTONE] : names;
      for await (const batch of reader.scan({ columns, batchRows: BATCH_ROWS })) {
        source.signal?.throwIfAborted();
        const rows = new MergeBatch(batch, source);
        const selected = newest.select(rows.keys, batch.numRows, isLast);
        const { live, deleted } = rows.split(selected);
        if (live.length > 0 && upserts.add(rows, live)) yield upserts.take();
        if (deleted.length > 0) yield* deletes.add(rows.keys, deleted);
      }
    } finally {
      await reader.close();
    }
  }
  if (upserts.rows > 0) yield upserts.take();
  if (deletes.rows > 0) yield deletes.take();
}

/** A batch of an SSTable as columns of the table. */
class MergeBatch {
  readonly rows: number;
  readonly columns: readonly Data[];
  readonly keys: readonly Data[];
  readonly #tombstones: DataLike | undefined;

  constructor({ data, numRows }: RecordBatchLike, { schema, primaryKey }: MergeSource) {
    this.rows = numRows;
    this.columns = schema.fields.map(({ name, type }, i) => {
      const child = data.children[i];
      if (child?.length !== numRows)
        throw new CorruptError(`the column ${JSON.stringify(name)} of an SSTable is cut off`);
      return ownData(type, child);
    });
    this.keys = primaryKey.flatMap(
      (name) => this.columns[schema.fields.findIndex((field) => field.name === name)] ?? [],
    );
    this.#tombstones = data.children[schema.fields.length];
  }

  /** These rows, those that are there and those that delete their key. */
  split(rows: Uint32Array): { readonly live: Uint32Array; readonly deleted: Uint32Array } {
    const { values, offset = 0 } = this.#tombstones ?? {};
    if (!(values instanceof Uint8Array)) return { live: rows, deleted: new Uint32Array() };
    const isDeleted = (row: number) => (((values[(offset + row) >>> 3] ?? 0) >>> ((offset + row) & 7)) & 1) === 1;
    return { live: rows.filter((row) => !isDeleted(row)), deleted: rows.filter(isDeleted) };
  }
}

/** Gathers rows to upsert. */
class Upserts {
  rows = 0;
  readonly #source: MergeSource;
  readonly #schema: Schema;
  readonly #type: Struct;
  #file: IpcFile | undefined;
  #bytes = 0;

  constructor(source: MergeSource) {
    this.#source = source;
    this.#schema = new Schema(source.schema.fields);
    this.#type = new Struct(source.schema.fields);
  }

  /** Whether the portion is full now. */
  add(batch: MergeBatch, rows: Uint32Array): boolean {
    const { maxBytes, maxRows } = this.#source;
    const columns =
      rows.length === batch.rows ? [...batch.columns] : batch.columns.map((column) => takeRows(column, rows));
    this.#file ??= new IpcFile(this.#schema, SMALLEST_FILE_BYTES);
    this.#file.append(recordBatch(this.#schema, this.#type, rows.length, columns));
    this.rows += rows.length;
    for (const column of columns) this.#bytes += bytesOf(column);
    return this.#bytes >= maxBytes || this.rows >= maxRows;
  }

  take(): MergeChunk {
    const { rows } = this;
    const file = this.#file?.finish() ?? new Uint8Array();
    this.#file = undefined;
    this.rows = 0;
    this.#bytes = 0;
    return { kind: "upsert", rows, file };
  }
}

/** Gathers keys to delete. */
class Deletes {
  rows = 0;
  readonly #source: MergeSource;
  #predicates: string[] = [];

  constructor(source: MergeSource) {
    this.#source = source;
  }

  *add(keys: readonly Data[], rows: Uint32Array): Generator<MergeChunk> {
    const { primaryKey, maxDeletes } = this.#source;
    for (let at = 0; at < rows.length; ) {
      const part = rows.subarray(at, at + Math.min(MAX_PREDICATE_KEYS, maxDeletes - this.rows));
      this.#predicates.push(keySetPredicate(primaryKey, keys, part));
      this.rows += part.length;
      at += part.length;
      if (this.rows >= maxDeletes) yield this.take();
    }
  }

  take(): MergeChunk {
    const { rows } = this;
    const predicate = this.#predicates.join(" OR ");
    this.#predicates = [];
    this.rows = 0;
    return { kind: "delete", rows, predicate };
  }
}

function assertColumns({ columns, directory }: DatasetReader, schema: Schema): void {
  const missing = schema.fields.find(({ name }) => !columns.includes(name));
  const surplus = columns.find((name) => name !== TOMBSTONE && !schema.fields.some((field) => field.name === name));
  if (missing === undefined && surplus === undefined) return;
  const what =
    missing === undefined
      ? `has a column ${JSON.stringify(surplus)}, which the table has not`
      : `lacks the column ${JSON.stringify(missing.name)} of the table`;
  throw new ConflictError(
    `the SSTable ${directory} ${what}: the table's schema was changed. Merge all SSTables before a column is added or dropped`,
  );
}

function bytesOf(data: Data): number {
  const buffers = [data.valueOffsets, data.values, data.nullBitmap, data.typeIds];
  const own = buffers.reduce((sum, buffer: ArrayBufferView | undefined) => sum + (buffer?.byteLength ?? 0), 0);
  return data.children.reduce((sum, child) => sum + bytesOf(child), own);
}
