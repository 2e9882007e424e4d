/**
 * The store of a simulation: a MemoryStore whose every step waits for the scheduler, and which fails as a disk or an object store does.
 *
 * On a disk the bytes of a durable put are synced before they get their name, so a loss of power leaves such an object whole
 * or not at all; one that was not put durably may be torn. In an object store a put is durable as soon as it can be seen, and one whose
 * caller has given up waiting may still be carried out.
 *
 * @module
 */
import { OutcomeUnknownError } from "../../src/errors.js";
import { MANIFEST_PREFIX, parseWalKey, WAL_PREFIX } from "../../src/lance/names.js";
import type { FaultRule, StoreOperation } from "../../src/storage/faults.js";
import { MemoryStore } from "../../src/storage/memory-store.js";
import type { ObjectStore } from "../../src/storage/object-store.js";
import type { Random } from "../arrow-random-data.js";
import type { Profile } from "./profile.js";
import { type Scheduler, shortKey } from "./scheduler.js";

export class World {
  /** The store without a scheduler, for whoever looks at all of it at once. */
  readonly disk: MemoryStore;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #profile: Profile;
  /** Requests so far that were carried out though nobody waited for them any more. */
  #late = 0;
  /** Keys of objects whose bytes were synced before they could be seen. */
  readonly #whole = new Set<string>();
  /** What could not be synced, by whom: nobody may believe that it can the second time. */
  readonly #failedSyncs = new Set<string>();
  readonly #onViolation: (message: string) => void;
  #healthy = false;

  constructor(scheduler: Scheduler, random: Random, profile: Profile, onViolation: (message: string) => void) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#profile = profile;
    this.#onViolation = onViolation;
    this.disk = new MemoryStore({ random: () => random.uint32() / 2 ** 32, pageSize: 8 });
  }

  /** The store, as an actor sees it. */
  storeOf(actor: string, faulty: boolean): ObjectStore {
    const view = this.#view(actor);
    if (faulty) for (const rule of this.#rulesFor(actor)) this.disk.faults.add(rule);
    const objects = this.#profile.world === "objects";
    return {
      name: view.name,
      putIfAbsent: async (key, parts, options = {}) => {
        const durable = objects || (options.durable ?? true);
        this.#assertSyncable(actor, [key]);
        if (durable) this.#whole.add(key);
        if (faulty && !this.#healthy && this.#random.chance(this.#profile.faults.late)) {
          if (objects) this.#putLate(key, Buffer.concat(parts));
          else await view.putIfAbsent(key, parts, { ...options, durable: false });
          throw new OutcomeUnknownError(`${key}: no reply in time`, { retryable: true });
        }
        await this.#syncing(actor, [key], view.putIfAbsent(key, parts, { ...options, durable }));
      },
      put: (key, parts, options) => view.put(key, parts, options),
      get: (key, options) => view.get(key, options),
      getRange: (key, start, end, options) => view.getRange(key, start, end, options),
      head: (key, options) => view.head(key, options),
      list: (prefix, options) => view.list(prefix, options),
      delete: (key, options) => view.delete(key, options),
      sync: async (keys, options) => {
        this.#assertSyncable(actor, keys);
        await this.#syncing(actor, keys, view.sync(keys, options));
      },
      close: () => view.close(),
    };
  }

  /** No request fails any more. */
  heal(): void {
    this.#healthy = true;
    this.disk.faults.clear();
  }

  /** Positions of entries that a loss of power may take, ascending. */
  unsyncedEntries(): number[] {
    return this.disk
      .unsynced()
      .flatMap((key) => parseWalKey(key) ?? [])
      .sort((a, b) => a - b);
  }

  /** Position of the newest entry that no loss of power can take, 0 for none. */
  async lastDurableEntry(): Promise<number> {
    const unsynced = new Set(this.unsyncedEntries());
    return Math.max(0, ...[...(await this.#entries()).keys()].filter((entry) => !unsynced.has(entry)));
  }

  /**
   * Loses power, all actors being dead.
   *
   * @returns positions of the entries that are gone or torn, ascending
   */
  async losePower(fate: "random" | "lost" = "random"): Promise<number[]> {
    if (this.#profile.world === "objects") return [];
    const before = await this.#entries();
    for (const key of this.disk.unsynced()) {
      if (!this.#whole.has(key) || (await this.disk.head(key)) === undefined) continue;
      if (fate === "random" && this.#random.chance(0.5)) await this.disk.sync([key]);
      else await this.disk.delete(key);
    }
    this.disk.powerLoss(fate);
    const after = await this.#entries();
    return [...before].flatMap(([entry, bytes]) => (after.get(entry) === bytes ? [] : [entry])).sort((a, b) => a - b);
  }

  /** Removes the entries from this one on, for good; all actors being dead. */
  async truncateLog(from: number): Promise<void> {
    for (const entry of (await this.#entries()).keys()) {
      if (entry < from) continue;
      for await (const { key } of this.disk.list(WAL_PREFIX)) {
        if (parseWalKey(key) === entry) await this.disk.delete(key);
      }
    }
    this.disk.powerLoss("kept");
  }

  #view(actor: string): ObjectStore {
    const atOnce = this.#profile.world === "objects";
    return this.disk.view({ actor, step: this.#scheduler.stepsOf(actor, ({ phase }) => atOnce && phase === "sync") });
  }

  /** Once the scheduler lets it. */
  #putLate(key: string, bytes: Uint8Array): void {
    this.#view(`late${++this.#late}`)
      .putIfAbsent(key, [bytes])
      .catch(() => {});
  }

  async #syncing(actor: string, keys: readonly string[], request: Promise<void>): Promise<void> {
    try {
      await request;
    } catch (error) {
      if (error instanceof OutcomeUnknownError && !error.retryable) {
        for (const key of keys) this.#failedSyncs.add(`${actor} ${key}`);
      }
      throw error;
    }
  }

  #assertSyncable(actor: string, keys: readonly string[]): void {
    for (const key of keys) {
      if (this.#failedSyncs.has(`${actor} ${key}`)) this.#onViolation(`${actor} has ${shortKey(key)} synced once more`);
    }
  }

  /** Bytes of each entry, by position. */
  async #entries(): Promise<Map<number, number>> {
    const entries = new Map<number, number>();
    for await (const { key } of this.disk.list(WAL_PREFIX)) {
      const entry = parseWalKey(key);
      if (entry !== undefined) entries.set(entry, (await this.disk.head(key))?.bytes ?? 0);
    }
    return entries;
  }

  #rulesFor(actor: string): FaultRule[] {
    const { passing, lasting, requestLost, replyLost, notSynced } = this.#profile.faults;
    const writes: StoreOperation[] = ["putIfAbsent", "put"];
    const rules: FaultRule[] = [
      { action: "failBefore", error: "retryable", chance: passing },
      { op: writes, action: "failBefore", error: "unknown", chance: requestLost },
      { op: writes, action: "failAfter", chance: replyLost },
    ];
    const syncs: StoreOperation[] = this.#profile.world === "disk" ? ["putIfAbsent", "sync"] : [];
    for (const [key, rarity] of [
      [WAL_PREFIX, 1],
      [MANIFEST_PREFIX, 10],
    ] as const) {
      rules.push({ key, action: "failBefore", error: "storage", chance: lasting / rarity });
      rules.push({ key, op: syncs, action: "failAfter", at: "sync", chance: notSynced / rarity });
    }
    const likely = rules.filter(({ chance = 1 }) => chance > 0);
    return this.#healthy ? [] : likely.map((rule) => ({ ...rule, actor, times: Number.POSITIVE_INFINITY }));
  }
}
