/**
 * A put, as the writer takes it: its rows, and what is asked of it.
 *
 * @module
 */
import type { StorageRows } from "../arrow/rows/storage-rows.js";
import type { RecordBatchLike } from "../arrow/shape.js";
import type { Counters } from "./counters.js";
import type { Durability } from "./waiting-put.js";

/** What a put may ask for. */
export interface PutOptions {
  /** @default "disk" */
  readonly durability?: Durability;
  /** Ends the wait: see `ShardWriter.put`. */
  readonly signal?: AbortSignal;
  /** Numbers, 0 to 2^63 − 1, that every later entry of the log carries, and a later open gives back: as of the newest put that is there. */
  readonly counters?: Counters;
}

/** The rows of a put, in one of the forms they come in. */
export type PutRows =
  | {
      readonly kind: "batches";
      readonly batches: readonly RecordBatchLike[];
      readonly rows: number;
      readonly bytes: number;
    }
  | { readonly kind: "rows"; readonly rows: number; readonly encode: (builder: StorageRows) => void };
