/**
 * The files that a version of a base table consists of.
 *
 * ```
 * Manifest       2 repeated DataFragment  12 transaction_file (string)
 * DataFragment   1 id (uint64)  2 repeated DataFile  3 DeletionFile?  6, 8, 10 ExternalFile? (which Lance 12 reads and never writes)
 * DataFile       1 path (string, below data/)  7 base_id?
 * DeletionFile   1 type (0 arrow, 1 bitmap)  2 read_version (uint64)  3 id (uint64)  7 base_id?
 *                lies at _deletions/<fragment id>-<read version>-<id>.arrow or .bin
 * IndexMetadata  1 UUID {1 bytes}; its files lie in _indices/<uuid>/
 * ```
 *
 * Files with a base_id lie in another table, from which this one was cloned; they are no business of ours.
 *
 * @module
 */
import { CorruptError } from "../errors.js";
import { type ManifestFile, TRANSACTIONS_PREFIX } from "./base-manifest-file.js";
import { formatUuid } from "./shard-id.js";
import { readMessage, type WireField } from "./wire-message.js";

/** What a version needs to be read, as keys relative to the table's directory. */
export interface BaseFiles {
  readonly files: readonly string[];
  /** Directories, with a slash at the end: of indexes, all files in them. Those that are indexes in name only do not exist. */
  readonly directories: readonly string[];
}

/** @throws CorruptError when the manifest is damaged */
export function baseFiles({ manifest, indexSection, name, key }: ManifestFile): BaseFiles {
  const files = [key];
  const directories: string[] = [];
  try {
    readMessage(manifest, (number, field) => {
      if (number === 2) files.push(...fragmentFiles(field.bytes()));
      else if (number === 12) files.push(`${TRANSACTIONS_PREFIX}${field.string()}`);
      else return false;
      return true;
    });
    readMessage(indexSection ?? new Uint8Array(), (number, field) => {
      if (number !== 1) return false;
      directories.push(`_indices/${uuidOf(field.bytes())}/`);
      return true;
    });
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new CorruptError(`${name} names its files in a way that is not known: ${problem}`, { cause: error });
  }
  return { files, directories };
}

function fragmentFiles(fragment: Uint8Array): string[] {
  const files: string[] = [];
  let id = 0;
  let deletions: Uint8Array | undefined;
  readMessage(fragment, (number, field) => {
    if (number === 1) id = field.uint64();
    else if (number === 2) files.push(...dataFile(field.bytes()));
    else if (number === 3) deletions = field.bytes();
    else if (number === 6 || number === 8 || number === 10)
      throw new CorruptError(`fragment ${id} has row ids in a file`);
    else return false;
    return true;
  });
  if (deletions !== undefined) files.push(...deletionFile(id, deletions));
  return files;
}

function dataFile(file: Uint8Array): string[] {
  let path = "";
  let isForeign = false;
  readMessage(file, (number, field) => {
    if (number === 1) path = field.string();
    else if (number === 7) isForeign = true;
    return number === 1;
  });
  return isForeign ? [] : [`data/${path}`];
}

function deletionFile(fragment: number, file: Uint8Array): string[] {
  let type = 0;
  let readVersion = 0n;
  let id = 0n;
  let isForeign = false;
  readMessage(file, (number, field: WireField) => {
    if (number === 1) type = field.int32();
    else if (number === 2) readVersion = field.bigUint64();
    else if (number === 3) id = field.bigUint64();
    else {
      isForeign ||= number === 7;
      return false;
    }
    return true;
  });
  return isForeign ? [] : [`_deletions/${fragment}-${readVersion}-${id}.${type === 0 ? "arrow" : "bin"}`];
}

function uuidOf(index: Uint8Array): string {
  let uuid: Uint8Array = new Uint8Array();
  readMessage(index, (number, field) => {
    if (number !== 1) return false;
    readMessage(field.bytes(), (part, value) => {
      if (part !== 1) return false;
      uuid = value.bytes();
      return true;
    });
    return true;
  });
  return formatUuid(uuid);
}
