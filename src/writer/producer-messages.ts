/**
 * What a producer in another thread and the writer say to each other, and batches as plain buffers.
 *
 * A structured clone of apache-arrow's objects loses their classes, so only lengths and buffers cross; the types are known on both sides.
 * Batches are of the storage schema: deletes are rows of them too.
 *
 * @module
 */

import type { MessagePort } from "node:worker_threads";
import { type Data, DataType, type Field, type Schema, Struct, Vector } from "apache-arrow";
import { concatData } from "../arrow/concat.js";
import { arrowData, UNKNOWN_NULL_COUNT } from "../arrow/data.js";
import { recordBatch } from "../arrow/record-batch.js";
import type { DataLike, RecordBatchLike } from "../arrow/shape.js";
import { UsageError } from "../errors.js";
import type { PlainError } from "./plain-error.js";
import type { Position } from "./position.js";
import type { Durability } from "./waiting-put.js";

/** What stands for a writer in another thread: `worker.postMessage(handle, [handle.port])`, then `Producer.attach(handle)` there. */
export interface ProducerHandle {
  readonly kind: "pennon.Producer";
  readonly port: MessagePort;
  /** Schema of the table, as an encoded schema message. */
  readonly schemaMessage: Uint8Array;
  /** The same of the storage schema. */
  readonly storageMessage: Uint8Array;
  readonly primaryKey: readonly string[];
  /** Puts, and bytes of them, that may be on their way at once. */
  readonly maxPuts: number;
  readonly maxBytes: number;
}

/** A column, or a child of one. */
export interface PlainData {
  readonly length: number;
  readonly nullCount: number;
  readonly offsets?: Int32Array | BigInt64Array | undefined;
  readonly values?: ArrayBufferView | undefined;
  readonly validity?: Uint8Array | undefined;
  readonly typeIds?: Int8Array | undefined;
  readonly children: readonly PlainData[];
  readonly dictionary?: readonly PlainData[] | undefined;
}

export interface PlainBatch {
  readonly rows: number;
  readonly columns: readonly PlainData[];
}

/** To the writer. */
export type FromProducer =
  | {
      readonly kind: "put";
      readonly id: number;
      readonly batches: readonly PlainBatch[];
      readonly bytes: number;
      readonly durability: Durability;
      readonly counters?: ReadonlyMap<string, bigint> | undefined;
    }
  | { readonly kind: "abort"; readonly id: number };

/** What became of a put. */
export type ProducerReply =
  | { readonly id: number; readonly position: Position }
  | { readonly id: number; readonly error: PlainError; readonly aborted: boolean };

/** To the producer: replies, several at once; or the end. */
export type ToProducer =
  | { readonly kind: "replies"; readonly replies: readonly ProducerReply[] }
  | { readonly kind: "closed"; readonly error: PlainError };

/** A batch as plain buffers, and all that they lie in. */
export interface PackedBatch {
  readonly plain: PlainBatch;
  readonly buffers: ReadonlySet<ArrayBuffer>;
  readonly bytes: number;
}

/**
 * @param copy whether the buffers are copied, of slices just the rows; else they are the caller's own
 * @throws UsageError when the batch is malformed
 */
export function packBatch(batch: RecordBatchLike, schema: Schema, copy: boolean): PackedBatch {
  const buffers = new Set<ArrayBuffer>();
  let bytes = 0;
  const hold = <T extends ArrayBufferView>(view: T | undefined, give: boolean): T | undefined => {
    if (view === undefined || view === null) return undefined;
    bytes += view.byteLength;
    if (give && view.buffer instanceof ArrayBuffer) buffers.add(view.buffer);
    return view;
  };
  const pack = (data: Data, give: boolean): PlainData => ({
    length: data.length,
    nullCount: UNKNOWN_NULL_COUNT,
    offsets: hold(data.valueOffsets, give),
    values: hold(data.values, give),
    validity: data.nullBitmap?.byteLength > 0 ? hold(data.nullBitmap, give) : undefined,
    typeIds: hold(data.typeIds, give),
    children: data.children.map((child) => pack(child, give)),
    // Never given away: the next batch may bring the same one.
    dictionary: data.dictionary?.data.map((piece) => pack(piece, false)),
  });
  const fields: readonly Field[] = schema.fields;
  const columns = fields.map((field, i) => {
    const data = batch.data.children[i];
    if (data === undefined || data.length !== batch.numRows) {
      throw new UsageError(`column ${JSON.stringify(field.name)} does not have the ${batch.numRows} rows of its batch`);
    }
    // Joining one piece gives data of its own buffers, with row 0 first. The tombstones of record batches share one bitmap.
    const own = copy || i === fields.length - 1 || !startsAtZero(data);
    return pack(own ? concatData(field.type, [data]) : (data as Data), true);
  });
  return { plain: { rows: batch.numRows, columns }, buffers, bytes };
}

/** The batch again; its buffers are checked when it is laid out. */
export function unpackBatch(plain: PlainBatch, schema: Schema): RecordBatchLike {
  const fields: readonly Field[] = schema.fields;
  const columns = fields.map((field, i) => {
    const data = plain.columns[i];
    if (data === undefined) throw new UsageError(`column ${JSON.stringify(field.name)} is missing`);
    return unpack(field.type, data);
  });
  return recordBatch(schema, new Struct(schema.fields), plain.rows, columns);
}

function unpack(type: DataType, plain: PlainData): Data {
  const { length, nullCount, children, dictionary, ...buffers } = plain;
  if (DataType.isDictionary(type)) {
    const values = (dictionary ?? []).map((piece) => unpack(type.dictionary, piece));
    return arrowData(type, length, nullCount, { ...buffers, values: plain.values }, [], new Vector(values));
  }
  const fields: readonly Field[] = type.children ?? [];
  const unpacked = fields.map((field, i) => {
    const child = children[i];
    if (child === undefined) throw new UsageError(`child ${JSON.stringify(field.name)} is missing`);
    return unpack(field.type, child);
  });
  return arrowData(type, length, nullCount, buffers, unpacked);
}

function startsAtZero(data: DataLike): boolean {
  return data.offset === 0 && (data.children ?? []).every((child) => child === undefined || startsAtZero(child));
}
