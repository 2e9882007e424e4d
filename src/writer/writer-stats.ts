/**
 * What a writer tells of itself.
 *
 * @module
 */
import type { PoolStats } from "../memtable/pool-stats.js";
import type { FlushTally } from "./flush-queue.js";
import type { LiveMemtable } from "./memtable-set.js";
import type { OpenedLog } from "./shard-log.js";
import type { WriterTally } from "./writer-tally.js";

/** What a writer tells of a memtable. */
export interface MemtableStats {
  readonly generation: number;
  readonly frozen: boolean;
  readonly rows: number;
  readonly batches: number;
  /** Bytes of the rows; of the arena, index included; of the index. */
  readonly bytes: number;
  readonly memoryBytes: number;
  readonly indexBytes: number;
  /** Batches in the log, and in the index. */
  readonly durable: number;
  readonly indexed: number;
  readonly ageMs: number;
}

/** What a writer tells of itself. */
export interface WriterStats {
  readonly epoch: number;
  /** WAL position of the next entry. */
  readonly nextEntry: number;
  readonly memtables: readonly MemtableStats[];
  /** Bytes of memory that they take. */
  readonly memoryBytes: number;
  readonly pendingPuts: number;
  /** Bytes appended and not in the log yet. */
  readonly unflushedBytes: number;
  /** In the log beyond what SSTables cover. */
  readonly log: { readonly rows: number; readonly batches: number; readonly bytes: number };
  /** Bytes of the rows put into this writer. */
  readonly putBytes: number;
  /** By this writer: entries, what was in them, time from hand-over to acknowledgement in all and at most. */
  readonly written: WriterTally["written"];
  /** When it was opened. */
  readonly replayed: OpenedLog["replayed"];
  /** The arenas of the memtables. */
  readonly arenas: PoolStats;
  /** Made of memtables by this writer. */
  readonly flushed: FlushTally;
}

/** Of a writer that makes no SSTables. */
export const NOTHING_FLUSHED: FlushTally = { ssTables: 0, rows: 0, bytes: 0, milliseconds: 0, failures: 0 };

/** @param active the one that is appended to @param now on the writer's clock */
export function memtableStats(live: LiveMemtable, active: LiveMemtable | undefined, now: number): MemtableStats {
  const { generation, memtable, store, startedAt } = live;
  const { rows, length, bytes } = store.snapshot();
  return {
    generation,
    frozen: generation !== active?.generation,
    rows,
    batches: length,
    bytes,
    memoryBytes: memtable.usedBytes,
    indexBytes: memtable.indexBytes,
    durable: store.durable,
    indexed: memtable.snapshot().batches,
    ageMs: now - startedAt,
  };
}
