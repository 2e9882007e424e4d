/**
 * How a shard is opened for writing: the options of a writer, their bounds and defaults.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import type { SchemaLike } from "../arrow/shape.js";
import { UsageError } from "../errors.js";
import { ENTRY_BOUNDS } from "../lance/wal-entry.js";
import type { ObjectStore } from "../storage/object-store.js";
import type { Flusher } from "./flusher.js";
import { systemTimers, type Timers } from "./timers.js";

const MIB = 2 ** 20;

/** How a shard is opened for writing. */
export interface ShardWriterOptions {
  /**
   * Where the log is: the shard's directory, then a thread of ours reads and writes it; or any object store rooted there, which this
   * thread then calls, and which is closed with the writer.
   */
  readonly log: { readonly directory: string } | { readonly store: ObjectStore };
  /** UUID of the shard, as text. */
  readonly shardId: string;
  /** Schema of the table. */
  readonly schema: SchemaLike;
  /** Names of the key columns, in order. */
  readonly primaryKey: readonly string[];
  /**
   * Rows come by ascending keys, with hardly an exception: memtables have no index while they do, and one from the first row on that does
   * not. Of no effect for other keys than one int64 column. @default false
   */
  readonly keysAscend?: boolean;
  /** Bytes of shared memory of each memtable, 64 KiB to 4 GiB; untouched ones cost nothing. @default 256 MiB */
  readonly memtableBytes?: number;
  /** Batches of each memtable. @default 16,384 */
  readonly memtableBatches?: number;
  /** Rows of each memtable, 1 to 2^27. @default 1,048,576 */
  readonly memtableRows?: number;
  /** Entries of the log after which a memtable is frozen, if it can become an SSTable. @default 8,192 */
  readonly memtableEntries?: number;
  /** Milliseconds after which a memtable is frozen, if it can become an SSTable. @default 60,000 */
  readonly memtableAgeMs?: number;
  /** Memtables there may be, those that readers hold and those that are being emptied included: 3 to 256. @default by memtableBytes and maxMemoryBytes, at most 24 */
  readonly memtableSlots?: number;
  /** What makes SSTables of frozen memtables, given the writer's epoch. @default frozen memtables stay in memory, until that is full */
  readonly flusher?: ((epoch: number) => Flusher) | undefined;
  /** Bytes that all memtables may take together; twice as much while replaying. @default 1 GiB */
  readonly maxMemoryBytes?: number;
  /** Bytes appended and not in the log yet, above which puts wait. @default 64 MiB */
  readonly maxUnflushedBytes?: number;
  /** Puts whose promises may be pending; one more is `Full`. @default 1,048,576 */
  readonly maxPendingPuts?: number;
  /** Rows that the log may hold beyond what SSTables cover; LanceDB must be able to replay them. @default no limit */
  readonly maxLogRows?: number;
  /** The same for batches. @default no limit */
  readonly maxLogBatches?: number;
  /** The same for bytes. @default no limit */
  readonly maxLogBytes?: number;
  /** Least milliseconds from the first put of an entry to its write, for stores where each entry costs money. @default 0 */
  readonly flushIntervalMs?: number;
  /** Bytes at which an entry is written without waiting for the interval, or for the one before it. @default 8 MiB */
  readonly flushBytes?: number;
  /** The clock. @default the system's */
  readonly timers?: Timers;
  /** 32 hexadecimal digits that no other writer has. @default random */
  readonly writerId?: string;
}

/** What of a writer's options is a setting: all but what it writes, and where. */
export type WriterSettings = Omit<ShardWriterOptions, "log" | "shardId" | "schema" | "primaryKey">;

/** Checks settings as `ShardWriter.open` does. @throws UsageError when one is out of its bounds */
export function checkWriterSettings(settings: WriterSettings): void {
  settingsOf(settings);
}

/** All settings, checked. */
export type CheckedSettings = ReturnType<typeof settingsOf>;

/** @throws UsageError when one is out of its bounds */
export function settingsOf(options: WriterSettings) {
  const memtableBytes = within("memtableBytes", options.memtableBytes ?? 256 * MIB, 65_536, 2 ** 32);
  const writerId = options.writerId ?? randomBytes(16).toString("hex");
  if (!/^[0-9a-f]{32}$/.test(writerId)) {
    throw new UsageError(`writerId is ${JSON.stringify(writerId)}; expected 32 hexadecimal digits`);
  }
  const most = Number.MAX_SAFE_INTEGER;
  const maxMemoryBytes = within(
    "maxMemoryBytes",
    options.maxMemoryBytes ?? Math.max(1024 * MIB, memtableBytes),
    memtableBytes,
    most,
  );
  return {
    keysAscend: options.keysAscend ?? false,
    memtableBytes,
    memtableRows: within("memtableRows", options.memtableRows ?? 2 ** 20, 1, 2 ** 27),
    memtableEntries: within("memtableEntries", options.memtableEntries ?? 8_192, 1, most),
    memtableAgeMs: within("memtableAgeMs", options.memtableAgeMs ?? 60_000, 1, 2 ** 31 - 1),
    memtableSlots: within("memtableSlots", options.memtableSlots ?? slotsFor(memtableBytes, maxMemoryBytes), 3, 256),
    flusher: options.flusher,
    memtableBatches: within("memtableBatches", options.memtableBatches ?? 16_384, 1, 2 ** 27),
    maxMemoryBytes,
    maxUnflushedBytes: within("maxUnflushedBytes", options.maxUnflushedBytes ?? 64 * MIB, 1, most),
    maxPendingPuts: within("maxPendingPuts", options.maxPendingPuts ?? 1_048_576, 1, most),
    maxLogRows: within("maxLogRows", options.maxLogRows ?? most, 1, most),
    maxLogBatches: within("maxLogBatches", options.maxLogBatches ?? most, 1, most),
    maxLogBytes: within("maxLogBytes", options.maxLogBytes ?? most, 1, most),
    flushIntervalMs: within("flushIntervalMs", options.flushIntervalMs ?? 0, 0, 2 ** 31 - 1),
    flushBytes: within("flushBytes", options.flushBytes ?? 8 * MIB, 1, ENTRY_BOUNDS.bytes),
    timers: options.timers ?? systemTimers,
    writerId,
  };
}

/** Twice as many as fit into memory, as replay may take, and some that readers may hold. */
function slotsFor(memtableBytes: number, maxMemoryBytes: number): number {
  return Math.min(24, Math.ceil((2 * maxMemoryBytes) / memtableBytes) + 4);
}

/** @throws UsageError unless the value is a whole number within the bounds */
export function within(option: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`${option} is ${String(value)}; expected a whole number from ${least} to ${most}`);
}
