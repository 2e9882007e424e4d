/**
 * The rows of a simulation, and how they are read back from a log without any code of the library that wrote it.
 *
 * Every row has an id that no other row has; its text follows from the id, so that a row with another's text is found.
 *
 * @module
 */
import {
  Field,
  Int32,
  makeData,
  type RecordBatch,
  RecordBatchReader,
  type RecordBatchStreamReader,
  Schema,
  Utf8,
} from "apache-arrow";
import type { BatchStore } from "../../src/store/batch-store.js";
import { batchOf } from "../arrow-arbitrary.js";
import { int32 } from "../batches.js";
import type { LoggedRow } from "./history.js";

export const schema = new Schema([new Field("id", new Int32(), false), new Field("text", new Utf8(), true)]);

/** The text of a row: every 7th is long, so that batches differ in size. */
function textOf(id: number): string {
  return id % 7 === 0 ? `row ${id}: ${"long ".repeat(40)}` : `row ${id}`;
}

export function rowOf(id: number): { id: number; text: string } {
  return { id, text: textOf(id) };
}

/** Rows `first`, `first + 1` … as a batch. */
export function batchOfRows(first: number, rows: number): RecordBatch {
  const ids = Int32Array.from({ length: rows }, (_, i) => first + i);
  const texts = Array.from(ids, (id) => Buffer.from(textOf(id)));
  const valueOffsets = new Int32Array(rows + 1);
  texts.forEach((text, i) => {
    valueOffsets[i + 1] = (valueOffsets[i] ?? 0) + text.byteLength;
  });
  const text = makeData({ type: new Utf8(), length: rows, nullCount: 0, valueOffsets, data: Buffer.concat(texts) });
  return batchOf(schema, rows, [int32(ids), text]);
}

/** A batch whose text column says it has more rows than there are. */
export function malformedBatch(first: number, rows: number): RecordBatch {
  const batch = batchOfRows(first, rows);
  const [id, text] = batch.data.children;
  if (id === undefined || text === undefined) throw new Error("the batch must have two columns");
  const valueOffsets = Int32Array.from(text.valueOffsets);
  valueOffsets[1] = 1_000_000;
  const wrong = makeData({ type: new Utf8(), length: rows, nullCount: 0, valueOffsets, data: text.values });
  return batchOf(schema, rows, [id, wrong]);
}

/** What an entry holds. */
export interface PlainEntry {
  readonly epoch: number;
  readonly sentinel: boolean;
  readonly rows: readonly LoggedRow[];
}

/** Reads an entry as any reader of Arrow would. @throws Error when it cannot be read, or a text is not its id's */
export function readPlainly(bytes: Uint8Array, entry: number): PlainEntry {
  const reader = RecordBatchReader.from(bytes).open();
  if (!isStream(reader)) throw new Error(`entry ${entry} is no stream`);
  const { metadata } = reader.schema;
  const epoch = Number(metadata.get("writer_epoch"));
  if (!(epoch >= 1)) throw new Error(`entry ${entry} has no epoch`);
  const rows: LoggedRow[] = [];
  [...reader].forEach((batch, i) => {
    rows.push(...rowsOfBatch(batch, { entry, batch: i, epoch }));
  });
  return { epoch, sentinel: metadata.get("fence_sentinel") === "true", rows };
}

/** All rows of a memtable, in order. @param at says where a batch of it is */
export function rowsOfStore(store: BatchStore, at: (batch: number) => Omit<LoggedRow, "id" | "deleted">): LoggedRow[] {
  return store.batches().flatMap((batch, i) => rowsOfBatch(batch, at(i)));
}

function rowsOfBatch(batch: RecordBatch, at: Omit<LoggedRow, "id" | "deleted">): LoggedRow[] {
  const rows: LoggedRow[] = [];
  const [ids, texts, tombstones] = [0, 1, 2].map((column) => batch.getChildAt(column));
  for (let row = 0; row < batch.numRows; row++) {
    const id: unknown = ids?.get(row);
    const deleted = tombstones?.get(row) === true;
    if (typeof id !== "number") throw new Error(`a row of entry ${at.entry} has no id`);
    const text: unknown = texts?.get(row);
    if (text !== (deleted ? null : textOf(id))) {
      throw new Error(`row ${id} of entry ${at.entry} has the text ${JSON.stringify(text)}`);
    }
    rows.push({ id, deleted, ...at });
  }
  return rows;
}

function isStream(reader: object): reader is RecordBatchStreamReader {
  return "schema" in reader && Symbol.iterator in reader;
}
