/**
 * The next version of a base table with the same contents: one that says how far a shard is merged into it, or one that fences.
 *
 * ```
 * Manifest       3 version  6 index_section  7 timestamp {1 seconds  2 nanos}  12 transaction_file (string)
 *                21 transaction_section (uint64: offset of its length)                      these are set, all others kept
 *                4 version_aux_data  9 reader_feature_flags  10 writer_feature_flags  20 branch          looked at, and kept
 * Transaction    1 read_version (uint64)  2 uuid (string)  106 Restore {1 version (uint64)} or 110 UpdateConfig {}
 * ```
 *
 * - Everything else is kept byte for byte, at every level, behind what is set: other indexes, what the index says of other shards, fields
 *   that nobody here knows.
 * - A manifest of a form that was never held against LanceDB is left alone: another format or naming scheme, feature flags that stand for
 *   something unknown, a branch, or an unknown number, which could be the offset of something that lies elsewhere in the new file.
 * - What the transaction says is for those who commit at the same time, from an older version. UpdateConfig, here of nothing, they pass
 *   over: `add`, `update`, `delete`, `mergeInsert`, `optimize`, index creation, `addColumns` of LanceDB are carried out on top of it.
 *   (DataReplacement, 111, would stop `addColumns`; UpdateMemWalState, 112, which Lance's own compaction writes, `add`, `delete` and index
 *   creation.) Restore, here of the very version before, stops all of them: they fail as incompatible until their handles are refreshed.
 *   Only a merge or update whose rows a third process has changed before it is begun anew by LanceDB itself, on the newest version.
 *
 * @module
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { FILE_FORMAT, type ManifestFile, manifestFile } from "./base-manifest-file.js";
import { type CompactedSsTable, decodeCompacted, isMemWalDetails, MEM_WAL_INDEX } from "./mem-wal-index.js";
import { parseUuid } from "./shard-id.js";
import { readMessage, type WireField } from "./wire-message.js";

/** The transaction of the new version. */
export interface VersionTransaction {
  readonly uuid: string;
  /** Milliseconds since 1970. */
  readonly timestampMs: number;
}

/** The new version, or why there is none. */
export type EditedManifest =
  | { readonly file: Uint8Array; readonly transaction: Uint8Array; readonly transactionFile: string }
  | { readonly refused: string }
  /** It says so already, or that more is merged. */
  | { readonly already: number };

/** Deletion files, stable row ids, table config. */
const KNOWN_FLAGS = 1 | 2 | 8;
/** Numbers of the manifest that are kept and known to be no offsets: largest fragment id, next row id. */
const KNOWN_NUMBERS: readonly number[] = [11, 14];

/** @param merged SSTables of this shard up to this generation are in the table's contents */
export function withCompacted(
  manifest: ManifestFile,
  merged: CompactedSsTable,
  transaction: VersionTransaction,
): EditedManifest {
  const { indexSection } = manifest;
  if (indexSection === undefined) return { refused: "the table has no LSM write spec" };
  const edited = readIndexes(indexSection, merged);
  return "section" in edited ? nextVersion(manifest, edited.section, UPDATE_CONFIG, transaction) : edited;
}

/** The version that fences. */
export function asFence(manifest: ManifestFile, transaction: VersionTransaction): EditedManifest {
  const restore = message((writer) => writer.tag(1, WireType.Varint).uint64(manifest.version));
  return nextVersion(manifest, manifest.indexSection ?? new Uint8Array(), { number: 106, body: restore }, transaction);
}

/** What a transaction does: the number of its field, and the message in it. */
interface Operation {
  readonly number: number;
  readonly body: Uint8Array;
}

const UPDATE_CONFIG: Operation = { number: 110, body: new Uint8Array() };

function nextVersion(
  { manifest, version, format, scheme }: ManifestFile,
  indexSection: Uint8Array,
  operation: Operation,
  { uuid, timestampMs }: VersionTransaction,
): EditedManifest {
  if (scheme !== 2) return { refused: `its versions are named by scheme ${scheme}; expected 2` };
  if (format !== FILE_FORMAT) return { refused: `its format is ${format}; expected ${FILE_FORMAT}` };
  const known = readManifest(manifest);
  if (known.problem !== undefined) return { refused: known.problem };
  const transaction = message((writer) => {
    writer.tag(1, WireType.Varint).uint64(version);
    writer.tag(2, WireType.LengthDelimited).string(uuid);
    bytes(writer, operation.number, operation.body);
  });
  const transactionFile = `${version}-${uuid}.txn`;
  const file = manifestFile(indexSection, transaction, (offsets) =>
    message((writer) => {
      writer.raw(known.kept);
      writer.tag(3, WireType.Varint).uint64(version + 1);
      writer.tag(6, WireType.Varint).uint64(offsets.indexSection);
      writer.tag(7, WireType.LengthDelimited).bytes(timestamp(timestampMs));
      writer.tag(12, WireType.LengthDelimited).string(transactionFile);
      writer.tag(21, WireType.Varint).uint64(offsets.transaction);
    }),
  );
  return { file, transaction, transactionFile };
}

function readManifest(manifest: Uint8Array): { readonly kept: Uint8Array; readonly problem: string | undefined } {
  const kept = readMessage(manifest, (number, field) => {
    if (number === 3 || number === 6 || number === 21) field.uint64();
    else if (number === 7 || number === 12) field.bytes();
    else return false;
    return true;
  });
  let problem: string | undefined;
  readMessage(kept, (number, field) => {
    if (number === 20) problem ??= "it is of a branch";
    if (number === 9 || number === 10) {
      const flags = field.uint64();
      if (flags > KNOWN_FLAGS || (flags & ~KNOWN_FLAGS) !== 0) problem ??= `its feature flags are ${flags}`;
      return true;
    }
    if (field.isNumber && !KNOWN_NUMBERS.includes(number))
      problem ??= `its field ${number} is a number of unknown meaning`;
    return false;
  });
  return { kept, problem };
}

type EditedIndexes =
  | { readonly section: Uint8Array }
  | Extract<EditedManifest, { refused: string } | { already: number }>;

function readIndexes(section: Uint8Array, merged: CompactedSsTable): EditedIndexes {
  const indexes: Uint8Array[] = [];
  let outcome: EditedIndexes | undefined;
  const kept = readMessage(section, (number, field) => {
    if (number !== 1) return false;
    const encoded = field.bytes();
    if (nameOf(encoded) !== MEM_WAL_INDEX) {
      indexes.push(encoded);
      return true;
    }
    const edited = editIndex(encoded, merged);
    if (edited instanceof Uint8Array) {
      indexes.push(edited);
      outcome = { section: new Uint8Array() };
    } else outcome = edited;
    return true;
  });
  if (outcome === undefined) return { refused: "the table has no LSM write spec" };
  if (!("section" in outcome)) return outcome;
  return { section: message((writer) => indexes.reduce((w, index) => bytes(w, 1, index), writer).raw(kept)) };
}

function nameOf(index: Uint8Array): string {
  let name = "";
  readMessage(index, (number, field) => {
    if (number !== 3) return false;
    name = field.string();
    return true;
  });
  return name;
}

function editIndex(
  index: Uint8Array,
  merged: CompactedSsTable,
): Uint8Array | Exclude<EditedIndexes, { section: Uint8Array }> {
  let details: Uint8Array | undefined;
  let type = "";
  let anyKept: Uint8Array = new Uint8Array();
  const kept = readMessage(index, (number, field) => {
    if (number !== 6) return false;
    anyKept = readMessage(field.bytes(), (part, value) => {
      if (part === 1) type = value.string();
      else if (part === 2) details = value.bytes();
      else return false;
      return true;
    });
    return true;
  });
  if (details === undefined || !isMemWalDetails(type)) {
    return { refused: `the details of its index ${MEM_WAL_INDEX} are of type ${JSON.stringify(type)}` };
  }
  const edited = editDetails(details, merged);
  if (!(edited instanceof Uint8Array)) return edited;
  const any = message((writer) => {
    writer.tag(1, WireType.LengthDelimited).string(type);
    bytes(writer, 2, edited).raw(anyKept);
  });
  return message((writer) => bytes(writer.raw(kept), 6, any));
}

/** Of this shard one entry stays, the new one; those of others stay as they are. */
function editDetails(details: Uint8Array, merged: CompactedSsTable): Uint8Array | { readonly already: number } {
  let already = 0;
  const others: Uint8Array[] = [];
  const kept = readMessage(details, (number, field: WireField) => {
    if (number !== 9) return false;
    const encoded = field.bytes();
    const entry = decodeCompacted(encoded);
    if (entry.shardId === merged.shardId) already = Math.max(already, entry.generation);
    else others.push(encoded);
    return true;
  });
  if (already >= merged.generation) return { already };
  const entry = message((writer) => {
    bytes(
      writer,
      1,
      message((id) => bytes(id, 1, parseUuid(merged.shardId))),
    );
    writer.tag(2, WireType.Varint).uint64(merged.generation);
  });
  return message((writer) => [...others, entry].reduce((w, part) => bytes(w, 9, part), writer.raw(kept)));
}

function timestamp(milliseconds: number): Uint8Array {
  return message((writer) => {
    writer.tag(1, WireType.Varint).int64(Math.floor(milliseconds / 1_000));
    writer.tag(2, WireType.Varint).int32((milliseconds % 1_000) * 1_000_000);
  });
}

function message(write: (writer: BinaryWriter) => unknown): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}

function bytes(writer: BinaryWriter, number: number, value: Uint8Array): BinaryWriter {
  return writer.tag(number, WireType.LengthDelimited).bytes(value);
}
