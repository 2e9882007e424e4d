/**
 * Counters: numbers of the application that every entry of the log carries, so that what a row came from survives with the row.
 *
 * @module
 */
import { UsageError } from "../errors.js";
import { COUNTER_BOUNDS } from "../lance/wal-entry.js";

/** By name, 0 to 2^63 − 1. */
export type Counters = ReadonlyMap<string, bigint>;

const MAX_COUNTER = 2n ** 63n - 1n;

/** @throws UsageError when a name or a value cannot be written */
export function checkCounters(counters: Counters): void {
  for (const [name, value] of counters) {
    if (typeof name !== "string" || name.length > COUNTER_BOUNDS.nameLength || /\p{Surrogate}/u.test(name)) {
      throw new UsageError(
        `the counter's name ${JSON.stringify(name)} cannot be kept; expected well-formed text of at most ${COUNTER_BOUNDS.nameLength} characters`,
      );
    }
    if (typeof value !== "bigint" || value < 0n || value > MAX_COUNTER) {
      throw new UsageError(`counter ${JSON.stringify(name)} is ${String(value)}; expected a bigint from 0 to 2^63 − 1`);
    }
  }
}

/**
 * What the next entry carries.
 *
 * @throws UsageError when there would be too many
 */
export function mergeCounters(
  current: Counters,
  puts: readonly { readonly counters: Counters | undefined }[],
): Counters {
  if (puts.every((put) => put.counters === undefined)) return current;
  const merged = new Map(current);
  for (const { counters } of puts) for (const [name, value] of counters ?? []) merged.set(name, value);
  if (merged.size > COUNTER_BOUNDS.counters) {
    throw new UsageError(`the log would carry ${merged.size} counters; expected at most ${COUNTER_BOUNDS.counters}`);
  }
  return merged;
}
