/**
 * The manifest of a base table: where its newest version is, and the indexes it names.
 *
 * ```
 * _versions/<20 digits: 2^64 − 1 − version>.manifest     naming scheme 2, the newest is first in a listing
 * _versions/<version>.manifest                           naming scheme 1
 *
 * file      … [u32 length, IndexSection] … [u32 length, Manifest] … footer (16 bytes)
 * footer    u64 offset of the Manifest's length · u16 major · u16 minor · "LANC"          all little-endian
 *
 * Manifest       3 version (uint64)  6 index_section (uint64: offset of its length; absent without indexes)
 * IndexSection   1 repeated IndexMetadata
 * IndexMetadata  3 name (string)  6 index_details (google.protobuf.Any)
 * Any            1 type_url (string)  2 value (bytes)
 * ```
 *
 * Nothing here is ever written: base tables are LanceDB's.
 *
 * @module
 */
import { CorruptError, UsageError } from "../errors.js";
import { ObjectNotFoundError, type ObjectStore } from "../storage/object-store.js";
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

const VERSIONS = "_versions/";
const MANIFEST = /^(\d{1,20})\.manifest$/;
/** Names with so many digits follow scheme 2, as Lance tells them apart. */
const SCHEME_2_DIGITS = 20;
const U64_MAX = 2n ** 64n - 1n;

const FOOTER_BYTES = 16;
const MAGIC = "LANC";
const LENGTH_BYTES = 4;

/** A table may drop old versions while we look: the newest is looked for so often. */
const MAX_TRIES = 4;

/**
 * The newest version of a base table.
 *
 * @param table rooted at the table's directory
 * @throws UsageError when there is no version of any table; CorruptError when the newest is damaged
 */
export async function readBaseManifest(table: ObjectStore): Promise<BaseManifest> {
  for (let i = 1; ; i++) {
    const key = await newestKey(table);
    if (key === undefined) {
      throw new UsageError(`${table.name} is no Lance table; expected a directory with ${VERSIONS}*.manifest in it`);
    }
    try {
      return await read(table, key);
    } catch (error) {
      if (!(error instanceof ObjectNotFoundError) || i === MAX_TRIES) throw error;
    }
  }
}

async function newestKey(table: ObjectStore): Promise<string | undefined> {
  let newest = -1n;
  let found: string | undefined;
  for await (const { key } of table.list(VERSIONS)) {
    const digits = MANIFEST.exec(key.slice(VERSIONS.length))?.[1];
    if (digits === undefined) continue;
    const version = digits.length === SCHEME_2_DIGITS ? U64_MAX - BigInt(digits) : BigInt(digits);
    if (version <= newest) continue;
    newest = version;
    found = key;
  }
  return found;
}

async function read(table: ObjectStore, key: string): Promise<BaseManifest> {
  const file = await table.get(key);
  const name = `${table.name}/${key}`;
  try {
    const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
    const footer = bytes.length - FOOTER_BYTES;
    if (footer < 0 || bytes.toString("latin1", bytes.length - MAGIC.length) !== MAGIC) {
      throw new CorruptError(`it does not end in ${MAGIC}`);
    }
    return { name, ...decode(bytes.subarray(0, footer), bytes.readBigUInt64LE(footer)) };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new CorruptError(`${name} is no manifest of a Lance table: ${problem} (${file.byteLength} bytes)`, {
      cause: error,
    });
  }
}

function decode(bytes: Buffer, offset: bigint): Omit<BaseManifest, "name"> {
  let version = 0;
  let indexSection: number | undefined;
  readMessage(messageAt(bytes, Number(offset)), (number, field) => {
    if (number === 3) version = field.uint64();
    else if (number === 6) indexSection = field.uint64();
    else return false;
    return true;
  });
  const indexes: IndexDetails[] = [];
  if (indexSection !== undefined) {
    readMessage(messageAt(bytes, indexSection), (number, field) => {
      if (number !== 1) return false;
      indexes.push(decodeIndex(field.bytes()));
      return true;
    });
  }
  return { version, indexes };
}

function messageAt(bytes: Buffer, offset: number): Buffer {
  const start = offset + LENGTH_BYTES;
  const end = start <= bytes.length ? start + bytes.readUInt32LE(offset) : start;
  if (end <= bytes.length) return bytes.subarray(start, end);
  throw new CorruptError(`a message at byte ${offset} ends at ${end}, behind byte ${bytes.length} of the file`);
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
