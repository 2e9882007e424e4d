/**
 * Where a follower's next batch comes from: memory as long as that holds its entry, the log before that.
 *
 * A follower has a place, (entry, batch), and nothing else: so memtables that are frozen, released and recycled under it do not matter. What
 * is asked for is behind the place, in the order of the log, and in the log.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import { CorruptError, GoneError } from "../errors.js";
import { listPositions } from "../lance/log-positions.js";
import { walKey } from "../lance/names.js";
import { inspectEntry, readEntry, type WalEntry } from "../lance/wal-entry-reader.js";
import { ObjectNotFoundError, type ObjectStore } from "../storage/object-store.js";
import type { LiveMemtable } from "../writer/memtable-set.js";
import type { EntryRange } from "../writer/shard-log.js";
import type { LoggedBatch } from "./change.js";

/** What is followed. */
export interface Followed {
  /** Oldest first. */
  readonly memtables: readonly LiveMemtable[];
  /** Rooted at the shard's directory. */
  readonly store: ObjectStore;
  /** Storage schemas, the newest first: entries have one of them. */
  readonly storages: readonly Schema[];
}

/** The last batch that was dealt with. */
export interface Place {
  readonly entry: number;
  readonly batch: number;
}

/** Behind every batch of an entry. */
export const END_OF_ENTRY = Number.POSITIVE_INFINITY;

/** What was made of a batch, and the place of that. */
export interface Found<T> extends Place {
  readonly made: T;
}

export class ChangeSource<T> {
  readonly #followed: Followed;
  readonly #make: (batch: LoggedBatch) => T;
  /** Batches of the entry that was read from the log last. */
  #read: readonly LoggedBatch[] = [];

  /** @param make called at once when a batch is found: its memory may be used anew afterwards */
  constructor(followed: Followed, make: (batch: LoggedBatch) => T) {
    this.#followed = followed;
    this.#make = make;
  }

  /**
   * The first batch behind the place; undefined when there is none yet.
   *
   * @throws GoneError when it was in an entry that has been collected, or has columns as they were before the table was opened
   */
  async next({ entry, batch }: Place): Promise<Found<T> | undefined> {
    /** An entry behind which there is another. */
    let notLast: number | undefined;
    // Each round but the last reads a later entry, one without rows, or the same once more.
    for (let place = { entry, batch }; ; ) {
      const read = this.#read.find((one) => isBehind(one, place));
      if (read !== undefined) return this.#found(read);
      const wanted = place.batch === END_OF_ENTRY ? place.entry + 1 : place.entry;
      const oldest = this.#oldestInMemory();
      if (oldest !== undefined && oldest <= wanted) return this.#found(this.#inMemory(place));
      const found = await this.#fromLog(wanted);
      if (found === undefined) {
        // Entries come in order: where a later one was known before, this one had been there.
        if (oldest !== undefined || notLast === wanted) return this.#throwGone(wanted);
        if (!(await this.#hasEntryBehind(wanted))) return undefined;
        notLast = wanted; // it may have come while it was looked for
        continue;
      }
      this.#read = found;
      if (!found.some((one) => isBehind(one, place))) place = { entry: wanted, batch: END_OF_ENTRY };
    }
  }

  /** The entry before the oldest one behind which the log has no hole. */
  async beforeOldest(): Promise<Place> {
    const entries = await listPositions(this.#followed.store);
    let oldest = (entries.at(-1) ?? 0) + 1;
    for (const entry of entries.toReversed()) {
      if (entry !== oldest - 1) break;
      oldest = entry;
    }
    return { entry: oldest - 1, batch: END_OF_ENTRY };
  }

  #found(batch: LoggedBatch | undefined): Found<T> | undefined {
    return batch === undefined ? undefined : { entry: batch.entry, batch: batch.batch, made: this.#make(batch) };
  }

  #oldestInMemory(): number | undefined {
    for (const { entries } of this.#followed.memtables) {
      const [first] = entries;
      if (first !== undefined) return first.entry;
    }
    return undefined;
  }

  #inMemory({ entry, batch }: Place): LoggedBatch | undefined {
    for (const { store, entries } of this.#followed.memtables) {
      for (let i = firstFrom(entries, entry); i < entries.length; i++) {
        const range = entries[i];
        if (range === undefined) break;
        const number = range.entry > entry ? 0 : batch + 1;
        const position = range.from + number;
        if (position >= range.to) continue;
        const rows = position < store.durable ? store.recordBatch(position) : undefined;
        return rows === undefined ? undefined : { entry: range.entry, batch: number, rows };
      }
    }
    return undefined;
  }

  /** @returns undefined when there is no such entry */
  async #fromLog(entry: number): Promise<readonly LoggedBatch[] | undefined> {
    const { store, storages } = this.#followed;
    const key = walKey(entry);
    try {
      const { batches } = readAny(await store.get(key), key, storages);
      return batches.filter(({ numRows }) => numRows > 0).map((rows, batch) => ({ entry, batch, rows }));
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return undefined;
      throw error;
    }
  }

  async #hasEntryBehind(entry: number): Promise<boolean> {
    return ((await listPositions(this.#followed.store)).at(-1) ?? 0) > entry;
  }

  async #throwGone(entry: number): Promise<never> {
    const oldest = await this.beforeOldest();
    throw new GoneError(
      `entry ${entry} of the log was collected, its rows are in the table; the oldest that can be followed is entry ${oldest.entry + 1}: follow from "oldest" to get what is there`,
    );
  }
}

/** Reads an entry that has one of these schemas. */
function readAny(bytes: Uint8Array, key: string, schemas: readonly Schema[]): WalEntry {
  let first: CorruptError | undefined;
  for (const schema of schemas) {
    try {
      return readEntry(bytes, { key, schema });
    } catch (error) {
      if (!(error instanceof CorruptError)) throw error;
      first ??= error;
    }
  }
  if (first !== undefined && inspectEntry(bytes, key).damage !== undefined) throw first;
  throw new GoneError(
    `${key} has other columns than the table: columns were added since. Its rows are in the table: read them there, and follow what comes from now on`,
    { cause: first },
  );
}

function isBehind({ entry, batch }: LoggedBatch, place: Place): boolean {
  return entry > place.entry || (entry === place.entry && batch > place.batch);
}

/** Index of the first range whose entry is not before this one. */
function firstFrom(entries: readonly EntryRange[], entry: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.entry ?? 0) < entry) low = middle + 1;
    else high = middle;
  }
  return low;
}
