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
import type { Memtable } from "../memtable/memtable.js";
import type { MemtablePool } from "../memtable/pool.js";
import { ObjectNotFoundError, type ObjectStore } from "../storage/object-store.js";
import type { EntryRange, OpenedLog, ReplayedMemtable } from "./shard-log.js";

/** What is replayed, and into what. */
export interface ReplayOptions {
  /** Storage schema. */
  readonly schema: Schema;
  /** First entry. */
  readonly from: number;
  /** Generation of the first memtable. */
  readonly generation: number;
  /** Whose memtables are filled, by this thread as its owner. */
  readonly pool: MemtablePool;
  /** For all rows: twice what the writer's user has set. */
  readonly maxMemoryBytes: number;
}

/** What was in the log. */
export type Replayed = Pick<OpenedLog, "memtables" | "nextGeneration" | "counters" | "replayed">;

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

  /**
   * Gives up what was replayed.
   *
   * @returns a generation that no memtable has had
   */
  discard(): number {
    return this.#memtables.discard();
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
    if (filled.length > 0) this.#memtables.append(position, key, filled, contents.byteLength);
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
  #usedBytes = 0;
  #nextGeneration: number;
  #active:
    | { readonly generation: number; readonly memtable: Memtable; entries: EntryRange[]; bytes: number }
    | undefined;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#nextGeneration = options.generation;
  }

  append(entry: number, key: string, batches: WalEntry["batches"], bytes: number): void {
    const active = this.#active ?? this.#start();
    if (!this.#tryAppend(active.memtable, key, batches)) {
      if (active.memtable.store.isEmpty) throw tooLarge(key);
      this.#seal();
      if (!this.#tryAppend(this.#start().memtable, key, batches)) throw tooLarge(key);
    }
    const filled = this.#active;
    if (filled === undefined) return;
    const { length } = filled.memtable.store;
    filled.entries.push({ entry, from: length - batches.length, to: length });
    filled.bytes += bytes;
    const used = this.#usedBytes + filled.memtable.usedBytes;
    if (used > this.#options.maxMemoryBytes) throw this.#full(`need more than twice maxMemoryBytes`);
  }

  finish(): Pick<Replayed, "memtables" | "nextGeneration"> {
    this.#close();
    return { memtables: this.#done, nextGeneration: this.#nextGeneration };
  }

  discard(): number {
    this.#seal();
    for (const { generation } of this.#done.splice(0)) this.#options.pool.release(generation);
    this.#usedBytes = 0;
    return this.#nextGeneration;
  }

  #tryAppend(memtable: Memtable, key: string, batches: readonly RecordBatch[]): boolean {
    try {
      memtable.append(batches);
      return true;
    } catch (error) {
      if (error instanceof FullError) return false;
      if (error instanceof TooLargeError) throw tooLarge(key, error);
      if (error instanceof UsageError) {
        throw new CorruptError(`${key}: its rows are not what its header says: ${error.message}`, { cause: error });
      }
      throw error;
    }
  }

  #start() {
    const generation = this.#nextGeneration;
    let memtable: Memtable;
    try {
      memtable = this.#options.pool.activate(generation);
    } catch (error) {
      throw error instanceof FullError ? this.#full("need more memtables than there may be", error) : error;
    }
    this.#nextGeneration++;
    this.#active = { generation, memtable, entries: [], bytes: 0 };
    return this.#active;
  }

  #seal(): void {
    const active = this.#close();
    if (active !== undefined) this.#options.pool.freeze(active.generation);
  }

  /** What is in the log is durable. */
  #close(): { readonly generation: number } | undefined {
    const active = this.#active;
    if (active === undefined) return undefined;
    const { generation, memtable, entries, bytes } = active;
    memtable.store.advanceDurable(memtable.store.length);
    this.#usedBytes += memtable.usedBytes;
    this.#done.push({ generation, entries, bytes });
    this.#active = undefined;
    return active;
  }

  #full(problem: string, cause?: Error): FullError {
    return new FullError(
      `the rows of the log ${problem}; maxMemoryBytes is ${this.#options.maxMemoryBytes / 2}: open with a larger one`,
      "bytes",
      cause === undefined ? undefined : { cause },
    );
  }
}

function tooLarge(key: string, cause?: Error): UsageError {
  return new UsageError(
    `${key} does not fit into an empty memtable; open with larger memtables`,
    cause === undefined ? undefined : { cause },
  );
}
