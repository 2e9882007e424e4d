/**
 * Entries for tests: batches in a store, and the bytes of the entry that a writer makes of them.
 *
 * @module
 */
import { Bool, Field, makeData, type RecordBatch, RecordBatchStreamWriter, Schema } from "apache-arrow";
import { batchOf } from "../../test/arrow-arbitrary.js";
import { encodeSchemaMessage } from "../arrow/schema.js";
import { readSchemaMessage } from "../arrow/wire-schema.js";
import { BatchStore } from "../store/batch-store.js";
import { crc32 } from "./crc32.js";
import { TOMBSTONE } from "./storage-schema.js";
import { EntryHeader, type EntryOptions, type EntryWriter } from "./wal-entry.js";

export const WRITER: EntryWriter = { writerEpoch: 7, writerId: "00112233445566778899aabbccddeeff" };

/** `schema` with the column of tombstones behind its own. */
export function withTombstone(schema: Schema): Schema {
  return new Schema([...schema.fields, new Field(TOMBSTONE, new Bool(), false)], new Map(schema.metadata));
}

/** `batch` with tombstones: false but where `deleted` says so. `schema` is that of `withTombstone`. */
export function tombstoned(schema: Schema, batch: RecordBatch, deleted: readonly number[] = []): RecordBatch {
  const rows = batch.numRows;
  const data = new Uint8Array(Math.ceil(rows / 8));
  for (const row of deleted) data[row >> 3] = (data[row >> 3] ?? 0) | (1 << (row & 7));
  const tombstones = makeData({ type: new Bool(), length: rows, nullCount: 0, data });
  return batchOf(schema, rows, [...batch.data.children, tombstones]);
}

/** A store that holds `batches`. */
export function storeOf(schema: Schema, batches: readonly RecordBatch[], bytes = 4 * 1024 * 1024): BatchStore {
  const store = BatchStore.create({ schema, bytes, capacity: Math.max(16, batches.length), prefault: false });
  for (const batch of batches) store.append(batch);
  return store;
}

/** The entry of the batches [from, to) of `store`. */
export function entryOf(
  store: BatchStore,
  options: Partial<EntryOptions & EntryWriter> & { readonly from?: number; readonly to?: number } = {},
): Buffer {
  const parts = store.ipcParts(options.from, options.to).slice(1);
  const header = new EntryHeader(store.schema, { ...WRITER, ...options }).bytes({
    sequence: options.sequence ?? 1,
    crc32: crc32(parts.slice(0, -1)),
    durable: options.durable ?? true,
    counters: options.counters ?? new Map(),
  });
  return Buffer.concat([header, ...parts]);
}

/** The entry that another writer makes of the batches of `store`, in the arena's layout, with no key of ours. */
export function plainEntryOf(
  store: BatchStore,
  metadata: Readonly<Record<string, string>> = { writer_epoch: "3" },
): Buffer {
  const schema = new Schema(store.schema.fields, new Map(Object.entries(metadata)));
  return Buffer.concat([encodeSchemaMessage(schema), ...store.ipcParts().slice(1)]);
}

/** The entry that apache-arrow's own writer makes of batches. */
export function apacheEntryOf(
  schema: Schema,
  batches: readonly RecordBatch[],
  metadata: Readonly<Record<string, string>> = { writer_epoch: "3" },
): Buffer {
  const marked = new Schema(schema.fields, new Map(Object.entries(metadata)));
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, marked);
  for (const batch of batches) writer.write(batchOf(marked, batch.numRows, [...batch.data.children]));
  return Buffer.from(writer.finish().toUint8Array(true));
}

/** `entry`, whose bytes were changed, with the checksum that they should have. */
export function resealed(entry: Uint8Array): Buffer {
  const bytes = Buffer.from(entry);
  const end = 8 + bytes.readUInt32LE(4);
  const { metadata } = readSchemaMessage(bytes.subarray(0, end));
  const { start } = metadata.find(({ key }) => key === "pennon:crc32") ?? { start: 0 };
  bytes.fill("0", start, start + 8);
  const checksum = crc32([bytes.subarray(0, end)], crc32([bytes.subarray(end, -8)]));
  bytes.write(checksum.toString(16).padStart(8, "0"), start);
  return bytes;
}
