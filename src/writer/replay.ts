/**
 * Replay: the entries of a log that no SSTable covers, laid out in memtables again.
 *
 * An entry is never split between memtables, as it was not when it was written. What was read may not have been synced by whoever wrote
 * it: LanceDB syncs nothing, entries with durability "os" carry a mark, and the last entry of each writer may not have reached the
 * disk when that died. So before a row counts as durable, these entries are synced.
 *
 * @module
 */
import type { RecordBatch, Schema } from "apache-arrow";
import { CorruptError, FullError, TooLargeError, UsageError } from "../errors.js";
import { walKey } from "../lance/names.js";
import { readEntry, type WalEntry } from "../lance/wal-entry-reader.js";
import { ObjectNotFoundError, type ObjectStore } from "../storage/object-store.js";
import { BatchStore } from "../store/batch-store.js";
import type { EntryRange, OpenedLog, ReplayedMemtable } from "./shard-log.js";

/** What is replayed, and into what. */
export interface ReplayOptions {
  /** Storage schema. */
  readonly schema: Schema;
  /** First entry. */
  readonly from: number;
  readonly memtableBytes: number;
  readonly memtableBatches: number;
  /** For all rows: twice what the writer's user has set. */
  readonly maxMemoryBytes: number;
}

/** What was in the log, and this thread's reading handles of the memtables, which own their durable cursors. */
export interface Replayed extends Pick<OpenedLog, "memtables" | "counters" | "replayed"> {
  readonly stores: readonly BatchStore[];
}

/** Reads a log from its beginning, part by part. */
export class Replay {
  readonly #store: ObjectStore;
  readonly #options: ReplayOptions;
  readonly #memtables: ReplayMemtables;
  readonly #scratch = new Scratch();
  #next: number;
  /** The entry before the next. */
  #last: { readonly key: string; readonly own: WalEntry["own"] } | undefined;
  #unsynced: string[] = [];
  #counters: ReadonlyMap<string, bigint> = new Map();
  #rows = 0;
  #batches = 0;
  #bytes = 0;

  constructor(store: ObjectStore, options: ReplayOptions) {
    this.#store = store;
    this.#options = options;
    this.#memtables = new ReplayMemtables(options);
    this.#next = options.from;
  }

  /**
   * Replays up to this entry, which is the first that is not. When it resolves, all that was replayed survives a loss of power.
   *
   * @throws CorruptError when an entry is missing, torn or altered; FullError when the rows need more memory than allowed
   */
  async continueTo(end: number): Promise<void> {
    for (; this.#next < end; this.#next++) await this.#replay(this.#next);
    if (this.#last !== undefined) this.#unsynced.push(this.#last.key);
    this.#last = undefined;
    if (this.#unsynced.length > 0) await this.#store.sync(this.#unsynced);
    this.#unsynced = [];
  }

  finish(): Replayed {
    const entries = Math.max(0, this.#next - this.#options.from);
    return {
      ...this.#memtables.finish(),
      counters: this.#counters,
      replayed: { entries, batches: this.#batches, rows: this.#rows, bytes: this.#bytes },
    };
  }

  async #replay(position: number): Promise<void> {
    const key = walKey(position);
    const contents = await getEntry(this.#store, key, this.#scratch);
    const entry = readEntry(contents, { key, schema: this.#options.schema });
    const { own } = entry;
    if (this.#last !== undefined && !isDurable(this.#last.own, own)) this.#unsynced.push(this.#last.key);
    this.#last = { key, own };
    if (own !== undefined && !entry.sentinel) this.#counters = own.counters;
    const filled = entry.batches.filter((batch) => batch.numRows > 0);
    if (filled.length > 0) this.#memtables.append(position, key, filled);
    this.#rows += entry.rows;
    this.#batches += filled.length;
    this.#bytes += contents.byteLength;
  }
}

/** Whether an entry's own writer has made it durable: only then does it write another, unless it said that it would not. */
function isDurable(own: WalEntry["own"], next: WalEntry["own"]): boolean {
  return own?.durable === true && own.writerId === next?.writerId;
}

/** Memory that every entry is read into, as its rows are copied before the next one is. */
class Scratch {
  #buffer = new ArrayBuffer(1024 * 1024);
  readonly take = (bytes: number): Uint8Array => {
    if (bytes > this.#buffer.byteLength) this.#buffer = new ArrayBuffer(Math.max(bytes, 2 * this.#buffer.byteLength));
    return new Uint8Array(this.#buffer, 0, bytes);
  };
}

async function getEntry(store: ObjectStore, key: string, scratch: Scratch): Promise<Uint8Array> {
  try {
    return await store.get(key, { into: scratch.take });
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError)) throw error;
    throw new CorruptError(
      `${store.name}: ${key} is missing, though entries behind it are there; expected a log without holes`,
      { cause: error },
    );
  }
}

class ReplayMemtables {
  readonly #options: ReplayOptions;
  readonly #done: ReplayedMemtable[] = [];
  readonly #stores: BatchStore[] = [];
  #usedBytes = 0;
  #store: BatchStore | undefined;
  #entries: EntryRange[] = [];

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  append(entry: number, key: string, batches: WalEntry["batches"]): void {
    if (this.#store === undefined || !this.#tryAppend(this.#store, entry, key, batches)) {
      const next = this.#rotate();
      if (!this.#tryAppend(next, entry, key, batches)) {
        throw new UsageError(`${key} does not fit into an empty memtable; open with larger memtables`);
      }
    }
  }

  finish(): Pick<Replayed, "memtables" | "stores"> {
    this.#seal();
    return { memtables: this.#done, stores: this.#stores };
  }

  #tryAppend(store: BatchStore, entry: number, key: string, batches: readonly RecordBatch[]): boolean {
    const from = store.length;
    try {
      store.appendAll(batches);
    } catch (error) {
      if (error instanceof FullError) return false;
      if (error instanceof TooLargeError) {
        throw new UsageError(`${key} does not fit into an empty memtable; open with larger memtables`, {
          cause: error,
        });
      }
      if (error instanceof UsageError) {
        throw new CorruptError(`${key}: its rows are not what its header says: ${error.message}`, { cause: error });
      }
      throw error;
    }
    this.#entries.push({ entry, from, to: store.length });
    const used = this.#usedBytes + store.snapshot().arenaBytes;
    if (used > this.#options.maxMemoryBytes) {
      throw new FullError(
        `the rows of the log need more than twice maxMemoryBytes, which is ${this.#options.maxMemoryBytes / 2} bytes; open with a larger maxMemoryBytes`,
        "bytes",
      );
    }
    return true;
  }

  #rotate(): BatchStore {
    this.#seal();
    const { schema, memtableBytes, memtableBatches } = this.#options;
    this.#store = BatchStore.create({ schema, bytes: memtableBytes, capacity: memtableBatches, prefault: false });
    return this.#store;
  }

  /** Gives up the claim on appending, so that another thread may write on, and takes the durable cursor. */
  #seal(): void {
    const store = this.#store;
    if (store === undefined) return;
    this.#usedBytes += store.snapshot().arenaBytes;
    const handle = store.handle();
    const reader = BatchStore.attach(handle, { cachedBatches: 1 });
    reader.advanceDurable(store.length);
    store.close();
    this.#stores.push(reader);
    this.#done.push({ handle, entries: this.#entries });
    this.#store = undefined;
    this.#entries = [];
  }
}
