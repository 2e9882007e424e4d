/**
 * What a simulation is made of: drawn from its seed, so that seeds differ in kind and not only in order.
 *
 * @module
 */

import type { Durability } from "../../src/writer/waiting-put.js";
import type { ShardWriterOptions } from "../../src/writer/writer-settings.js";
import type { Random } from "../arrow-random-data.js";

/** Sizes and habits of the writers of a simulation. */
export type WriterSettings = Pick<
  ShardWriterOptions,
  | "memtableBytes"
  | "memtableBatches"
  | "maxMemoryBytes"
  | "maxUnflushedBytes"
  | "maxPendingPuts"
  | "maxLogRows"
  | "flushIntervalMs"
  | "flushBytes"
>;

export interface Profile {
  /**
   * `disk`: an entry can be seen before it is durable, and a loss of power takes what is not. `objects`: an object is durable once it can be
   * seen, and a request whose caller has given up may be carried out later.
   */
  readonly world: "disk" | "objects";
  /** How likely each kind of failure hits a request of a writer. */
  readonly faults: {
    /** No effect, and it is known; it passes. */
    readonly passing: number;
    /** No effect, and it is known; it does not pass. Rarer on manifests, as nothing would ever be opened otherwise. */
    readonly lasting: number;
    /** No effect, and it is not known. */
    readonly requestLost: number;
    /** An effect, and it is not known. */
    readonly replyLost: number;
    /** On a disk: an effect, and an fsync that failed. Rarer on manifests, too. */
    readonly notSynced: number;
    /** Not known, and the effect comes later: on a disk as an object that is not durable, in an object store at any time. */
    readonly late: number;
  };
  /** How likely each of these is to happen next, relative to 10 for a step of some actor. */
  readonly weights: {
    readonly put: number;
    /** Several puts at once. */
    readonly burst: number;
    readonly abort: number;
    readonly crash: number;
    /** A writer is held up in the midst of a request while another takes over. */
    readonly ambush: number;
    readonly powerLoss: number;
    /** Somebody writes to the log without a claim. */
    readonly intrude: number;
    readonly rival: number;
    readonly close: number;
    readonly pause: number;
    readonly read: number;
    readonly commit: number;
    readonly inspect: number;
  };
  readonly durabilities: readonly Durability[];
  readonly settings: WriterSettings;
}

const KIB = 1024;

export function drawProfile(random: Random): Profile {
  const world = random.chance(0.65) ? "disk" : "objects";
  const calm = random.chance(0.3);
  const sometimes = (probability: number, weight: number): number => (random.chance(probability) ? weight : 0);
  const faults = drawFaults(random);
  const intrude = sometimes(0.45, 12);
  return {
    world,
    // Whoever has lost a request is the one to be deceived.
    faults: intrude > 0 ? { ...faults, requestLost: Math.max(faults.requestLost, 0.3) } : faults,
    weights: {
      put: pick(random, [0.7, 2, 4]),
      burst: pick(random, [0, 0.1, 0.4]),
      abort: sometimes(0.4, 1),
      crash: sometimes(0.6, pick(random, [0.02, 0.08])),
      powerLoss: calm ? 0 : sometimes(0.6, 0.03),
      ambush: calm ? 0 : sometimes(0.6, pick(random, [0.2, 0.6])),
      intrude,
      rival: calm ? 0 : sometimes(0.8, pick(random, [0.03, 0.15])),
      close: sometimes(0.5, 0.06),
      pause: sometimes(0.6, 0.15),
      read: 0.1,
      commit: sometimes(0.5, 0.1),
      inspect: 0.2,
    },
    durabilities: pick<readonly Durability[]>(random, [
      ["disk"],
      ["disk", "disk", "os"],
      ["disk", "os", "memory"],
      ["os", "os", "os", "disk"],
      ["memory", "memory", "os"],
    ]),
    settings: {
      memtableBytes: pick(random, [64, 96, 128, 256]) * KIB,
      maxMemoryBytes: (random.chance(0.15) ? 300 : 100_000) * KIB,
      memtableBatches: pick(random, [12, 40, 200]),
      maxUnflushedBytes: pick(random, [1, 6 * KIB, 100_000 * KIB]),
      maxPendingPuts: random.chance(0.15) ? 3 : 100_000,
      maxLogRows: random.chance(0.15) ? 300 : 1_000_000,
      flushIntervalMs: random.chance(0.3) ? pick(random, [5, 100]) : 0,
      flushBytes: pick(random, [KIB, 8 * KIB, 8_192 * KIB]),
    },
  };
}

/** A few kinds in each seed, so that they do not get in each other's way. */
function drawFaults(random: Random): Profile["faults"] {
  const none = { passing: 0, lasting: 0, requestLost: 0, replyLost: 0, notSynced: 0, late: 0 };
  if (random.chance(0.3)) return none;
  const rate = pick(random, [0.05, 0.2, 0.5]);
  const some = (most: number): number => (random.chance(0.4) ? Math.min(rate, most) : 0);
  return {
    passing: some(0.1),
    lasting: some(0.1),
    requestLost: some(1),
    replyLost: some(1),
    notSynced: some(0.15),
    late: some(1),
  };
}

export function pick<T>(random: Random, values: readonly T[]): T {
  const value = values[random.below(values.length)];
  if (value === undefined) throw new RangeError("there is nothing to pick from");
  return value;
}
