/**
 * What a process does that is killed at a random instant, with flushes, merges and collections under way in its threads.
 *
 * @module
 */
import { Random } from "../arrow-random-data.js";
import { mix } from "../stress/run.js";

/** A minute of the defaults is about 30 ms. */
export const OFTEN = {
  compactSsTables: 3,
  compactAgeMs: 100,
  retentionMs: 0,
  logRetentionMs: 0,
  collectIntervalMs: 50,
  optimizeIntervalMs: 200,
  optimizeMerges: 4,
  versionRetentionMs: 1_000,
};

const KEYS = 200;

/** One atomic operation: rows that are put, or keys that are deleted. */
export interface Operation {
  readonly put: readonly (readonly [number, string])[];
  readonly deleted: readonly number[];
}

/** Always the same for the same numbers. */
export function operationOf(seed: number, number: number): Operation {
  const random = new Random(mix(seed, number));
  const keys = Array.from({ length: 1 + random.below(12) }, () => random.below(KEYS));
  if (random.chance(0.3)) return { put: [], deleted: keys };
  return { put: keys.map((key, i) => [key, `${number}.${i}`]), deleted: [] };
}

/** Does it to a map. */
export function operate(rows: Map<number, string>, { put, deleted }: Operation): void {
  for (const [id, text] of put) rows.set(id, text);
  for (const id of deleted) rows.delete(id);
}
