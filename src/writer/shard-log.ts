/**
 * The log of a shard, as the writer sees it: opened once, then handed one entry after the other.
 *
 * There are two: {@link LogCore} does the work in the thread it is called in, over any object store; `LogThread` has a thread of ours
 * do it on a local directory.
 *
 * @module
 */
import type { MemtableHandle } from "../memtable/memtable-handle.js";
import type { PoolHandle } from "../memtable/pool-handle.js";

/** What the log must know to open a shard. */
export interface LogOptions {
  /** UUID of the shard, as text. */
  readonly shardId: string;
  /** The storage schema, as an encoded schema message: it crosses threads. */
  readonly schemaMessage: Uint8Array;
  /** Whose memtables replay fills; it has no owner meanwhile. */
  readonly pool: PoolHandle;
  /** Bytes that replayed memtables may take together. */
  readonly maxMemoryBytes: number;
}

/** A batch range of a memtable that is one entry of the log. */
export interface EntryRange {
  /** WAL position of the entry. */
  readonly entry: number;
  /** First batch, and the first that is not in it. */
  readonly from: number;
  readonly to: number;
}

/** A memtable of the pool that replay has filled. */
export interface ReplayedMemtable {
  readonly generation: number;
  readonly entries: readonly EntryRange[];
  /** Bytes of those entries. */
  readonly bytes: number;
}

/** What there was in the log. */
export interface OpenedLog {
  readonly epoch: number;
  /** WAL position of the next entry. */
  readonly nextEntry: number;
  /** Last entry that SSTables cover. */
  readonly replayAfter: number;
  /** Generation of the next memtable. */
  readonly nextGeneration: number;
  /** Oldest first; none when nothing was to be replayed. All but the last are frozen; that one may be written on. */
  readonly memtables: readonly ReplayedMemtable[];
  /** Counters of the newest entry that has any, be it one that SSTables cover. */
  readonly counters: ReadonlyMap<string, bigint>;
  /** True when that entry is covered, and so are rows of another writer behind it: the counters know nothing of these. */
  readonly countersOutdated: boolean;
  readonly replayed: {
    readonly entries: number;
    readonly batches: number;
    readonly rows: number;
    readonly bytes: number;
  };
}

/** An entry to be written. */
export interface EntryPlan extends EntryRange {
  /** Generation of the memtable, as given to {@link ShardLog.addMemtable}. */
  readonly memtable: number;
  /** Whether it must survive a loss of power before it counts as written. */
  readonly durable: boolean;
  readonly counters: ReadonlyMap<string, bigint>;
}

export interface ShardLog {
  /** Claims the shard and replays what its SSTables do not cover. Once. */
  open(): Promise<OpenedLog>;
  /** Says of a memtable that entries will be taken from; replayed ones are known. */
  addMemtable(generation: number, handle: MemtableHandle): void;
  /**
   * Says that no entry will be taken from the memtable any more.
   *
   * @param coveredThrough last entry whose rows are in SSTables, durably: those up to it may be removed
   */
  dropMemtable(generation: number, coveredThrough: number): void;
  /**
   * Writes an entry and moves the durable cursor of its memtable. Entries are written in the order of the calls; after one has failed,
   * all later ones fail.
   *
   * @throws ConflictError when the writer is fenced and the entry is not in the log; OutcomeUnknownError when it may be; StorageError
   * or RetryableError when it is known not to be
   * @returns bytes of the entry
   */
  append(plan: EntryPlan): Promise<number>;
  /** Calls the listener when the log fails while no entry is being written. */
  onFailure(listener: (error: Error) => void): void;
  /** Makes everything written survive a loss of power, and gives back what the log holds. */
  close(): Promise<void>;
}
