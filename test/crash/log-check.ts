/**
 * Holds what a replay has brought against what processes have told: every acknowledged put is there, whole, once, where its caller was
 * told, in the order of its caller; nothing is there that has failed without an effect, or was never put.
 *
 * @module
 */
import type { LiveMemtable } from "../../src/writer/memtable-set.js";
import { formatPosition } from "../../src/writer/position.js";
import type { ShardWriter } from "../../src/writer/shard-writer.js";
import { callerName, counterOf, deletedKeys, nameOf, type PutName, type PutPlan, planPut, rowOf } from "./put-plan.js";
import { putKey, type Told } from "./told.js";

/** Errors that say that nothing was written. */
const WITHOUT_EFFECT = new Set(["Usage", "Full", "Storage", "Retryable", "Conflict", "Closed"]);

/** A row of the log. */
interface LoggedRow {
  readonly id: bigint;
  readonly check: number | null;
  readonly text: string | null;
  readonly deleted: boolean;
}

/** Position of each put in the log, in the order of the log, by `putKey`. */
export type HeldPuts = ReadonlyMap<string, string>;

/** @throws Error saying what is wrong */
export function checkLog(writer: ShardWriter, told: Told, seed: number): HeldPuts {
  const check = new LogCheck(told, seed);
  for (const memtable of writer.memtables) check.memtable(memtable);
  return check.finish(writer.counters);
}

class LogCheck {
  readonly #told: Told;
  readonly #seed: number;
  readonly #held = new Map<string, string>();
  /** Number of the next put of each caller. */
  readonly #next = new Map<string, number>();
  readonly #counters = new Map<string, bigint>();
  #open: { readonly plan: PutPlan; readonly keys: readonly bigint[]; row: number } | undefined;

  constructor(told: Told, seed: number) {
    this.#told = told;
    this.#seed = seed;
  }

  memtable({ store, entries }: LiveMemtable): void {
    let covered = 0;
    for (const { entry, from, to } of entries) {
      if (from !== covered) throw new Error(`entry ${entry} begins with batch ${from} of its memtable, not ${covered}`);
      covered = to;
      for (let batch = from; batch < to; batch++) {
        const recordBatch = store.recordBatch(batch);
        if (recordBatch === undefined) throw new Error(`batch ${batch} of entry ${entry} is not there`);
        const column = (name: string) => recordBatch.getChild(name);
        const [id, check, text, deleted] = [column("id"), column("check"), column("text"), column("_tombstone")];
        const position = formatPosition(entry, batch - from);
        for (let row = 0; row < recordBatch.numRows; row++) {
          const found = { id: id?.get(row), check: check?.get(row), text: text?.get(row), deleted: deleted?.get(row) };
          this.#row(found, position);
        }
      }
      if (this.#open !== undefined) throw new Error(`entry ${entry} ends within ${describe(this.#open.plan)}`);
    }
    if (covered !== store.length) throw new Error(`${store.length - covered} batches of a memtable are of no entry`);
    if (store.durable !== covered) throw new Error(`only ${store.durable} of ${covered} batches count as durable`);
  }

  finish(counters: ReadonlyMap<string, bigint>): HeldPuts {
    for (const { caller, number, durability, position } of this.#told.acknowledged) {
      const held = this.#held.get(putKey(caller, number));
      if (held === position || (held === undefined && durability === "memory")) continue;
      const where = held === undefined ? "is not in the log" : `is in the log at ${held}`;
      throw new Error(`put ${number} of ${caller} was acknowledged (${durability}) at ${position}, and ${where}`);
    }
    for (const [put, code] of this.#told.failed) {
      if (this.#held.has(put) && WITHOUT_EFFECT.has(code))
        throw new Error(`put ${put} failed with ${code}, and is there`);
    }
    const [expected, found] = [this.#counters, counters].map((map) => JSON.stringify([...map].map(String).sort()));
    if (expected !== found) throw new Error(`the log's counters are ${found}; expected ${expected}`);
    return this.#held;
  }

  #row(row: LoggedRow, position: string): void {
    this.#open ??= this.#begin(row);
    const { plan, keys } = this.#open;
    const at = this.#open.row++;
    const expected = expectedRow(plan, keys, at);
    for (const column of ["id", "check", "text", "deleted"] as const) {
      if (row[column] === expected[column]) continue;
      throw new Error(`${column} of row ${at} of ${describe(plan)} is ${row[column]}; expected ${expected[column]}`);
    }
    if (at + 1 < plan.rows) return;
    const { name } = plan;
    this.#open = undefined;
    this.#held.set(putKey(callerName(name), name.number), position);
    for (const [counter, value] of counterOf(name)) this.#counters.set(counter, value);
  }

  #begin({ id }: LoggedRow): { plan: PutPlan; keys: bigint[]; row: number } {
    const { name, row } = nameOf(id);
    const plan = planPut(this.#seed, name);
    const caller = callerName(name);
    if (row !== 0) throw new Error(`row ${row} of ${describe(plan)} is where a put should begin`);
    const next = this.#next.get(caller) ?? 0;
    if (name.number < next) throw new Error(`${describe(plan)} is there twice, or behind a later one of its caller`);
    for (let number = next; number < name.number; number++) {
      // Whoever goes on after a failure of its own has a gap there.
      if (this.#told.failed.has(putKey(caller, number))) continue;
      throw new Error(`${describe(plan)} is there, but put ${number} of the same caller is not`);
    }
    this.#next.set(caller, name.number + 1);
    return { plan, keys: plan.form === "delete" ? deletedKeys(plan) : [], row: 0 };
  }
}

function expectedRow({ name, form }: PutPlan, keys: readonly bigint[], row: number): LoggedRow {
  if (form === "delete") return { id: keys[row] ?? -1n, check: null, text: null, deleted: true };
  return { ...rowOf(name, row), deleted: false };
}

function describe({ name, form, rows }: { name: PutName; form: string; rows: number }): string {
  return `put ${name.number} of ${callerName(name)} (${form}, ${rows} rows)`;
}
