/**
 * Since when things are garbage: what collections remember from run to run.
 *
 * An object store does not say how old an object is, and what counts is not when a file was made but since when nobody needs it. So each run
 * notes how far things had come at its time, and a retention of an hour asks for the newest note that is an hour old: what was covered, merged
 * or replaced by then has been so for an hour at least. What nothing refers to is noted by name.
 *
 * The notes are kept in `pennon-gc.json` in the shard's directory. They are a hint: lost, torn or of the future, they begin anew, and all
 * retentions with them. Nothing is removed earlier for it.
 *
 * @module
 */
import { ObjectNotFoundError, type ObjectStore } from "../storage/object-store.js";

/** How far things had come. */
export interface Progress {
  /** Newest version of the shard's manifest. */
  readonly version: number;
  /** Last entry of the log that SSTables covered. */
  readonly replayAfter: number;
  /** Newest generation that was in the base table. */
  readonly compactedThrough: number;
}

interface Note extends Progress {
  readonly atMs: number;
}

/** Key of the notes. */
export const STATE_KEY = "pennon-gc.json";

const NOTHING: Progress = { version: 0, replayAfter: 0, compactedThrough: 0 };
/** Notes and names that are kept. Beyond that the oldest notes go first, and names are noted later. */
const MAX_NOTES = 256;
const MAX_NAMES = 4_096;
/** Two notes lie so far apart, or an eighth of their age if that is more. */
const LEAST_SPACING_MS = 5_000;
const SPACING = 1 / 8;

export class GarbageState {
  readonly #notes: Note[];
  /** When a name was seen first that nothing refers to. */
  readonly #seen: Map<string, number>;
  /** Directories of SSTables whose files are known to survive a loss of power. */
  readonly #synced: Set<string>;
  readonly #nowMs: number;

  private constructor(notes: Note[], seen: Map<string, number>, synced: Set<string>, nowMs: number) {
    this.#notes = notes;
    this.#seen = seen;
    this.#synced = synced;
    this.#nowMs = nowMs;
  }

  /** What was noted before, at a moment. */
  static async load(store: ObjectStore, nowMs: number): Promise<GarbageState> {
    const stored = await storedState(store);
    const notes: Note[] = [];
    for (const note of arrayOf(stored, "notes")) {
      const atMs = Math.min(numberOf(note, "atMs"), nowMs);
      const version = numberOf(note, "version");
      const replayAfter = numberOf(note, "replayAfter");
      notes.push({ atMs, version, replayAfter, compactedThrough: numberOf(note, "compactedThrough") });
    }
    const seen = new Map<string, number>();
    for (const name of arrayOf(stored, "seen")) seen.set(textOf(name, "name"), Math.min(numberOf(name, "atMs"), nowMs));
    const synced = arrayOf(stored, "synced").filter((name) => typeof name === "string");
    return new GarbageState(notes, seen, new Set(synced), nowMs);
  }

  /** How far things had come that long ago, for certain. */
  progressBefore(retentionMs: number, now: Progress): Progress {
    if (retentionMs === 0) return now;
    let found = NOTHING;
    for (const note of this.#notes) if (note.atMs <= this.#nowMs - retentionMs) found = larger(found, note);
    // A shard that was removed and made anew has come less far than the notes say.
    return {
      version: Math.min(found.version, now.version),
      replayAfter: Math.min(found.replayAfter, now.replayAfter),
      compactedThrough: Math.min(found.compactedThrough, now.compactedThrough),
    };
  }

  /** For how long nothing has referred to the name: 0 when it is seen for the first time. */
  unreferencedMs(name: string): number {
    const atMs = this.#seen.get(name);
    return atMs === undefined ? 0 : this.#nowMs - atMs;
  }

  isSynced(directory: string): boolean {
    return this.#synced.has(directory);
  }

  noteSynced(directory: string): void {
    this.#synced.add(directory);
  }

  /**
   * Notes how far things have come.
   *
   * @param mostMs the longest retention that is asked for
   * @param unreferenced names that nothing refers to; others are forgotten
   * @param listed directories of SSTables that are listed; others are forgotten
   */
  note(now: Progress, mostMs: number, unreferenced: readonly string[], listed: readonly string[]): void {
    this.#notes.push({ ...now, atMs: this.#nowMs });
    this.#thin(mostMs);
    const names = new Set(unreferenced);
    for (const name of this.#seen.keys()) if (!names.has(name)) this.#seen.delete(name);
    for (const name of names) {
      if (this.#seen.size < MAX_NAMES && !this.#seen.has(name)) this.#seen.set(name, this.#nowMs);
    }
    const tables = new Set(listed);
    for (const name of this.#synced) if (!tables.has(name)) this.#synced.delete(name);
  }

  encode(): Uint8Array {
    const seen = [...this.#seen].map(([name, atMs]) => ({ name, atMs }));
    return Buffer.from(`${JSON.stringify({ notes: this.#notes, seen, synced: [...this.#synced] })}\n`);
  }

  /** From the oldest to the newest, so that a note grows old however many follow it. */
  #thin(mostMs: number): void {
    const notes = this.#notes.sort((a, b) => a.atMs - b.atMs);
    const kept: Note[] = [];
    for (const [i, note] of notes.entries()) {
      const ageMs = this.#nowMs - note.atMs;
      const next = notes[i + 1];
      // Of those that are older than any retention, the newest says all.
      if (next !== undefined && this.#nowMs - next.atMs >= mostMs) continue;
      const before = kept.at(-1);
      const spacingMs = Math.max(LEAST_SPACING_MS, ageMs * SPACING);
      if (next === undefined || before === undefined || note.atMs - before.atMs >= spacingMs) kept.push(note);
    }
    this.#notes.splice(0, this.#notes.length, ...kept.slice(-MAX_NOTES));
  }
}

function larger(a: Progress, b: Progress): Progress {
  return {
    version: Math.max(a.version, b.version),
    replayAfter: Math.max(a.replayAfter, b.replayAfter),
    compactedThrough: Math.max(a.compactedThrough, b.compactedThrough),
  };
}

async function storedState(store: ObjectStore): Promise<unknown> {
  let bytes: Uint8Array;
  try {
    bytes = await store.get(STATE_KEY);
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
  try {
    const stored: unknown = JSON.parse(Buffer.from(bytes).toString());
    return stored;
  } catch {
    return undefined; // torn: retentions begin anew
  }
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}

function arrayOf(value: unknown, name: string): readonly unknown[] {
  const found = fieldOf(value, name);
  return Array.isArray(found) ? found : [];
}

/** A number that is none counts as nothing, and a time that is none as now. */
function numberOf(value: unknown, name: string): number {
  const found = fieldOf(value, name);
  if (typeof found === "number" && Number.isSafeInteger(found) && found >= 0) return found;
  return name === "atMs" ? Number.MAX_SAFE_INTEGER : 0;
}

function textOf(value: unknown, name: string): string {
  const found = fieldOf(value, name);
  return typeof found === "string" ? found : "";
}
