/**
 * How much a stress run does and from which seed: PENNON_STRESS is short or long, PENNON_SEED replays a run.
 *
 * The seed decides what is appended, read and terminated; the system's scheduler decides when. So a replay does the same work, not
 * the same interleaving.
 *
 * @module
 */

const MAX_SEED = 0xffff_ffff;

/** True for the form that CI runs. */
export const short = process.env["PENNON_STRESS"] === "short";

/** Seed of everything random in this run, 32 bits. */
export const seed = seedOf(process.env["PENNON_SEED"]);

function seedOf(text: string | undefined): number {
  if (text === undefined || text === "") return Math.floor(Math.random() * MAX_SEED);
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 0 && value <= MAX_SEED)) {
    throw new RangeError(`PENNON_SEED is ${text}; expected a whole number from 0 to ${MAX_SEED}`);
  }
  return value;
}

/** Runs `body`; what it throws says how to do the same again. */
export async function seeded<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`with PENNON_SEED=${seed}: ${message}`, { cause });
  }
}

/** A hash of some numbers, 32 bits (the finaliser of MurmurHash3 after each). */
export function mix(...numbers: readonly number[]): number {
  let hash = 0x9e3779b9;
  for (const number of numbers) {
    hash = Math.imul(hash ^ number, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return hash >>> 0;
}
