/**
 * The label of a log entry: what its first bytes say of it, read without the rest.
 *
 * @module
 */
import { readSchemaMessage } from "../arrow/wire-schema.js";
import { CorruptError } from "../errors.js";
import { ObjectNotFoundError, type ObjectStore } from "../storage/object-store.js";
import { entryBytes, headerEnd, namingEntry, PREFIX_BYTES } from "./entry-frame.js";
import { type OwnEntry, ownEntry, parseEntryMetadata } from "./entry-metadata.js";
import { walKey } from "./names.js";

/** What an entry says of itself. */
export interface EntryLabel {
  readonly writerEpoch: number;
  /** True for an entry that carries no rows and only takes a position. */
  readonly sentinel: boolean;
  /** Undefined for Lance's entries, and for sentinels. */
  readonly own: OwnEntry | undefined;
}

/** Holds the schema message of most tables. */
const FIRST_BYTES = 4096;
/** A schema message is no longer than this. */
const MAX_BYTES = 2 ** 24;

/**
 * @returns undefined when there is no entry at the position
 * @throws CorruptError, naming the file, when its beginning is none of an entry; what the store throws
 */
export async function readEntryLabel(store: ObjectStore, position: number): Promise<EntryLabel | undefined> {
  const key = walKey(position);
  try {
    let bytes = await store.getRange(key, 0, FIRST_BYTES);
    const stated = statedEnd(bytes);
    if (stated > bytes.byteLength && stated <= MAX_BYTES) bytes = await store.getRange(key, 0, stated);
    return labelOf(bytes, key);
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}

function labelOf(bytes: Uint8Array, key: string): EntryLabel {
  try {
    const entry = entryBytes(bytes);
    const header = entry.bytes.subarray(0, headerEnd(entry));
    const metadata = parseEntryMetadata(readSchemaMessage(header).metadata);
    const { writerEpoch, sentinel } = metadata;
    return { writerEpoch, sentinel, own: sentinel ? undefined : ownEntry(metadata, header) };
  } catch (error) {
    const named = namingEntry(error, key, { from: 0, to: bytes.byteLength });
    if (named instanceof CorruptError) throw named;
    throw new CorruptError(`${key}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Where the schema message says that it ends; 0 when there is none. */
function statedEnd(bytes: Uint8Array): number {
  if (bytes.byteLength < PREFIX_BYTES) return 0;
  return PREFIX_BYTES + new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
}
