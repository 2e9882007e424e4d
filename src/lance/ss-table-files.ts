/**
 * Names of SSTables, and of what lies in one.
 *
 * ```
 * _mem_wal/<shard id>/<8 hex>_gen_<generation>/          any name: the shard's manifest says it
 *     _versions/ _transactions/ data/ [_indices/]        the Lance dataset: the newest row of each key
 *     _pk_index/page_data.lance, page_lookup.lance       its keys (key-pages.ts); LanceDB's scan needs them
 *     bloom_filter.bin                                   LanceDB's filter (bloom-filter.ts)
 *     pennon_filter.bin                                  ours; only where we wrote the SSTable
 * ```
 *
 * While it is being written its name ends in `.lance`, as LanceDB's library names what it creates.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { isAbsent, readFailure } from "../storage/file-errors.js";

/** Directory of an SSTable with the two files of its key index. */
export const KEY_INDEX_DIRECTORY = "_pk_index";
export const PAGE_DATA_FILE = "page_data.lance";
export const PAGE_LOOKUP_FILE = "page_lookup.lance";

/** LanceDB's filter of keys. */
export const LANCE_FILTER_FILE = "bloom_filter.bin";

/** Our filter of keys. */
export const FILTER_FILE = "pennon_filter.bin";

/** What LanceDB's library adds to the name of a table. */
export const DATASET_SUFFIX = ".lance";

const NAME = /^[0-9a-f]{8}_gen_(\d+)(?:\.lance)?$/;

/** A new name for the SSTable of a generation. */
export function newSsTableName(generation: number): string {
  return `${randomBytes(4).toString("hex")}_gen_${generation}`;
}

/** The generation that the name of an SSTable says, undefined for any other name. */
export function parseSsTableName(name: string): number | undefined {
  const digits = NAME.exec(name)?.[1];
  const generation = Number(digits);
  return Number.isSafeInteger(generation) ? generation : undefined;
}

/**
 * Names of all directories of a shard that are SSTables, finished or not: those that its manifest does not list are being written, or
 * were left behind.
 *
 * @param shardDirectory which may not exist
 * @throws StorageError, RetryableError when it cannot be read
 */
export async function listSsTableDirectories(shardDirectory: string): Promise<string[]> {
  try {
    const entries = await readdir(shardDirectory, { withFileTypes: true });
    const found = entries.filter((entry) => entry.isDirectory() && parseSsTableName(entry.name) !== undefined);
    return found.map(({ name }) => name).sort();
  } catch (error) {
    if (isAbsent(error)) return [];
    throw readFailure(error, `Listing ${shardDirectory}`);
  }
}
