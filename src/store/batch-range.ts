/**
 * Ranges of positions, and iteration over the batches in one.
 *
 * @module
 */
import { UsageError } from "../errors.js";
import type { StoredBatch } from "./stored-batch.js";

/** A range of batches. Bounds are exclusive counts: `to: 3` means positions 0, 1 and 2; `to: 0` means none. */
export interface BatchRange {
  /** First position. @default 0 */
  readonly from?: number;
  /** First position that is not in the range; past the committed length it is clamped. @default the committed length */
  readonly to?: number;
  /** Newest first. @default false */
  readonly reverse?: boolean;
}

/** The bounds of `range` within `length` committed batches. */
export function clampRange(range: BatchRange, length: number): { from: number; to: number } {
  const to = Math.min(bound(range.to ?? length, "to"), length);
  return { from: Math.min(bound(range.from ?? 0, "from"), to), to };
}

/** @throws UsageError unless `value` is a whole number of batches, or Infinity */
export function bound(value: number, name: string): number {
  if (!((Number.isInteger(value) && value >= 0) || value === Number.POSITIVE_INFINITY)) {
    throw new UsageError(`${name} is ${String(value)}; expected a whole number of batches, 0 or more`);
  }
  return value;
}

/**
 * Iterates over the batches of a range, as of the moment it was made: batches appended meanwhile are not in it. `remaining` is exact at
 * every step.
 */
export class BatchIterator implements IterableIterator<StoredBatch> {
  readonly #get: (position: number) => StoredBatch;
  readonly #reverse: boolean;
  #from: number;
  #to: number;

  constructor(get: (position: number) => StoredBatch, from: number, to: number, reverse: boolean) {
    this.#get = get;
    this.#from = from;
    this.#to = to;
    this.#reverse = reverse;
  }

  /** Batches still to come. */
  get remaining(): number {
    return this.#to - this.#from;
  }

  next(): IteratorResult<StoredBatch, undefined> {
    if (this.#from >= this.#to) return { done: true, value: undefined };
    return { done: false, value: this.#get(this.#reverse ? --this.#to : this.#from++) };
  }

  [Symbol.iterator](): this {
    return this;
  }
}
