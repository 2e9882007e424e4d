/**
 * Measuring: sides that are compared take turns (A B A B, the next round B A B A), so that a machine which grows faster or slower
 * meanwhile does so for all of them, and the figure of each is its median over the rounds.
 *
 * A side does its own timing, because what it needs to get ready (fresh memory, a reader in another thread) does not count.
 */
// @ts-check
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * How much is measured.
 *
 * @typedef {object} Plan
 * @property {boolean} smoke true when it is only to be seen that everything runs
 * @property {number} rounds rounds that count
 * @property {number} warmup rounds before them that do not
 */

/** @type {Plan} */
export const FULL = { smoke: false, rounds: 15, warmup: 3 };
/** @type {Plan} */
export const SMOKE = { smoke: true, rounds: 1, warmup: 1 };

setFlagsFromString("--expose-gc");
/**
 * Collects garbage now; memory of arenas that nothing refers to any more goes back to the system. Not to be called next to what is measured
 * in nanoseconds: the engine then throws away compiled code too, if it was specialised for an object that is gone.
 */
export const collect = /** @type {() => void} */ (runInNewContext("gc"));

let sink = 0;
/**
 * Takes a result, so that the work for it cannot be optimised away.
 *
 * @param {number} value
 */
export function keep(value) {
  sink = (sink + value) % 1_000_003;
}

/** What was kept, mixed: to be looked at once at the end. */
export function kept() {
  return sink;
}

/** @param {readonly number[]} values at least one */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * Runs the sides in turn.
 *
 * @template {string} Name
 * @param {Plan} plan
 * @param {Record<Name, () => number | Promise<number>>} sides each gives one figure a call, all in the same unit
 * @returns {Promise<Record<Name, number>>} medians
 */
export async function inTurn(plan, sides) {
  const names = /** @type {Name[]} */ (Object.keys(sides));
  const figures = new Map(names.map((name) => [name, /** @type {number[]} */ ([])]));
  for (let round = -plan.warmup; round < plan.rounds; round++) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const figure = await sides[name]();
      if (round >= 0) figures.get(name)?.push(figure);
    }
  }
  return /** @type {Record<Name, number>} */ (
    Object.fromEntries([...figures].map(([name, values]) => [name, median(values)]))
  );
}

/**
 * @param {readonly number[]} values at least one
 * @param {number} q 0 to 1
 */
export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/**
 * What many figures of one side come to.
 *
 * @typedef {object} Spread
 * @property {number} p50 median over the rounds of each round's median
 * @property {number} p99 of the figures of all rounds that count
 */

/**
 * Runs sides in turn that give many figures a round, such as the time of each of 50 puts.
 *
 * @template {string} Name
 * @param {Plan} plan
 * @param {Record<Name, () => Promise<readonly number[]>>} sides
 * @returns {Promise<Record<Name, Spread>>}
 */
export async function spreadsInTurn(plan, sides) {
  const names = /** @type {Name[]} */ (Object.keys(sides));
  const rounds = new Map(names.map((name) => [name, /** @type {(readonly number[])[]} */ ([])]));
  const figures = names.map((name) => {
    const measure = async () => {
      const found = await sides[name]();
      rounds.get(name)?.push(found);
      return median(found);
    };
    return [name, measure];
  });
  const medians = await inTurn(plan, Object.fromEntries(figures));
  const spreads = names.map((name) => {
    const counted = rounds.get(name)?.slice(plan.warmup) ?? [];
    return [name, { p50: medians[name], p99: quantile(counted.flat(), 0.99) }];
  });
  return Object.fromEntries(spreads);
}

/**
 * Milliseconds that `work` takes for each of its `count` pieces.
 *
 * @param {number} count
 * @param {() => void} work
 */
export function timed(count, work) {
  const start = performance.now();
  work();
  return (performance.now() - start) / count;
}

export const NS_PER_MS = 1e6;
export const US_PER_MS = 1e3;
