/**
 * What a table takes, and what it tells of itself.
 *
 * @module
 */
import type { RecordBatchLike } from "../arrow/shape.js";
import type { MaintenanceStatus } from "../compact/maintenance-status.js";
import type { TableLike } from "../writer/put-rows.js";
import type { Durability } from "../writer/waiting-put.js";
import type { WriterStats } from "../writer/writer-stats.js";

/** How rows are put. */
export interface PutOptions {
  /**
   * What is true when the promise resolves: the rows survive a loss of power (`disk`), the end of this process (`os`), or are there for
   * reads of this table (`memory`).
   * @default "disk"
   */
  readonly durability?: Durability;
  /**
   * Ends the wait. Before the rows are appended nothing is written, and the signal's reason is thrown; after that they stay, and
   * `OutcomeUnknownError` carries their position.
   */
  readonly signal?: AbortSignal;
}

/** Rows that are put atomically: a row, an array of rows, Arrow batches or a table. */
export type AtomicRows<I> = I | readonly I[] | RecordBatchLike | readonly RecordBatchLike[] | TableLike;

/** What can be put: rows, or an iterable of them, which is cut into several puts. */
export type PutRows<I> = AtomicRows<I> | Iterable<AtomicRows<I>> | AsyncIterable<AtomicRows<I>>;

/** A row of a change: as it was put, or of a deleted row the key, and null for all else. */
export type ChangedRow<R> =
  | (R & { readonly _op: "put" })
  | ({ [K in keyof R]: R[K] | null } & { readonly _op: "delete" });

/** What a producer may have on its way at once. */
export interface ProducerOptions {
  /** Puts. @default 256 */
  readonly maxPuts?: number;
  /** Bytes of them. @default 16 MiB */
  readonly maxBytes?: number;
}

/** What a table tells of itself. */
export interface TableStats extends WriterStats {
  /** Directory of the table. */
  readonly directory: string;
  /** Rows in memory, older versions and deletions included. */
  readonly rows: number;
  /** The way of the rows from memory into the base table, as it was when it last moved on. */
  readonly maintenance: MaintenanceStatus;
  /**
   * Bytes written to log, SSTables and base table for each byte of rows put, by this writer; 0 before anything was put. Merging writes rows
   * of the base table anew.
   */
  readonly writeAmplification: number;
}

/** Names of the options of each call. */
export const OPTIONS = {
  put: ["durability", "signal"],
  get: ["signal"],
  scan: ["select", "limit", "signal"],
  follow: ["from", "signal"],
  producer: ["maxPuts", "maxBytes"],
} as const;

/** The options of a put as a writer takes them. */
export function writerOptions({ durability, signal }: PutOptions): PutOptions {
  return { ...(durability === undefined ? {} : { durability }), ...(signal === undefined ? {} : { signal }) };
}
