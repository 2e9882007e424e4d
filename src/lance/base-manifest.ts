/**
 * The indexes that a manifest of a base table names.
 *
 * ```
 * IndexSection   1 repeated IndexMetadata
 * IndexMetadata  3 name (string)  6 index_details (google.protobuf.Any)
 * Any            1 type_url (string)  2 value (bytes)
 * ```
 *
 * @module
 */
import { CorruptError } from "../errors.js";
import type { ObjectStore } from "../storage/object-store.js";
import { readNewestManifest } from "./base-manifest-file.js";
import { readMessage } from "./wire-message.js";

/** An index as the manifest names it. */
export interface IndexDetails {
  readonly name: string;
  /** Full name of the message in `details`, as a URL: its last part counts. */
  readonly type: string;
  readonly details: Uint8Array;
}

/** A version of a base table. */
export interface BaseManifest {
  /** Path of the file. */
  readonly name: string;
  readonly version: number;
  readonly indexes: readonly IndexDetails[];
}

/**
 * The newest version of a base table.
 *
 * @param table rooted at the table's directory
 * @throws UsageError when there is no version of any table; CorruptError when the newest is damaged
 */
export async function readBaseManifest(table: ObjectStore): Promise<BaseManifest> {
  const { name, version, indexSection } = await readNewestManifest(table);
  const indexes: IndexDetails[] = [];
  try {
    readMessage(indexSection ?? new Uint8Array(), (number, field) => {
      if (number !== 1) return false;
      indexes.push(decodeIndex(field.bytes()));
      return true;
    });
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new CorruptError(`${name} is no manifest of a Lance table: ${problem}`, { cause: error });
  }
  return { name, version, indexes };
}

function decodeIndex(encoded: Uint8Array): IndexDetails {
  let name = "";
  let type = "";
  let details: Uint8Array = new Uint8Array();
  readMessage(encoded, (number, field) => {
    if (number === 3) name = field.string();
    else if (number === 6) {
      readMessage(field.bytes(), (part, value) => {
        if (part === 1) type = value.string();
        else if (part === 2) details = value.bytes();
        else return false;
        return true;
      });
    } else return false;
    return true;
  });
  return { name, type, details };
}
