/**
 * Makes the SSTable of a frozen memtable and publishes it.
 *
 * Order of events: the newest row of each key becomes an SSTable, every file of it durable (ss-table-writer.ts) → one commit of the manifest
 * lists it and advances the position from which the log is replayed (ss-table-publish.ts) → the memtable may be released. A crash before the
 * commit leaves a directory that no manifest lists, and the log, which is replayed. After the commit the log's part is not needed.
 *
 * @module
 */
import type { Memtable } from "../memtable/memtable.js";
import { baseVectorIndexes } from "./base-vector-indexes.js";
import type { LanceDb } from "./lancedb-module.js";
import type { ManifestStore } from "./manifest-store.js";
import { newestBatches, newestRowCount } from "./newest-batches.js";
import type { SsTable } from "./shard-manifest.js";
import { publishSsTable } from "./ss-table-publish.js";
import { writeSsTable } from "./ss-table-writer.js";

/** What is flushed, and to where. */
export interface FlushOptions {
  readonly lancedb: LanceDb;
  readonly database: string;
  /** Name of the base table. */
  readonly name: string;
  /** Absolute path. */
  readonly shardDirectory: string;
  readonly manifests: ManifestStore;
  /** Of the writer's claim. */
  readonly epoch: number;
  readonly primaryKey: readonly string[];
  /** Frozen; all its rows are in the log. */
  readonly memtable: Memtable;
  readonly generation: number;
  /** Name of the SSTable's directory, made by `newSsTableName`. @default a new one */
  readonly directory?: string | undefined;
  /** Last entry of the log that it covers. */
  readonly replayAfter: number;
  /** Called before each step. */
  readonly onStep?: ((step: string) => Promise<void> | void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * @throws ConflictError when the shard was claimed by another writer; OutcomeUnknownError when it is not known whether the SSTable was
 * published; StorageError, RetryableError when LanceDB or the file system fails
 */
export async function flushMemtable(options: FlushOptions): Promise<SsTable> {
  const { lancedb, database, name, shardDirectory, manifests, epoch, primaryKey, memtable, signal } = options;
  const { generation, directory, replayAfter, onStep } = options;
  await onStep?.("write the SSTable");
  const table = await writeSsTable({
    lancedb,
    shardDirectory,
    generation,
    directory,
    schema: memtable.store.schema,
    primaryKey,
    batches: () => newestBatches(memtable),
    rows: newestRowCount(memtable),
    vectorIndexes: await baseVectorIndexes(lancedb, database, name),
    inMemoryBytes: memtable.store.totalBytes,
    signal,
  });
  await onStep?.("publish the SSTable");
  await publishSsTable(manifests, epoch, { table, replayAfter });
  await onStep?.("published");
  return table;
}
