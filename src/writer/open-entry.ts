/**
 * An entry of the log that is being filled: a range of batches of one memtable, and the puts that wait for it.
 *
 * @module
 */
import { ENTRY_BOUNDS } from "../lance/wal-entry.js";
import type { Counters } from "./counters.js";
import type { Appended, LiveMemtable } from "./memtable-set.js";
import type { EntryPlan } from "./shard-log.js";
import type { WaitingPut } from "./waiting-put.js";

export class OpenEntry {
  /** WAL position. */
  readonly entry: number;
  readonly memtable: LiveMemtable;
  readonly from: number;
  readonly puts: WaitingPut[] = [];
  readonly startedAt: number;
  #to: number;
  #rows = 0;
  #arenaBytes = 0;
  #durable = false;
  #plan: EntryPlan | undefined;

  constructor(entry: number, memtable: LiveMemtable, from: number, now: number) {
    this.entry = entry;
    this.memtable = memtable;
    this.from = from;
    this.#to = from;
    this.startedAt = now;
  }

  get rows(): number {
    return this.#rows;
  }

  get arenaBytes(): number {
    return this.#arenaBytes;
  }

  get batches(): number {
    return this.#to - this.from;
  }

  /** Whether a group of batches may be in this entry too. */
  hasRoomFor({ memtable, from, to, arenaBytes }: Appended, rows: number): boolean {
    return (
      memtable === this.memtable &&
      from === this.#to &&
      this.#rows + rows <= ENTRY_BOUNDS.rows &&
      to - this.from <= ENTRY_BOUNDS.batches &&
      this.#arenaBytes + arenaBytes <= ENTRY_BOUNDS.bytes
    );
  }

  /** @param durable whether one of the puts asks for more than the end of the process */
  add(appended: Appended, rows: number, durable: boolean): void {
    this.#to = appended.to;
    this.#rows += rows;
    this.#arenaBytes += appended.arenaBytes;
    this.#durable ||= durable;
  }

  /** Ends the entry: from here on it is one of the memtable's. */
  seal(counters: Counters): void {
    const range = { entry: this.entry, from: this.from, to: this.#to };
    this.memtable.entries.push(range);
    this.#plan = { ...range, memtable: this.memtable.generation, durable: this.#durable, counters };
  }

  /** What the log is to write. */
  get plan(): EntryPlan {
    if (this.#plan === undefined) throw new Error(`entry ${this.entry} is not sealed`);
    return this.#plan;
  }
}
