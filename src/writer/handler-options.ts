/**
 * How a write-batch handler is set up.
 *
 * @module
 */
import type { Counters } from "./counters.js";
import type { LiveMemtable } from "./memtable-set.js";

/** Bounds and habits of a handler. */
export interface HandlerOptions {
  /** Bytes appended and not in the log yet, above which puts wait. */
  readonly maxUnflushedBytes: number;
  /** Puts that are not in the log yet; those with durability `memory` too, whose promises have resolved. */
  readonly maxPendingPuts: number;
  /** Rows, batches and bytes that the log may hold beyond what SSTables cover. */
  readonly maxLogRows: number;
  readonly maxLogBatches: number;
  readonly maxLogBytes: number;
  /** Least time between the first put of an entry and its write, unless it is full before. */
  readonly flushIntervalMs: number;
  /** Whether memory, and room in the log, can be expected to become free without anybody's doing. */
  readonly drains: () => boolean;
  /** Has room in the log become free, if that can be; whether it can. */
  readonly makeLogRoom: () => boolean;
  /** Told, once, what the writer has stopped for. */
  readonly onStopped: (error: Error) => void;
  /** Told when an entry of this memtable is in the log. */
  readonly onWritten: (memtable: LiveMemtable) => void;
  /** Bytes of an entry that is written without waiting for the interval; an entry that has them is sealed. */
  readonly flushBytes: number;
}

/** What the log held when it was opened. */
export interface HandlerStart {
  readonly nextEntry: number;
  readonly counters: Counters;
  readonly rows: number;
  readonly batches: number;
  readonly bytes: number;
}
