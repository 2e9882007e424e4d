/**
 * A Lance dataset of which one version is read through LanceDB: an SSTable, or a base table.
 *
 * - LanceDB opens what is called `<name>.lance`, and its own SSTables are not: such a directory gets a link of that name, in a temporary
 *   directory, for as long as it is open.
 * - Rows are asked for in large batches, which is four times as fast as LanceDB's 1,024 rows; its declared interface cannot say so for a
 *   stream, so the method below is looked for, and without it batches are small.
 * - `useLsm(false)` everywhere: what LanceDB would merge into a base table by itself is merged by Pennon.
 *
 * Batches are of LanceDB's own copy of apache-arrow: see `ownData`.
 *
 * @module
 */
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import type { Connection, Query, Table } from "@lancedb/lancedb";
import { isRecordBatchLike, type RecordBatchLike } from "../arrow/shape.js";
import { CorruptError, GoneError } from "../errors.js";
import { quotedName } from "./key-predicate.js";
import { loadLanceDb } from "./lancedb-module.js";
import { messageOf, storageCall } from "./storage-call.js";

const SUFFIX = ".lance";

/** What is read of a dataset. */
export interface DatasetScan {
  /** Names of columns, one at least. They come in this order. */
  readonly columns: readonly string[];
  /** In LanceDB's SQL. */
  readonly filter?: string | undefined;
  /** Rows at most. */
  readonly limit?: number | undefined;
  /** Rows of a batch at most, as far as LanceDB can be told. */
  readonly batchRows: number;
}

export class DatasetReader {
  readonly directory: string;
  /** Names of its columns. */
  readonly columns: readonly string[];
  /** Rows that are not deleted. */
  readonly rows: number;
  /** Bytes of its files for each row, about. */
  readonly rowBytes: number;
  readonly #connection: Connection;
  readonly #table: Table;
  readonly #link: string | undefined;

  private constructor(
    directory: string,
    { connection, table, link }: OpenDataset,
    columns: readonly string[],
    { rows, rowBytes }: { readonly rows: number; readonly rowBytes: number },
  ) {
    this.directory = directory;
    this.columns = columns;
    this.rows = rows;
    this.rowBytes = rowBytes;
    this.#connection = connection;
    this.#table = table;
    this.#link = link;
  }

  /**
   * @param version that is read whatever is written later; the newest when missing
   * @throws GoneError when there is no such dataset or version (any more)
   * @throws StorageError when LanceDB fails; UsageError when it is not installed
   */
  static async open(directory: string, version?: number): Promise<DatasetReader> {
    const opened = await openDataset(directory, version);
    try {
      const { table } = opened;
      const [schema, stats] = await datasetCall(`cannot open ${directory}`, () =>
        Promise.all([table.schema(), table.stats()]),
      );
      const { numRows: rows, totalBytes } = stats;
      const columns = schema.fields.map(({ name }) => name);
      return new DatasetReader(directory, opened, columns, { rows, rowBytes: rows === 0 ? 0 : totalBytes / rows });
    } catch (error) {
      await closeDataset(opened);
      throw error;
    }
  }

  /**
   * Its rows, in the order in which they lie. Ending the iteration ends the query.
   *
   * @throws GoneError when files of this version have been removed; StorageError when LanceDB fails
   */
  async *scan({ columns, filter, limit, batchRows }: DatasetScan): AsyncGenerator<RecordBatchLike, void> {
    const query = this.#table
      .query()
      .useLsm(false)
      .select([...columns]);
    if (filter !== undefined) query.where(filter);
    if (limit !== undefined) query.limit(limit);
    const batches = batchesOf(query, batchRows);
    try {
      for (;;) {
        const { value, done } = await datasetCall(`cannot read ${this.directory}`, () => batches.next());
        if (done) return;
        yield this.#checked(value, columns);
      }
    } finally {
      await batches.return?.();
    }
  }

  /**
   * Rows by their place among the rows of {@link scan}, counted from 0.
   *
   * @param offsets ascending
   * @returns batches of these rows, in the same order; a place behind the last row is left out
   * @throws as {@link scan}
   */
  async take(offsets: readonly number[], columns: readonly string[]): Promise<RecordBatchLike[]> {
    const query = this.#table
      .takeOffsets([...offsets])
      .useLsm(false)
      .select([...columns]);
    const { batches } = await datasetCall(`cannot read ${this.directory}`, () => query.toArrow());
    return batches.map((batch) => this.#checked(batch, columns));
  }

  /** Rows that a filter selects; all without one. */
  countRows(filter?: string): Promise<number> {
    return datasetCall(`cannot read ${this.directory}`, () => this.#table.countRows(filter));
  }

  /** Gives up LanceDB's handles; scans that are under way go on. */
  async close(): Promise<void> {
    await closeDataset({ connection: this.#connection, table: this.#table, link: this.#link });
  }

  #checked(batch: unknown, columns: readonly string[]): RecordBatchLike {
    if (isRecordBatchLike(batch) && batch.schema.fields.every(({ name }, i) => name === columns[i])) return batch;
    throw new CorruptError(
      `LanceDB read other columns of ${this.directory} than ${columns.map(quotedName).join(", ")}`,
    );
  }
}

/** The newest version of a Lance dataset, each time anew. */
export class NewestVersion {
  readonly #opened: OpenDataset;
  readonly #directory: string;

  private constructor(directory: string, opened: OpenDataset) {
    this.#directory = directory;
    this.#opened = opened;
  }

  /** Errors as {@link DatasetReader.open}. */
  static async open(directory: string): Promise<NewestVersion> {
    return new NewestVersion(directory, await openDataset(directory, undefined));
  }

  /** @throws GoneError when the dataset was dropped; StorageError when LanceDB fails */
  get(): Promise<number> {
    const { table } = this.#opened;
    return datasetCall(`cannot look for the newest version of ${this.#directory}`, async () => {
      await table.checkoutLatest();
      return table.version();
    });
  }

  async close(): Promise<void> {
    await closeDataset(this.#opened);
  }
}

interface OpenDataset {
  readonly connection: Connection;
  readonly table: Table;
  /** Temporary directory with a link to it. */
  readonly link: string | undefined;
}

async function openDataset(directory: string, version: number | undefined): Promise<OpenDataset> {
  const lancedb = await loadLanceDb();
  const named = basename(directory).endsWith(SUFFIX);
  const link = named ? undefined : await linkTo(directory);
  try {
    return await datasetCall(`cannot open ${directory}`, async () => {
      const connection = await lancedb.connect(link ?? dirname(directory));
      try {
        const name = named ? basename(directory).slice(0, -SUFFIX.length) : basename(directory);
        const table = await connection.openTable(name, [], version === undefined ? {} : { version });
        return { connection, table, link };
      } catch (error) {
        connection.close();
        throw error;
      }
    });
  } catch (error) {
    await removeLink(link);
    throw error;
  }
}

async function closeDataset({ connection, table, link }: OpenDataset): Promise<void> {
  table.close();
  connection.close();
  await removeLink(link);
}

function linkTo(directory: string): Promise<string> {
  return storageCall(`cannot link ${directory} for LanceDB`, async () => {
    const link = await mkdtemp(join(tmpdir(), "pennon-link-"));
    await symlink(resolve(directory), join(link, basename(directory) + SUFFIX), "junction");
    return link;
  });
}

async function removeLink(link: string | undefined): Promise<void> {
  if (link !== undefined) await rm(link, { recursive: true, force: true });
}

/** LanceDB has no codes: what is not there, or not there any more, only its messages tell. */
async function datasetCall<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await storageCall(what, action);
  } catch (error) {
    const { cause } = error instanceof Error ? error : {};
    if (!/not found/i.test(cause instanceof Error ? cause.message : "")) throw error;
    throw new GoneError(messageOf(error), { cause });
  }
}

/** What iterates over a query's batches. */
type Batches = AsyncIterator<unknown>;

function batchesOf(query: Query, batchRows: number): Batches {
  const known: unknown = query;
  if (hasExecute(known)) return known.execute({ maxBatchLength: batchRows });
  return query[Symbol.asyncIterator]();
}

function hasExecute(query: unknown): query is { execute(options: { maxBatchLength: number }): Batches } {
  if (typeof query !== "object" || query === null) return false;
  const { execute }: { execute?: unknown } = query;
  return typeof execute === "function";
}
