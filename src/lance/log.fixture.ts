/**
 * Logs for tests, in any store: entries whose rows are `id` (int64, the key) and `note` (utf8), and what a replay makes of them.
 *
 * @module
 */
import { Bool, Field, Int64, makeData, type RecordBatch, Schema, Utf8, vectorFromArray } from "apache-arrow";
import { batchOf } from "../../test/arrow-arbitrary.js";
import { END_OF_STREAM } from "../arrow/message.js";
import { encodeSchemaMessage } from "../arrow/schema.js";
import { MemoryStore } from "../storage/memory-store.js";
import type { ObjectStore } from "../storage/object-store.js";
import { BatchStore } from "../store/batch-store.js";
import { crc32 } from "./crc32.js";
import { walKey } from "./names.js";
import { storageSchema } from "./storage-schema.js";
import { discoverTip } from "./tip.js";
import { EntryHeader } from "./wal-entry.js";
import { readEntry } from "./wal-entry-reader.js";

export const tableSchema = new Schema([new Field("id", new Int64(), false), new Field("note", new Utf8(), true)]);
export const logSchema = storageSchema(tableSchema, ["id"]);

const WRITER_ID = "00112233445566778899aabbccddeeff";

/** Which rows an entry has, and what it says of itself. */
export interface LogEntry {
  /** First id; the others follow. */
  readonly from: number;
  readonly rows: number;
  /** @default 1 */
  readonly epoch?: number;
  readonly counters?: ReadonlyMap<string, bigint>;
  /** Whether it looks as if LanceDB had written it: without anything of ours. @default false */
  readonly foreign?: boolean;
}

/** Rows of the storage schema, with ids that count up from `from`. */
export function logBatch(from: number, rows: number): RecordBatch {
  const ids = BigInt64Array.from({ length: rows }, (_, i) => BigInt(from + i));
  const notes = vectorFromArray(
    Array.from({ length: rows }, (_, i) => `note ${from + i}`),
    new Utf8(),
  ).data[0];
  if (notes === undefined) throw new Error("no notes");
  const tombstones = makeData({ type: new Bool(), length: rows, data: new Uint8Array(Math.ceil(rows / 8)) });
  return batchOf(logSchema, rows, [makeData({ type: new Int64(), data: ids }), notes, tombstones]);
}

/** The bytes of an entry. */
export function logEntry({ from, rows, epoch = 1, counters = new Map(), foreign = false }: LogEntry): Uint8Array {
  const store = BatchStore.create({ schema: logSchema, bytes: 1 << 20, prefault: false });
  store.append(logBatch(from, rows));
  const run = store.ipcParts().slice(1, -1);
  const header = foreign
    ? encodeSchemaMessage(new Schema(logSchema.fields, new Map([["writer_epoch", String(epoch)]])))
    : new EntryHeader(logSchema, { writerEpoch: epoch, writerId: WRITER_ID }).bytes({
        sequence: from,
        crc32: crc32(run),
        durable: true,
        counters,
      });
  const bytes = Buffer.concat([header, ...run, END_OF_STREAM]);
  store.close();
  return bytes;
}

/** Writes entries at positions 1, 2 …; undefined leaves a position out. */
export async function writeLog(
  store: ObjectStore,
  entries: readonly (LogEntry | Uint8Array | undefined)[],
): Promise<void> {
  for (const [i, entry] of entries.entries()) {
    if (entry === undefined) continue;
    await store.putIfAbsent(walKey(i + 1), [entry instanceof Uint8Array ? entry : logEntry(entry)]);
  }
}

/** Ids of all rows behind `replayAfter`, in order. @throws what replay would */
export async function replayedIds(store: ObjectStore, replayAfter = 0): Promise<number[]> {
  const tip = await discoverTip(store, replayAfter);
  const ids: number[] = [];
  for (let position = replayAfter + 1; position < tip; position++) {
    const key = walKey(position);
    for (const batch of readEntry(await store.get(key), { key, schema: logSchema }).batches) {
      for (const id of batch.getChildAt(0) ?? []) ids.push(Number(id));
    }
  }
  return ids;
}

/** A store with a log in it. */
export async function storeWith(entries: readonly (LogEntry | Uint8Array | undefined)[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  await writeLog(store, entries);
  return store;
}
