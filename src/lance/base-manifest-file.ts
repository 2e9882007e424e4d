/**
 * The file of a base table's manifest: finding the newest, taking it apart into its messages, and putting one together.
 *
 * ```
 * _versions/<20 digits: 2^64 − 1 − version>.manifest     naming scheme 2, the newest is first in a listing
 * _versions/<version>.manifest                           naming scheme 1
 *
 * file      [u32 length, IndexSection] [u32 length, Transaction] [u32 length, Manifest] footer (16 bytes)
 * footer    u64 offset of the Manifest's length · u16 major · u16 minor · "LANC"          all little-endian
 *
 * Manifest  3 version (uint64)  6 index_section (uint64: offset of its length; absent without indexes)
 * ```
 *
 * The two sections in front may be missing, and lie in any order with other bytes between them: only offsets count.
 *
 * @module
 */
import { CorruptError, UsageError } from "../errors.js";
import { ObjectNotFoundError, type ObjectStore } from "../storage/object-store.js";
import { concat, readMessage } from "./wire-message.js";

/** Which of Lance's two ways names the versions of a table. */
export type NamingScheme = 1 | 2;

/** A manifest's file, taken apart but not decoded. */
export interface ManifestFile {
  readonly key: string;
  /** Path of the file. */
  readonly name: string;
  readonly version: number;
  readonly scheme: NamingScheme;
  /** Version of the file's format, as its footer says. */
  readonly format: string;
  /** The message Manifest: a view. */
  readonly manifest: Uint8Array;
  /** The message IndexSection: a view; undefined for a table without indexes. */
  readonly indexSection: Uint8Array | undefined;
}

/** What the keys of manifests start with. */
export const VERSIONS_PREFIX = "_versions/";
/** What the keys of transactions start with. */
export const TRANSACTIONS_PREFIX = "_transactions/";

const MANIFEST = /^(\d{1,20})\.manifest$/;
/** Names with so many digits follow scheme 2, as Lance tells them apart. */
const SCHEME_2_DIGITS = 20;
const U64_MAX = 2n ** 64n - 1n;

const FOOTER_BYTES = 16;
const MAGIC = "LANC";
const LENGTH_BYTES = 4;
const MAJOR = 0;
const MINOR = 2;
/** Of files that {@link manifestFile} makes. */
export const FILE_FORMAT = `${MAJOR}.${MINOR}`;

/** A table may drop old versions while we look: the newest is looked for so often. */
const MAX_TRIES = 4;

/** Key of a version under naming scheme 2. */
export function baseManifestKey(version: number): string {
  return `${VERSIONS_PREFIX}${String(U64_MAX - BigInt(version)).padStart(SCHEME_2_DIGITS, "0")}.manifest`;
}

/** The version and scheme that a key stands for; undefined when it is no manifest's. */
export function parseBaseManifestKey(
  key: string,
): { readonly version: bigint; readonly scheme: NamingScheme } | undefined {
  if (!key.startsWith(VERSIONS_PREFIX)) return undefined;
  const digits = MANIFEST.exec(key.slice(VERSIONS_PREFIX.length))?.[1];
  if (digits === undefined) return undefined;
  if (digits.length < SCHEME_2_DIGITS) return { version: BigInt(digits), scheme: 1 };
  return { version: U64_MAX - BigInt(digits), scheme: 2 };
}

/**
 * The newest version of a base table.
 *
 * @param table rooted at the table's directory
 * @throws UsageError when there is no version of any table; CorruptError when the newest is damaged
 */
export async function readNewestManifest(table: ObjectStore): Promise<ManifestFile> {
  for (let i = 1; ; i++) {
    const newest = await newestKey(table);
    if (newest === undefined) {
      throw new UsageError(
        `${table.name} is no Lance table; expected a directory with ${VERSIONS_PREFIX}*.manifest in it`,
      );
    }
    try {
      return takeApart(await table.get(newest.key), table.name, newest.key, newest.scheme);
    } catch (error) {
      if (!(error instanceof ObjectNotFoundError) || i === MAX_TRIES) throw error;
    }
  }
}

/**
 * Puts a file together, of the form that LanceDB 0.39 writes.
 *
 * @param manifest given the offsets of the two sections, returns the message Manifest
 */
export function manifestFile(
  indexSection: Uint8Array,
  transaction: Uint8Array,
  manifest: (offsets: { readonly indexSection: number; readonly transaction: number }) => Uint8Array,
): Uint8Array {
  const index = section(indexSection);
  const offsets = { indexSection: 0, transaction: index.byteLength };
  const parts = [index, section(transaction)];
  const offset = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const footer = Buffer.alloc(FOOTER_BYTES);
  footer.writeBigUInt64LE(BigInt(offset));
  footer.writeUInt16LE(MAJOR, 8);
  footer.writeUInt16LE(MINOR, 10);
  footer.write(MAGIC, 12, "latin1");
  return concat([...parts, section(manifest(offsets)), footer]);
}

async function newestKey(
  table: ObjectStore,
): Promise<{ readonly key: string; readonly scheme: NamingScheme } | undefined> {
  let newest = -1n;
  let found: { readonly key: string; readonly scheme: NamingScheme } | undefined;
  for await (const { key } of table.list(VERSIONS_PREFIX)) {
    const named = parseBaseManifestKey(key);
    if (named === undefined || named.version <= newest) continue;
    newest = named.version;
    found = { key, scheme: named.scheme };
  }
  return found;
}

function takeApart(file: Uint8Array, table: string, key: string, scheme: NamingScheme): ManifestFile {
  const name = `${table}/${key}`;
  try {
    const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
    const footer = bytes.length - FOOTER_BYTES;
    if (footer < 0 || bytes.toString("latin1", bytes.length - MAGIC.length) !== MAGIC) {
      throw new CorruptError(`it does not end in ${MAGIC}`);
    }
    const format = `${bytes.readUInt16LE(footer + 8)}.${bytes.readUInt16LE(footer + 10)}`;
    const body = bytes.subarray(0, footer);
    const manifest = messageAt(body, Number(bytes.readBigUInt64LE(footer)));
    let version = 0;
    let indexSection: number | undefined;
    readMessage(manifest, (number, field) => {
      if (number === 3) version = field.uint64();
      else if (number === 6) indexSection = field.uint64();
      else return false;
      return true;
    });
    const index = indexSection === undefined ? undefined : messageAt(body, indexSection);
    return { key, name, version, scheme, format, manifest, indexSection: index };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new CorruptError(`${name} is no manifest of a Lance table: ${problem} (${file.byteLength} bytes)`, {
      cause: error,
    });
  }
}

function messageAt(bytes: Buffer, offset: number): Buffer {
  const start = offset + LENGTH_BYTES;
  const end = start <= bytes.length ? start + bytes.readUInt32LE(offset) : start;
  if (end <= bytes.length) return bytes.subarray(start, end);
  throw new CorruptError(`a message at byte ${offset} ends at ${end}, behind byte ${bytes.length} of the file`);
}

function section(message: Uint8Array): Uint8Array {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(message.byteLength);
  return concat([length, message]);
}
