/**
 * What is put in the tests of crashes: every put follows from a seed and four numbers, so that whoever reads a log knows what should be
 * in it, without having been told.
 *
 * The key of a row names it: run of the process, caller in it, number of the caller's put, row of the put.
 *
 * ```
 *  bits  10      5        20       17
 *       run │ caller │ number │  row
 * ```
 *
 * @module
 */
import { Field, Int32, Int64, Schema, Utf8 } from "apache-arrow";
import type { Durability } from "../../src/writer/waiting-put.js";
import { Random } from "../arrow-random-data.js";
import { mix } from "../stress/run.js";

/** Of the table. */
export const SCHEMA = new Schema([
  new Field("id", new Int64(), false),
  new Field("check", new Int32(), false),
  new Field("text", new Utf8(), true),
]);
export const PRIMARY_KEY = ["id"];

/** A put, named. */
export interface PutName {
  readonly run: number;
  readonly caller: number;
  readonly number: number;
}

/** How many there may be of each. */
const NAME_BOUNDS = { run: 2 ** 10, caller: 2 ** 5, number: 2 ** 20, row: 2 ** 17 } as const;

/** One row, as an object. */
export interface PutRow {
  readonly id: bigint;
  readonly check: number;
  readonly text: string | null;
}

/** The form in which rows are put. `delete`: keys. */
export type PutForm = "object" | "objects" | "batch" | "batches" | "delete";

export interface PutPlan {
  readonly name: PutName;
  readonly form: PutForm;
  /** Rows of each batch; one number for the other forms. All together, at least 1. */
  readonly batches: readonly number[];
  readonly rows: number;
  readonly durability: Durability;
}

/** Forms, and how many of a hundred puts have them. */
const FORMS: readonly (readonly [PutForm, number])[] = [
  ["object", 45],
  ["objects", 20],
  ["batch", 20],
  ["batches", 7],
  ["delete", 8],
];
const LARGE_ROWS = 8_000;

/** The put of this name. */
export function planPut(seed: number, name: PutName): PutPlan {
  const random = new Random(mix(seed, name.run, name.caller, name.number));
  const form = formOf(random.below(100));
  const batches = sizesOf(form, random);
  const rows = batches.reduce((sum, size) => sum + size, 0);
  const kind = random.below(100);
  return { name, form, batches, rows, durability: kind < 72 ? "disk" : kind < 96 ? "os" : "memory" };
}

function formOf(percent: number): PutForm {
  let left = percent;
  for (const [form, share] of FORMS) {
    if (left < share) return form;
    left -= share;
  }
  return "object";
}

function sizesOf(form: PutForm, random: Random): readonly number[] {
  const size = (most: number): number => 1 + random.below(most);
  switch (form) {
    case "object":
      return [1];
    case "objects":
      return [size(40)];
    case "batch":
      return [random.chance(0.03) ? size(LARGE_ROWS) : random.chance(0.5) ? size(63) : size(2_000)];
    case "batches":
      return Array.from({ length: 2 + random.below(3) }, () => size(200));
    case "delete":
      return [size(20)];
  }
}

/** The row of a put, from 0. */
export function rowOf(name: PutName, row: number): PutRow {
  const id = keyOf(name, row);
  const hash = mix(Number(id & 0xffff_ffffn), Number(id >> 32n));
  return { id, check: hash | 0, text: hash % 8 === 0 ? null : textOf(id, hash) };
}

/** Mostly short, at times long enough to fill memtables and several pages. */
function textOf(id: bigint, hash: number): string {
  const repeats = hash % 512 === 1 ? 400 : (hash >>> 8) % 5;
  return `${id} is löng `.repeat(repeats);
}

/**
 * The keys that a delete deletes. The first names the delete itself, and nobody puts it; the others are of the first rows of puts by
 * the same caller, whatever has become of them.
 */
export function deletedKeys({ name, rows }: PutPlan): bigint[] {
  const keys = [keyOf(name, 0)];
  for (let back = 1; keys.length < rows; back++) {
    const number = name.number - back;
    keys.push(number < 0 ? keyOf(name, back) : keyOf({ ...name, number }, 0));
  }
  return keys;
}

function keyOf({ run, caller, number }: PutName, row: number): bigint {
  const { caller: callers, number: numbers, row: rows } = NAME_BOUNDS;
  return BigInt(((run * callers + caller) * numbers + number) * rows + row);
}

/** The put that a key names, and the row in it. */
export function nameOf(key: bigint): { readonly name: PutName; readonly row: number } {
  const { caller: callers, number: numbers, row: rows } = NAME_BOUNDS;
  let rest = Number(key);
  const take = (bound: number): number => {
    const value = rest % bound;
    rest = (rest - value) / bound;
    return value;
  };
  const row = take(rows);
  const number = take(numbers);
  const caller = take(callers);
  return { name: { run: rest, caller, number }, row };
}

/** Name of a caller of a run, as a counter has it. */
export function callerName({ run, caller }: Pick<PutName, "run" | "caller">): string {
  return `${run}/${caller}`;
}

/** The counter of a caller, which says in the log what its last put there is. */
export function counterOf({ run, caller, number }: PutName): ReadonlyMap<string, bigint> {
  return new Map([[`c${caller}`, BigInt(run) * 2n ** 32n + BigInt(number)]]);
}
