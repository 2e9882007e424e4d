/**
 * Writes an SSTable: the newest row of each key of a frozen memtable, as a Lance dataset with the index and the filters of its keys.
 *
 * Order of events; a crash between any two leaves a directory that no manifest lists, which garbage collection removes:
 *
 * 1. The rows are laid out as one Arrow file, their keys collected and hashed.
 * 2. LanceDB creates the dataset `<name>.lance` of it. Meanwhile the keys are put in order, and LanceDB makes the two files of `_pk_index`
 *    of them; both filters are written.
 * 3. Where the base table keeps vector indexes, LanceDB builds an exact one.
 * 4. Every file and directory is made durable, LanceDB has synced none.
 * 5. The directory gets its final name, and that is made durable.
 *
 * Then it may be published (ss-table-publish.ts).
 *
 * @module
 */
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Connection } from "@lancedb/lancedb";
import type { DataType, Schema } from "apache-arrow";
import { IpcFile } from "../arrow/ipc-file.js";
import type { RecordBatchLike } from "../arrow/shape.js";
import { StorageError, UsageError } from "../errors.js";
import { beforeEffect } from "../storage/file-errors.js";
import { syncDirectory, syncTree } from "../storage/sync-tree.js";
import { encodeKeyFilter, encodeLanceFilter } from "./bloom-filter.js";
import { KeyList } from "./key-list.js";
import { keyPages } from "./key-pages.js";
import { createDataset } from "./lance-dataset.js";
import type { LanceDb } from "./lancedb-module.js";
import type { SsTable } from "./shard-manifest.js";
import {
  DATASET_SUFFIX,
  FILTER_FILE,
  KEY_INDEX_DIRECTORY,
  LANCE_FILTER_FILE,
  newSsTableName,
  PAGE_DATA_FILE,
  PAGE_LOOKUP_FILE,
} from "./ss-table-files.js";
import { indexVectors, type VectorIndex } from "./ss-table-vectors.js";
import { storageCall } from "./storage-call.js";
import { NO_UNKNOWN_FIELDS } from "./wire-message.js";

/** What becomes an SSTable. */
export interface SsTableOptions {
  readonly lancedb: LanceDb;
  /** Absolute path of the shard's directory, which exists. */
  readonly shardDirectory: string;
  readonly generation: number;
  /** Of the rows: the storage schema. */
  readonly schema: Schema;
  /** Names of the key columns, in the order of the key. */
  readonly primaryKey: readonly string[];
  /** The rows: one for each key, the newest, tombstones included. May lie in shared memory. */
  readonly batches: () => Iterable<RecordBatchLike> | AsyncIterable<RecordBatchLike>;
  /** How many rows the batches have together; 1 at least. */
  readonly rows: number;
  /** Vector indexes of the base table. */
  readonly vectorIndexes: readonly VectorIndex[];
  /** Bytes that the rows take in memory, about. */
  readonly inMemoryBytes: number;
  /** Name of the directory, made by `newSsTableName`. @default a new one */
  readonly directory?: string | undefined;
  /** Looked at between steps. */
  readonly signal?: AbortSignal | undefined;
}

/** Index files have the version that LanceDB's own have. */
const INDEX_STORAGE_VERSION = "2.0";
/** Where they are made. */
const WORKSHOP_DIRECTORY = "_pk_index_files";

/**
 * Writes an SSTable durably. It belongs to no table before it is published.
 *
 * @throws UsageError when there are no rows, more or fewer than announced, or rows of another schema; TooLargeError when they take
 * more than 4 GiB; StorageError, RetryableError when LanceDB or the file system fails; the signal's reason. Then what was written
 * is removed, as far as possible
 */
export async function writeSsTable(options: SsTableOptions): Promise<SsTable> {
  const { lancedb, shardDirectory, generation, signal } = options;
  signal?.throwIfAborted();
  const { rows, keys } = await layOut(options);
  const { directory: path = newSsTableName(generation) } = options;
  const growing = join(shardDirectory, path + DATASET_SUFFIX);
  const finished = join(shardDirectory, path);
  try {
    const connection = await storageCall(`cannot open ${shardDirectory}`, () => lancedb.connect(shardDirectory));
    try {
      // All of them end before anything is removed.
      const steps = await Promise.allSettled([
        createDataset(connection, path, rows),
        writeKeys(lancedb, growing, keys),
      ]);
      for (const step of steps) if (step.status === "rejected") throw step.reason;
      signal?.throwIfAborted();
      await indexVectors(lancedb, connection, path, options.vectorIndexes);
    } finally {
      connection.close();
    }
    signal?.throwIfAborted();
    await syncTree(growing);
    await fileCall(`Renaming ${growing}`, () => rename(growing, finished));
    await syncDirectory(shardDirectory);
    await syncDirectory(dirname(shardDirectory));
  } catch (error) {
    for (const left of [growing, finished]) await rm(left, { recursive: true, force: true }).catch(() => {});
    throw error;
  }
  return {
    generation,
    path,
    inMemoryBytes: options.inMemoryBytes,
    physicalRows: options.rows,
    primaryKeyBytes: keys.arrowBytes,
    unknown: NO_UNKNOWN_FIELDS,
  };
}

/** The rows as an Arrow file, and their keys. */
async function layOut(options: SsTableOptions): Promise<{ readonly rows: Uint8Array; readonly keys: KeyList }> {
  const { schema, primaryKey, signal } = options;
  if (!(Number.isInteger(options.rows) && options.rows >= 1)) {
    throw new UsageError(`an SSTable of ${options.rows} rows; expected a whole number, 1 or more`);
  }
  const places = primaryKey.map((name) => schema.fields.findIndex((field) => field.name === name));
  const types = places.map((place, i): DataType => {
    const type = schema.fields[place]?.type;
    if (type !== undefined) return type;
    throw new UsageError(`the key column ${JSON.stringify(primaryKey[i])} is not in the schema of the rows`);
  });
  const keys = new KeyList(types, options.rows);
  const file = new IpcFile(schema, options.inMemoryBytes);
  for await (const batch of options.batches()) {
    signal?.throwIfAborted();
    // First, as it checks the columns that the keys are then read from.
    file.append(batch);
    const columns = places.map((place) => batch.data.children[place]).filter((column) => column !== undefined);
    keys.append(columns, batch.numRows);
  }
  if (keys.rows !== options.rows) {
    throw new UsageError(`there are ${keys.rows} rows; expected ${options.rows}, as announced`);
  }
  return { rows: file.finish(), keys };
}

/** The index of the keys and their filters. */
async function writeKeys(lancedb: LanceDb, ssTable: string, keys: KeyList): Promise<void> {
  const pages = keyPages(keys);
  const index = join(ssTable, KEY_INDEX_DIRECTORY);
  const workshop = join(ssTable, WORKSHOP_DIRECTORY);
  await fileCall(`Making ${index}`, () => mkdir(index, { recursive: true }));
  const connection = await storageCall(`cannot open ${workshop}`, () => lancedb.connect(workshop));
  try {
    await extractDataFile(connection, workshop, pages.data, join(index, PAGE_DATA_FILE));
    await extractDataFile(connection, workshop, pages.lookup, join(index, PAGE_LOOKUP_FILE));
  } finally {
    connection.close();
  }
  await fileCall(`Writing into ${ssTable}`, async () => {
    await rm(workshop, { recursive: true });
    await writeFile(join(ssTable, LANCE_FILTER_FILE), encodeLanceFilter(keys.lanceHashes));
    await writeFile(join(ssTable, FILTER_FILE), encodeKeyFilter(keys.hashes));
  });
}

/** A data file of Lance: made as the one of a dataset, of which nothing else is kept. */
async function extractDataFile(connection: Connection, workshop: string, rows: Uint8Array, to: string): Promise<void> {
  const name = basename(to, DATASET_SUFFIX);
  await createDataset(connection, name, rows, { storageVersion: INDEX_STORAGE_VERSION });
  const data = join(workshop, name + DATASET_SUFFIX, "data");
  await fileCall(`Moving the file of ${data}`, async () => {
    const [file, another] = await readdir(data);
    if (file === undefined || another !== undefined) throw new StorageError(`${data} does not hold just one file`);
    await rename(join(data, file), to);
  });
}

async function fileCall<T>(doing: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw error instanceof StorageError ? error : beforeEffect(error, doing);
  }
}
