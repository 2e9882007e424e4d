/**
 * What the writer and its log thread say to each other. Requests are answered in their order.
 *
 * @module
 */
import type { MemtableHandle } from "../memtable/memtable-handle.js";
import type { PlainError } from "./plain-error.js";
import type { EntryPlan, LogOptions, OpenedLog } from "./shard-log.js";

/** How the thread is started. */
export interface LogThreadData {
  /** The shard directory. */
  readonly directory: string;
  readonly options: LogOptions;
  readonly writerId: string;
  /** One word, an Int32, that the writer raises behind every message. */
  readonly posted: SharedArrayBuffer;
}

/** Requests that are answered. */
export type LogRequest =
  | { readonly kind: "open" }
  | { readonly kind: "append"; readonly plan: EntryPlan }
  | { readonly kind: "close" };

/** All that the thread is told. */
export type ToLogThread =
  | LogRequest
  | { readonly kind: "memtable"; readonly generation: number; readonly handle: MemtableHandle }
  | { readonly kind: "drop"; readonly generation: number; readonly coveredThrough: number };

/** Replies, in the order of the requests; and, unasked, a failure while no entry is being written. */
export type FromLogThread = LogReply | { readonly failure: PlainError };

export type LogReply =
  | { readonly ok: true; readonly opened?: OpenedLog; readonly bytes?: number }
  | { readonly ok: false; readonly error: PlainError };
