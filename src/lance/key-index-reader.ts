/**
 * Reads the `_pk_index` of an SSTable (key-pages.ts): a data file of Lance without a dataset around it.
 *
 * LanceDB reads datasets. So one is made of the rows that the file should hold, in a temporary directory, and its data file is exchanged for
 * a copy of the one in question: what is then read is what that one holds, up to the number of rows expected.
 *
 * @module
 */
import { copyFile, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RecordBatchLike } from "../arrow/shape.js";
import { CorruptError } from "../errors.js";
import { DatasetReader } from "./dataset-reader.js";
import type { KeyList } from "./key-list.js";
import { keyPages } from "./key-pages.js";
import { createDataset } from "./lance-dataset.js";
import type { LanceDb } from "./lancedb-module.js";
import { DATASET_SUFFIX, KEY_INDEX_DIRECTORY, PAGE_DATA_FILE } from "./ss-table-files.js";

const NAME = "keys";
/** Version of Lance's data files that the index has. */
const STORAGE_VERSION = "2.0";

/**
 * The pairs of key (`values`) and row (`ids`) in the order of the file.
 *
 * @param directory of the SSTable
 * @param keys that the SSTable has
 * @throws StorageError when LanceDB cannot read the file; CorruptError when there is none
 */
export async function* readKeyIndex(
  lancedb: LanceDb,
  directory: string,
  keys: KeyList,
): AsyncGenerator<RecordBatchLike, void, undefined> {
  const workshop = await mkdtemp(join(tmpdir(), "pennon-index-"));
  try {
    const connection = await lancedb.connect(workshop);
    try {
      await createDataset(connection, NAME, keyPages(keys).data, { storageVersion: STORAGE_VERSION });
    } finally {
      connection.close();
    }
    const data = join(workshop, NAME + DATASET_SUFFIX, "data");
    const [file] = await readdir(data);
    const source = join(directory, KEY_INDEX_DIRECTORY, PAGE_DATA_FILE);
    if (file === undefined) throw new CorruptError(`${data} holds no file`);
    await copyFile(source, join(data, file));
    const reader = await DatasetReader.open(join(workshop, NAME + DATASET_SUFFIX));
    try {
      yield* reader.scan({ columns: ["values", "ids"], batchRows: 8192 });
    } finally {
      await reader.close();
    }
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
}
