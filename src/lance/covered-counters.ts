/**
 * The counters of a log whose newest entries are in SSTables already.
 *
 * Every entry of ours carries the counters of the application, so replay finds them in the newest one. Once a flush has covered it, there
 * is nothing to replay; so the entry stays in the log (garbage collection keeps it), and is looked for here. Entries of LanceDB carry no
 * counters: one that came later tells that rows were written which the counters know nothing of, and the newest of these stays too.
 *
 * @module
 */
import { CorruptError } from "../errors.js";
import type { ObjectStore } from "../storage/object-store.js";
import { type EntryLabel, readEntryLabel } from "./entry-label.js";
import { listPositions } from "./log-positions.js";

/** What the covered part of a log says. */
export interface CoveredCounters {
  readonly counters: ReadonlyMap<string, bigint>;
  /** Position of the entry that they are from; 0 when no entry carries any. */
  readonly position: number;
  /** Position of the newest entry of another writer, such as LanceDB's, behind that one; 0 when there is none. */
  readonly foreign: number;
}

/** Entries looked at; fences are among them, two to three for each time that the shard was opened. */
const MAX_LOOKED_AT = 65_536;

/**
 * @param through position of the last entry that counts: what SSTables cover
 * @throws what the store throws. A damaged entry is passed over: its rows are in SSTables, and so are those before it
 */
export async function coveredCounters(store: ObjectStore, through: number): Promise<CoveredCounters> {
  return newestCounters(store, await listPositions(store), through);
}

/** The same, of a log whose positions are known, ascending. */
export async function newestCounters(
  store: ObjectStore,
  positions: Float64Array,
  through: number,
): Promise<CoveredCounters> {
  let foreign = 0;
  let looked = 0;
  for (let i = positions.length - 1; i >= 0 && looked < MAX_LOOKED_AT; i--) {
    const position = positions[i] ?? 0;
    if (position > through) continue;
    looked++;
    const label = await labelAt(store, position);
    if (label === undefined || label.sentinel) continue;
    if (label.own === undefined) foreign ||= position;
    else if (label.own.counters.size > 0) return { counters: label.own.counters, position, foreign };
  }
  return { counters: new Map(), position: 0, foreign };
}

async function labelAt(store: ObjectStore, position: number): Promise<EntryLabel | undefined> {
  try {
    return await readEntryLabel(store, position);
  } catch (error) {
    if (error instanceof CorruptError) return undefined;
    throw error;
  }
}
