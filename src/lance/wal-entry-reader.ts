/**
 * Log entries, as they are read: those of our own writers and those of Lance's.
 *
 * An entry of ours proves itself first: it has to end with the end-of-stream marker, and every byte before it has to agree with the
 * checksum (`wal-entry.ts`). Lance's entries have no checksum, and the marker may be missing. Both are then read in place
 * through the same checks; what lies inside the buffers (offsets, indices of dictionaries) is judged when the batches are appended to a store.
 *
 * @module
 */
import { type Data, type RecordBatch, type Schema, Struct } from "apache-arrow";
import { type BatchPlan, compileBatchPlan } from "../arrow/batch-plan.js";
import { arrowData } from "../arrow/data.js";
import { recordBatch } from "../arrow/record-batch.js";
import { decodeSchemaMessage, encodeSchemaMessage, normaliseSchema } from "../arrow/schema.js";
import type { SchemaLike } from "../arrow/shape.js";
import { WireColumns, WireReader } from "../arrow/wire-reader.js";
import { readSchemaMessage } from "../arrow/wire-schema.js";
import { CorruptError } from "../errors.js";
import { crc32 } from "./crc32.js";
import {
  COLUMNS_ADVICE,
  type EntryBytes,
  entryBytes,
  headerEnd,
  namingEntry,
  runEnd,
  type Span,
} from "./entry-frame.js";
import { type EntryHeaderContents, EntryHeaderReader } from "./entry-header-reader.js";
import { type EntryMessage, EntryMessages } from "./entry-messages.js";
import { DIGITS, type EntryMetadata, hexAt, type OwnEntry, ownEntry, parseEntryMetadata } from "./entry-metadata.js";

/** An entry. */
export interface WalEntry {
  readonly writerEpoch: number;
  /** True for an entry that carries no rows and only takes a position. */
  readonly sentinel: boolean;
  /** What an entry of ours says of itself; undefined for Lance's, and for sentinels. */
  readonly own: OwnEntry | undefined;
  /** Views on the entry's bytes, in the order of the entry; one without rows is among them when the writer made it. */
  readonly batches: RecordBatch[];
  /** Of all batches. */
  readonly rows: number;
}

/** How an entry is read. */
export interface ReadEntryOptions {
  /** The object's key, for error messages. */
  readonly key: string;
  /** The storage schema. What is made of it is kept as long as this very object is. */
  readonly schema: Schema;
}

/** What a checksum says of its entry. */
export type ChecksumState = "ok" | "absent" | "wrong";

/** An entry, as far as it can be told without its table. */
export interface EntryInspection {
  readonly writerEpoch: number;
  readonly sentinel: boolean;
  readonly own: OwnEntry | undefined;
  /** Batches, their rows, and dictionaries, up to the damage if there is any. */
  readonly batches: number;
  readonly rows: number;
  readonly dictionaries: number;
  readonly checksum: ChecksumState;
  /** What is wrong behind the schema message, and where; undefined when nothing is. */
  readonly damage: string | undefined;
}

const readers = new WeakMap<Schema, EntryReader>();

/**
 * Reads an entry. The batches are views on `bytes`, which must not change while they are in use.
 *
 * @throws CorruptError, naming the file and the byte range, when the bytes are not a whole entry of this schema
 */
export function readEntry(bytes: Uint8Array, { key, schema }: ReadEntryOptions): WalEntry {
  let reader = readers.get(schema);
  if (reader === undefined) {
    reader = new EntryReader(schema);
    readers.set(schema, reader);
  }
  return reader.read(bytes, key);
}

/**
 * Tells what an entry is, without reading its values.
 *
 * @throws CorruptError when it cannot even be told who wrote it
 */
export function inspectEntry(bytes: Uint8Array, key: string): EntryInspection {
  const span = { from: 0, to: bytes.length };
  const counts = { batches: 0, rows: 0, dictionaries: 0 };
  let entry: EntryBytes;
  let header: Uint8Array;
  let metadata: EntryMetadata;
  let own: OwnEntry | undefined;
  try {
    entry = entryBytes(bytes);
    span.to = headerEnd(entry);
    header = entry.bytes.subarray(0, span.to);
    metadata = parseEntryMetadata(readSchemaMessage(header).metadata);
    own = ownEntry(metadata, header);
  } catch (error) {
    throw namingEntry(error, key, span);
  }
  const { writerEpoch, sentinel } = metadata;
  const checksum = checksumState(entry, header.length, metadata);
  let damage: string | undefined;
  try {
    requireEnd(entry, header.length, metadata, span);
    const messages = new EntryMessages();
    for (let at = header.length; ; ) {
      const message = messages.at(entry, at, span);
      if (message === undefined) break;
      if (message.dictionary !== undefined) counts.dictionaries++;
      else {
        counts.batches++;
        counts.rows += message.place.rows;
      }
      at = message.to;
    }
    if (sentinel && counts.batches > 0) throw new CorruptError("a fence sentinel holds batches; expected none");
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error;
    damage = `bytes ${span.from} to ${span.to}: ${error.message}`;
  }
  if (checksum === "wrong") damage ??= `bytes 0 to ${bytes.length}: they do not agree with their checksum`;
  return { writerEpoch, sentinel, own, ...counts, checksum, damage };
}

/** Reads the entries of one storage schema. */
class EntryReader {
  readonly #plan: BatchPlan;
  readonly #rowType: Struct;
  readonly #headers: EntryHeaderReader;
  readonly #messages: EntryMessages;
  readonly #columns: WireColumns;
  readonly #columnsWithoutTombstone: WireColumns;
  readonly #dictionaryColumns: readonly WireColumns[];

  constructor(schema: SchemaLike) {
    const plan = compileBatchPlan(decodeSchemaMessage(encodeSchemaMessage(normaliseSchema(schema))));
    this.#plan = plan;
    this.#rowType = new Struct(plan.schema.fields);
    this.#headers = new EntryHeaderReader(plan.schema);
    this.#messages = new EntryMessages(plan);
    this.#columns = WireColumns.ofBatch(plan);
    this.#columnsWithoutTombstone = WireColumns.ofBatch(plan, true);
    this.#dictionaryColumns = plan.dictionaries.map((dictionary) => WireColumns.ofDictionary(dictionary));
  }

  read(bytes: Uint8Array, key: string): WalEntry {
    const span: Span = { from: 0, to: bytes.length };
    try {
      return this.#read(entryBytes(bytes), span);
    } catch (error) {
      throw namingEntry(error, key, span);
    }
  }

  #read(entry: EntryBytes, span: Span): WalEntry {
    const end = headerEnd(entry);
    span.to = end;
    const header = this.#headers.read(entry, end);
    const { metadata } = header;
    const { writerEpoch, sentinel } = metadata;
    requireEnd(entry, end, metadata, span);
    if (checksumState(entry, end, metadata) === "wrong") {
      span.from = 0;
      span.to = entry.bytes.length;
      throw new CorruptError("they do not agree with their checksum");
    }
    if (header.difference !== undefined) {
      span.from = 0;
      span.to = end;
      span.advice = COLUMNS_ADVICE;
      throw new CorruptError(`its columns are not the table's: ${header.difference}`);
    }
    this.#headers.accept(header, entry, end);
    const own = ownEntry(metadata, entry.bytes);
    const batches: RecordBatch[] = [];
    let rows = 0;
    const reader = new WireReader(entry.u32, this.#plan);
    for (let at = end; ; ) {
      const message = this.#messages.at(entry, at, span);
      if (message === undefined) break;
      if (sentinel) throw new CorruptError("a fence sentinel holds a batch; expected none");
      if (message.dictionary !== undefined) this.#define(reader, message, header);
      else batches.push(this.#batch(reader, message, header));
      if (message.dictionary === undefined) rows += message.place.rows;
      at = message.to;
    }
    return { writerEpoch, sentinel, own, batches, rows };
  }

  #define(reader: WireReader, { place, dictionary }: EntryMessage, { dictionaryIds }: EntryHeaderContents): void {
    // Other writers may share one dictionary between columns; here every column has its own.
    let found = false;
    for (const plan of this.#plan.dictionaries) {
      const columns = this.#dictionaryColumns[plan.index];
      if (columns === undefined || dictionaryIds[plan.index] !== dictionary?.id) continue;
      reader.place(columns, place).define(plan, dictionary?.isDelta ?? false);
      found = true;
    }
    if (!found) throw new CorruptError(`it brings dictionary ${dictionary?.id}, which no column has`);
  }

  #batch(reader: WireReader, { place }: EntryMessage, { lacksTombstone }: EntryHeaderContents): RecordBatch {
    const { schema } = this.#plan;
    const { columns } = lacksTombstone ? this.#columnsWithoutTombstone : this.#columns;
    reader.place(lacksTombstone ? this.#columnsWithoutTombstone : this.#columns, place);
    const children: Data[] = [];
    for (const column of columns) children.push(column.read(reader));
    const tombstone = lacksTombstone ? schema.fields.at(-1) : undefined;
    if (tombstone !== undefined) {
      children.push(arrowData(tombstone.type, place.rows, 0, { values: new Uint8Array(Math.ceil(place.rows / 8)) }));
    }
    return recordBatch(schema, this.#rowType, place.rows, children);
  }
}

/** Throws when an entry that must end with the end-of-stream marker does not. */
function requireEnd(entry: EntryBytes, headerEnd: number, metadata: EntryMetadata, span: Span): void {
  if (metadata.crc32 === undefined || runEnd(entry, headerEnd) !== undefined) return;
  span.from = headerEnd;
  span.to = entry.bytes.length;
  throw new CorruptError("the file is cut off: it does not end with the end-of-stream marker of an Arrow stream");
}

const ZERO_DIGITS = new Uint8Array(DIGITS.crc32).fill(48);

function checksumState(entry: EntryBytes, headerEnd: number, metadata: EntryMetadata): ChecksumState {
  const digits = metadata.crc32;
  if (digits === undefined) return "absent";
  const { bytes } = entry;
  const end = runEnd(entry, headerEnd) ?? bytes.length;
  const found = crc32([
    bytes.subarray(headerEnd, end),
    bytes.subarray(0, digits.start),
    ZERO_DIGITS,
    bytes.subarray(digits.start + DIGITS.crc32, headerEnd),
  ]);
  return found === hexAt(bytes, digits.start, DIGITS.crc32) ? "ok" : "wrong";
}
