/**
 * The manifest of a shard: who may write to it, what of its log is covered by SSTables, and which SSTables there are.
 *
 * Protobuf, `lance.table.ShardManifest` of Lance 12:
 *
 * ```
 * ShardManifest   1 version  2 writer_epoch  3 replay_after_wal_entry_position  4 wal_entry_position_last_seen
 *                 6 current_generation  8 repeated SsTable  10 shard_spec_id (uint32)  11 UUID shard_id
 *                 14 repeated ShardFieldEntry  15 status (enum: 0 active, 1 sealed)          all others uint64
 * SsTable         1 generation  2 path (string)  3 in_memory_bytes?  4 physical_rows?  5 primary_key_bytes?
 * ShardFieldEntry 1 field_id (string)  2 value (bytes)
 * UUID            1 uuid (16 bytes)
 * ```
 *
 * A manifest is immutable; a change writes the next version. Fields that we do not know, in any of these messages, are kept through
 * a change byte for byte, behind those that we know: their writers may be newer than we are.
 *
 * @module
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { CorruptError, UsageError } from "../errors.js";
import { concat, NO_UNKNOWN_FIELDS, readMessage, type UnknownFields } from "./wire-message.js";

/** A small Lance dataset that holds the newest row of each key of one memtable. */
export interface SsTable {
  /** Ascends in the order in which the memtables were filled. */
  readonly generation: number;
  /** Directory, relative to the shard's. */
  readonly path: string;
  readonly inMemoryBytes: number | undefined;
  /** Rows in its files, those hidden by the deletion vector included. */
  readonly physicalRows: number | undefined;
  readonly primaryKeyBytes: number | undefined;
  readonly unknown: UnknownFields;
}

/** The value that all rows of the shard have in one field of the sharding spec. */
export interface ShardFieldEntry {
  readonly fieldId: string;
  /** An Arrow scalar, little-endian. */
  readonly value: Uint8Array;
  readonly unknown: UnknownFields;
}

export interface ShardManifest {
  /** 1, 2, 3 …: each change has the next. */
  readonly version: number;
  /** Fencing token: the epoch of the one writer that may write. 0 before the first claim. */
  readonly writerEpoch: number;
  /** Position of the last log entry that an SSTable covers; 0 is none. Replay starts behind it. */
  readonly replayAfter: number;
  /** Some position that was once the newest of the log. A hint. */
  readonly lastSeen: number;
  /** Generation of the next SSTable. */
  readonly currentGeneration: number;
  /** Oldest first. */
  readonly ssTables: readonly SsTable[];
  /** 0 for a shard made by hand, 1 for those of LanceDB. */
  readonly shardSpecId: number;
  /** 16 bytes. */
  readonly shardId: Uint8Array;
  readonly fieldEntries: readonly ShardFieldEntry[];
  /** A sealed shard takes no more writers. A number is a status that we do not know. */
  readonly status: "active" | "sealed" | number;
  readonly unknown: UnknownFields;
  /** Those of the message that holds the shard's id. */
  readonly shardIdUnknown: UnknownFields;
}

const SHARD_ID_BYTES = 16;
const ACTIVE = 0;
const SEALED = 1;

/** The manifest of a shard that nobody has written to: version 0, which is never stored. */
export function newShardManifest(shardId: Uint8Array, shardSpecId: number): ShardManifest {
  return {
    version: 0,
    writerEpoch: 0,
    replayAfter: 0,
    lastSeen: 0,
    currentGeneration: 1,
    ssTables: [],
    shardSpecId,
    shardId,
    fieldEntries: [],
    status: "active",
    unknown: NO_UNKNOWN_FIELDS,
    shardIdUnknown: NO_UNKNOWN_FIELDS,
  };
}

/** @throws UsageError when a number in it is none that can be stored */
export function encodeShardManifest(manifest: ShardManifest): Uint8Array {
  const writer = new BinaryWriter();
  uint64(writer, 1, manifest.version);
  uint64(writer, 2, manifest.writerEpoch);
  uint64(writer, 3, manifest.replayAfter);
  uint64(writer, 4, manifest.lastSeen);
  uint64(writer, 6, manifest.currentGeneration);
  for (const table of manifest.ssTables) bytes(writer, 8, encodeSsTable(table));
  uint64(writer, 10, manifest.shardSpecId);
  const id = new BinaryWriter();
  bytes(id, 1, manifest.shardId);
  bytes(writer, 11, id.raw(manifest.shardIdUnknown).finish());
  for (const entry of manifest.fieldEntries) bytes(writer, 14, encodeFieldEntry(entry));
  const status = statusNumber(manifest.status);
  if (status !== ACTIVE) writer.tag(15, WireType.Varint).int32(status);
  return writer.raw(manifest.unknown).finish();
}

/**
 * @param name what errors call these bytes: the file they come from
 * @throws CorruptError when they are no shard manifest, or hold a number above 2^53 − 1
 */
export function decodeShardManifest(encoded: Uint8Array, name: string): ShardManifest {
  try {
    return decode(encoded);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new CorruptError(
      `${name} is no shard manifest: ${problem} (${encoded.byteLength} bytes; expected a protobuf message lance.table.ShardManifest)`,
      { cause: error },
    );
  }
}

function decode(encoded: Uint8Array): ShardManifest {
  const numbers = { version: 0, writerEpoch: 0, replayAfter: 0, lastSeen: 0, currentGeneration: 0, shardSpecId: 0 };
  const ssTables: SsTable[] = [];
  const shardId: Uint8Array[] = [];
  const fieldEntries: ShardFieldEntry[] = [];
  let status = ACTIVE;
  const unknown = readMessage(encoded, (number, field) => {
    if (number === 1) numbers.version = field.uint64();
    else if (number === 2) numbers.writerEpoch = field.uint64();
    else if (number === 3) numbers.replayAfter = field.uint64();
    else if (number === 4) numbers.lastSeen = field.uint64();
    else if (number === 6) numbers.currentGeneration = field.uint64();
    else if (number === 8) ssTables.push(decodeSsTable(field.bytes()));
    else if (number === 10) numbers.shardSpecId = field.uint32();
    else if (number === 11) shardId.push(field.bytes());
    else if (number === 14) fieldEntries.push(decodeFieldEntry(field.bytes()));
    else if (number === 15) status = field.int32();
    else return false;
    return true;
  });
  // A message that stands twice is one message with the fields of both.
  const id = decodeUuid(concat(shardId));
  return {
    ...numbers,
    ssTables,
    shardId: id.bytes,
    fieldEntries,
    status: statusOf(status),
    unknown,
    shardIdUnknown: id.unknown,
  };
}

function encodeSsTable(table: SsTable): Uint8Array {
  const writer = new BinaryWriter();
  uint64(writer, 1, table.generation);
  string(writer, 2, table.path);
  optionalUint64(writer, 3, table.inMemoryBytes);
  optionalUint64(writer, 4, table.physicalRows);
  optionalUint64(writer, 5, table.primaryKeyBytes);
  return writer.raw(table.unknown).finish();
}

function decodeSsTable(encoded: Uint8Array): SsTable {
  let generation = 0;
  let path = "";
  let inMemoryBytes: number | undefined;
  let physicalRows: number | undefined;
  let primaryKeyBytes: number | undefined;
  const unknown = readMessage(encoded, (number, field) => {
    if (number === 1) generation = field.uint64();
    else if (number === 2) path = field.string();
    else if (number === 3) inMemoryBytes = field.uint64();
    else if (number === 4) physicalRows = field.uint64();
    else if (number === 5) primaryKeyBytes = field.uint64();
    else return false;
    return true;
  });
  return { generation, path, inMemoryBytes, physicalRows, primaryKeyBytes, unknown };
}

function encodeFieldEntry(entry: ShardFieldEntry): Uint8Array {
  const writer = new BinaryWriter();
  string(writer, 1, entry.fieldId);
  if (entry.value.byteLength > 0) bytes(writer, 2, entry.value);
  return writer.raw(entry.unknown).finish();
}

function decodeFieldEntry(encoded: Uint8Array): ShardFieldEntry {
  let fieldId = "";
  let value: Uint8Array = new Uint8Array();
  const unknown = readMessage(encoded, (number, field) => {
    if (number === 1) fieldId = field.string();
    else if (number === 2) value = field.bytes().slice();
    else return false;
    return true;
  });
  return { fieldId, value, unknown };
}

function decodeUuid(encoded: Uint8Array): { bytes: Uint8Array; unknown: UnknownFields } {
  let id: Uint8Array = new Uint8Array();
  const unknown = readMessage(encoded, (number, field) => {
    if (number !== 1) return false;
    id = field.bytes();
    return true;
  });
  if (id.byteLength !== SHARD_ID_BYTES) {
    throw new CorruptError(`the shard's id has ${id.byteLength} bytes, not ${SHARD_ID_BYTES}`);
  }
  return { bytes: id, unknown };
}

function statusOf(status: number): ShardManifest["status"] {
  if (status === ACTIVE) return "active";
  return status === SEALED ? "sealed" : status;
}

function statusNumber(status: ShardManifest["status"]): number {
  if (status === "active") return ACTIVE;
  return status === "sealed" ? SEALED : status;
}

/** Zero is not written, as a field that is missing is zero. */
function uint64(writer: BinaryWriter, field: number, value: number): void {
  if (value !== 0) optionalUint64(writer, field, value);
}

function optionalUint64(writer: BinaryWriter, field: number, value: number | undefined): void {
  if (value === undefined) return;
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new UsageError(`field ${field} of a shard manifest is ${value}; expected a whole number from 0 to 2^53 − 1`);
  }
  writer.tag(field, WireType.Varint).uint64(value);
}

function string(writer: BinaryWriter, field: number, value: string): void {
  if (value !== "") writer.tag(field, WireType.LengthDelimited).string(value);
}

function bytes(writer: BinaryWriter, field: number, value: Uint8Array): void {
  writer.tag(field, WireType.LengthDelimited).bytes(value);
}
