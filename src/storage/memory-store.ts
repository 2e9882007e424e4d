/**
 * Objects in memory, for tests: the same contract as a LocalStore, and every failure on demand.
 *
 * - Failures by rule: `store.faults.add({ op: "putIfAbsent", key: "wal/", nth: 3, action: "failAfter" })`, see faults.ts.
 * - Loss of power: `powerLoss()` in place, `afterPowerLoss()` as another store. What was not made durable is lost, torn or kept.
 * - Several actors, each with a view of its own: `view({ actor: "rival", step })`. `step` is asked before every step of every request
 *   (memory-view.ts), so that a scheduler decides their order; `kill()` ends one as if its process was killed.
 * - Determinism: chance comes from `random` and time from `sleep`. The same seed and the same schedule give the same history.
 *
 * The store itself is the view of the actor "main".
 *
 * @module
 */
import { UsageError } from "../errors.js";
import { Faults } from "./faults.js";
import { type Fate, MemoryDisk } from "./memory-disk.js";
import { MemoryView, type MemoryViewOptions, type MemoryWorld } from "./memory-view.js";
import { seededRandom } from "./seeded-random.js";

/** How a MemoryStore is made. */
export interface MemoryStoreOptions extends MemoryViewOptions {
  /** What errors call it. @default "memory:" */
  readonly name?: string;
  /** Numbers in [0, 1) for all that is left to chance. @default a generator that always begins with the same seed */
  readonly random?: () => number;
  /** A clock for rules that delay. @default the system's */
  readonly sleep?: (ms: number) => Promise<void>;
  /** Most objects that one request of a listing tells of; between two of them, others may change what is there. @default 1000 */
  readonly pageSize?: number;
}

export class MemoryStore extends MemoryView {
  /** The rules by which requests fail. */
  readonly faults: Faults;
  readonly #world: MemoryWorld;

  /**
   * @param disk the objects it begins with
   * @throws UsageError when `pageSize` is no whole number of 1 or more
   */
  constructor(options: MemoryStoreOptions = {}, disk: MemoryDisk = new MemoryDisk()) {
    const { name = "memory:", random = seededRandom(1), sleep = systemSleep, pageSize = 1000 } = options;
    if (!Number.isSafeInteger(pageSize) || pageSize < 1)
      throw new UsageError(`A page cannot hold ${pageSize} objects: expected a whole number of 1 or more.`);
    const world: MemoryWorld = { name, disk, faults: new Faults(random), random, sleep, pageSize };
    super(world, options);
    this.#world = world;
    this.faults = world.faults;
  }

  /** The same objects as another actor sees them. */
  view(options: MemoryViewOptions): MemoryView {
    return new MemoryView(this.#world, options);
  }

  /** The keys of which a loss of power may change what is seen, in order. */
  unsynced(): string[] {
    return this.#world.disk.unsynced();
  }

  /**
   * Loses power and comes back: what was not durable meets its fate, and every request under way ends with a `ClosedError`, without an
   * effect. Views can be used further, unless they were closed or killed.
   *
   * @param fate of each object that is not durable
   */
  powerLoss(fate: Fate = "random"): void {
    this.#world.disk.losePower(fate, this.#world.random);
    this.#world.faults.letGo();
  }

  /**
   * What a loss of power at this moment would leave, as a store of its own, without rules; this one goes on as if nothing had
   * happened. So a test can try the fate of every moment of one history.
   *
   * @param fate of each object that is not durable
   * @param options of the other store. @default as of this one, without its scheduler
   */
  afterPowerLoss(fate: Fate = "random", options: MemoryStoreOptions = {}): MemoryStore {
    const { disk, name, random, sleep, pageSize } = this.#world;
    return new MemoryStore({ name, random, sleep, pageSize, ...options }, disk.afterPowerLoss(fate, random));
  }

  /** What a loss of power would leave for certain: the durable image, as a store of its own. */
  snapshotDurable(): MemoryStore {
    return this.afterPowerLoss("lost");
  }
}

function systemSleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
