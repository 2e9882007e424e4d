/**
 * A walk through all entries of a log, in order, that stops at no damage: it says of each entry what it is and what is wrong with it,
 * and where entries are missing.
 *
 * Of the log as a whole only the positions are in memory, 8 bytes each; entries are read one after the other into the same memory.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import { CorruptError, StorageError, UsageError } from "../errors.js";
import { ObjectNotFoundError, type ObjectStore } from "../storage/object-store.js";
import { withoutAdvice } from "./damage-text.js";
import { EntryTrial } from "./entry-trial.js";
import { listPositions } from "./log-positions.js";
import { walKey } from "./names.js";
import { type EntryInspection, inspectEntry } from "./wal-entry-reader.js";

/** An entry that is there. */
export interface SurveyedEntry {
  readonly kind: "entry";
  readonly position: number;
  readonly key: string;
  readonly bytes: number;
  /** True when SSTables cover it: nobody replays it. */
  readonly covered: boolean;
  /** What it says of itself; undefined when not even that can be read. */
  readonly inspection: EntryInspection | undefined;
  /** What is wrong with it, undefined when nothing is. */
  readonly damage: string | undefined;
  /** True when its bytes are what its writer wrote, as its checksum says: then `damage` is that the table has other columns by now. */
  readonly sound: boolean;
  /** True when the storage could not hand it over, which says nothing about its bytes. */
  readonly unreadable: boolean;
}

/** Entries that must be there and are not: positions [from, to). */
export interface MissingEntries {
  readonly kind: "missing";
  readonly from: number;
  readonly to: number;
}

export type SurveyFinding = SurveyedEntry | MissingEntries;

/** What the manifest says of the log, and how thorough the survey is. */
export interface SurveyOptions {
  /** Last position that SSTables cover, 0 for none. */
  readonly replayAfter: number;
  /** Some position that was once the newest. @default none */
  readonly lastSeen?: number;
  /** Storage schema: with it, what is to be replayed is held against the table's columns, and laid out where it has no checksum. */
  readonly schema?: Schema | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Surveys a log. A writer may be at work meanwhile: what it appends after the beginning is not told of.
 *
 * @throws UsageError when there are more than 16,777,216 entries; what the store's listing throws; the signal's reason
 */
export async function* surveyLog(
  store: ObjectStore,
  options: SurveyOptions,
): AsyncGenerator<SurveyFinding, void, undefined> {
  const { replayAfter, signal } = options;
  const positions = await listPositions(store, signal);
  const trial = options.schema === undefined ? undefined : new EntryTrial(options.schema);
  const reader = new EntryBytesReader(store);
  try {
    let next = replayAfter + 1;
    for (const position of positions) {
      signal?.throwIfAborted();
      if (position > next) yield* missing(store, next, position);
      const covered = position <= replayAfter;
      // What is never replayed may have the columns of a former schema.
      const found = await survey(reader, position, covered, covered ? undefined : trial);
      // What SSTables cover may be removed at any time.
      if (found !== undefined) yield found;
      else if (!covered) yield { kind: "missing", from: position, to: position + 1 };
      next = Math.max(next, position + 1);
    }
    const lastSeen = options.lastSeen ?? 0;
    if (lastSeen >= next) yield* missing(store, next, lastSeen + 1);
  } finally {
    trial?.close();
  }
}

/** What is missing of [from, to). One entry may be there all the same, if a writer was at work while the log was listed. */
async function* missing(store: ObjectStore, from: number, to: number): AsyncGenerator<MissingEntries, void, undefined> {
  if (to - from > 1 || (await store.head(walKey(from))) === undefined) yield { kind: "missing", from, to };
}

async function survey(
  reader: EntryBytesReader,
  position: number,
  covered: boolean,
  trial: EntryTrial | undefined,
): Promise<SurveyedEntry | undefined> {
  const key = walKey(position);
  const entry = { kind: "entry", position, key, covered } as const;
  let bytes: Uint8Array;
  try {
    bytes = await reader.read(key);
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    if (!(error instanceof StorageError || error instanceof UsageError)) throw error;
    return { ...entry, bytes: 0, inspection: undefined, damage: error.message, sound: false, unreadable: true };
  }
  let inspection: EntryInspection | undefined;
  let damage: string | undefined;
  try {
    inspection = inspectEntry(bytes, key);
    damage = inspection.damage ?? trial?.damageOf(bytes, key, inspection);
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error;
    damage = withoutAdvice(error.message, key);
  }
  const sound = inspection?.checksum === "ok" && inspection.damage === undefined;
  return { ...entry, bytes: bytes.byteLength, inspection, damage, sound, unreadable: false };
}

/** Reads entries into the same memory, one after the other. */
class EntryBytesReader {
  readonly #store: ObjectStore;
  #memory = new Uint8Array(65_536);

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** The entry, until the next is read. */
  read(key: string): Promise<Uint8Array> {
    return this.#store.get(key, { into: (bytes) => this.#memoryOf(bytes) });
  }

  #memoryOf(bytes: number): Uint8Array {
    if (this.#memory.byteLength < bytes) this.#memory = new Uint8Array(2 ** Math.ceil(Math.log2(bytes)));
    return this.#memory;
  }
}
