/**
 * What the actors have been told, and what must therefore be true of every log that is read: a plain model without any code of the
 * library.
 *
 * A put is a run of consecutive ids that no other put has. From what became of it follows what a log may hold:
 *
 * | outcome | in the log |
 * |---|---|
 * | pending, unknown | all of its rows or none |
 * | nothing (a class of error that says nothing was written) | none |
 * | acknowledged | all, unless what it was good for has been overtaken: see {@link Strength} |
 * | seen by a replay | all, for ever |
 *
 * @module
 */
import type { Durability } from "../../src/writer/waiting-put.js";

/** What a put has been promised to survive: nothing; the end of its process; a loss of power. */
type Strength = 0 | 1 | 2;

const STRENGTHS: Readonly<Record<Durability, Strength>> = { memory: 0, os: 1, disk: 2 };

/** A put, as its caller knows it. */
export interface Put {
  /** Name of the writer. */
  readonly writer: string;
  readonly epoch: number;
  /** Number of the put among all. */
  readonly order: number;
  readonly first: number;
  readonly rows: number;
  readonly deletes: boolean;
  readonly durability: Durability;
  readonly counters: ReadonlyMap<string, bigint>;
  outcome: "pending" | "unknown" | "nothing" | "acknowledged";
  position: string | undefined;
  strength: Strength;
}

/** A row of a log, and where it is. */
export interface LoggedRow {
  readonly id: number;
  readonly deleted: boolean;
  readonly entry: number;
  /** Number of its batch in the entry. */
  readonly batch: number;
  /** Of the entry's writer. */
  readonly epoch: number;
}

export class History {
  readonly #puts: Put[] = [];
  readonly #ids: Put[] = [];

  /** Rows that were put so far. */
  get rows(): number {
    return this.#ids.length;
  }

  get puts(): readonly Put[] {
    return this.#puts;
  }

  begin(put: Pick<Put, "writer" | "epoch" | "rows" | "deletes" | "durability" | "counters">): Put {
    const begun: Put = {
      ...put,
      order: this.#puts.length,
      first: this.#ids.length,
      outcome: "pending",
      position: undefined,
      strength: 0,
    };
    this.#puts.push(begun);
    for (let row = 0; row < put.rows; row++) this.#ids.push(begun);
    return begun;
  }

  acknowledged(put: Put, position: string): void {
    put.outcome = "acknowledged";
    put.position = position;
    // What was put before is in the log before it.
    for (const earlier of this.#of(put.writer)) {
      if (earlier.order <= put.order) this.#strengthen(earlier, STRENGTHS[put.durability]);
    }
  }

  /** The writer has closed without an error: all it acknowledged survives. */
  closed(writer: string): void {
    for (const put of this.#of(writer)) this.#strengthen(put, 2);
  }

  /** The writer is no more: what it had not settled is in the log or not. */
  gone(writer: string): void {
    for (const put of this.#of(writer)) {
      if (put.outcome === "pending" || (put.outcome === "acknowledged" && put.strength < 1)) put.outcome = "unknown";
    }
  }

  powerLost(): void {
    for (const put of this.#puts) if (put.outcome === "acknowledged" && put.strength < 2) put.outcome = "unknown";
  }

  /** An open has replayed these puts and has resolved: they stay. */
  replayed(puts: readonly Put[]): void {
    for (const put of puts) put.strength = 2;
  }

  /** The puts that every log read from now on must hold. */
  required(): Put[] {
    return this.#puts.filter((put) => put.rows > 0 && isRequired(put));
  }

  /** Counters that a writer must have after a replay of these puts. */
  countersAfter(puts: readonly Put[]): Map<string, bigint> {
    const counters = new Map<string, bigint>();
    for (const put of puts) for (const [name, value] of put.counters) counters.set(name, value);
    return counters;
  }

  /**
   * Holds the rows of a log, in their order, against what is known.
   *
   * @param required puts that must be in it
   * @returns the puts that are in it, in their order
   * @throws Error when a put is missing, torn, there twice, out of order, in another place than its caller was told, or was never made
   */
  check(rows: readonly LoggedRow[], required: readonly Put[], where: string): Put[] {
    const found: Put[] = [];
    const seen = new Set<Put>();
    const last = new Map<string, Put>();
    let epoch = 0;
    for (let i = 0; i < rows.length; ) {
      const row = rows[i];
      const put = row === undefined ? undefined : this.#ids[row.id];
      if (row === undefined || put === undefined)
        throw new Error(`${where} holds row ${row?.id}, which nobody has put`);
      if (row.epoch < epoch) throw new Error(`${where}: entry ${row.entry} has epoch ${row.epoch} behind ${epoch}`);
      epoch = row.epoch;
      if (seen.has(put)) throw new Error(`${where} holds rows of ${describe(put)} twice`);
      this.#checkPut(put, rows.slice(i, i + put.rows), where);
      const before = last.get(put.writer);
      if (before !== undefined && before.order > put.order) {
        throw new Error(`${where} holds ${describe(put)} behind ${describe(before)}, which was put later`);
      }
      seen.add(put);
      last.set(put.writer, put);
      found.push(put);
      i += put.rows;
    }
    for (const put of required) if (!seen.has(put)) throw new Error(`${where} lacks ${describe(put)}`);
    return found;
  }

  #checkPut(put: Put, rows: readonly LoggedRow[], where: string): void {
    const name = describe(put);
    if (put.outcome === "nothing") throw new Error(`${where} holds ${name}, which has failed without an effect`);
    rows.forEach((row, i) => {
      if (row.id !== put.first + i) throw new Error(`${where} holds row ${row.id} where row ${i} of ${name} should be`);
      if (row.deleted !== put.deletes) throw new Error(`${where}: row ${row.id} of ${name} is the wrong kind`);
      if (row.entry !== rows[0]?.entry) throw new Error(`${where}: ${name} is split between entries`);
      if (row.epoch !== put.epoch) throw new Error(`${where}: ${name} is in an entry of epoch ${row.epoch}`);
    });
    const end = rows.at(-1);
    if (rows.length < put.rows || end === undefined) throw new Error(`${where} holds only a part of ${name}`);
    const position = `${hex(end.entry, 16)}-${hex(end.batch, 8)}`;
    if (put.position !== undefined && put.position !== position) {
      throw new Error(`${where} holds ${name} at ${position}, its caller was told ${put.position}`);
    }
  }

  #of(writer: string): Put[] {
    return this.#puts.filter((put) => put.writer === writer);
  }

  #strengthen(put: Put, strength: Strength): void {
    if (put.outcome === "acknowledged" && put.strength < strength) put.strength = strength;
  }
}

/** The put in words. */
export function describe({ writer, order, first, rows, durability, outcome }: Put): string {
  return `put ${order} of ${writer} (rows ${first} to ${first + rows - 1}, ${durability}, ${outcome})`;
}

function isRequired({ outcome, strength }: Put): boolean {
  return outcome === "acknowledged" ? strength >= 1 : outcome !== "nothing" && strength >= 2;
}

function hex(n: number, digits: number): string {
  return n.toString(16).padStart(digits, "0");
}
