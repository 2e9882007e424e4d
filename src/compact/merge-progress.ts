/**
 * How far the rows of a shard have come: which SSTables are not in the base table yet, and which are there for good.
 *
 * @module
 */
import { readNewestManifest } from "../lance/base-manifest-file.js";
import { BaseSync } from "../lance/base-sync.js";
import type { ManifestStore } from "../lance/manifest-store.js";
import { collectableThrough, memWalIndexOf } from "../lance/mem-wal-index.js";
import type { ObjectStore } from "../storage/object-store.js";
import type { MaintenanceStatus } from "./maintenance-status.js";
import { unmergedSsTables } from "./merge-plan.js";

/** What is not merged, what is merged and still listed. */
export type Progress = Pick<MaintenanceStatus, "unmerged" | "retained" | "mergedThrough">;

export class MergeProgress {
  readonly #table: ObjectStore;
  readonly #manifests: ManifestStore;
  readonly #sync: BaseSync;
  /** When each SSTable that is not merged was first seen here. */
  readonly #seenAt = new Map<number, number>();
  #mergedThrough = 0;
  #indexesLag = false;

  /** @param table rooted at the base table's directory */
  constructor(table: ObjectStore, manifests: ManifestStore) {
    this.#table = table;
    this.#manifests = manifests;
    this.#sync = new BaseSync(table);
  }

  /** Whether indexes of the base table, when it was last looked at, had not all rows that are merged. */
  get indexesLag(): boolean {
    return this.#indexesLag;
  }

  /** Says that SSTables up to this generation are merged. */
  merged(through: number): void {
    this.#mergedThrough = Math.max(this.#mergedThrough, through);
  }

  async read(): Promise<Progress> {
    const { shardId } = this.#manifests;
    const manifest = await this.#manifests.refresh();
    const index = await memWalIndexOf(this.#table);
    const said = index?.compacted.find((table) => table.shardId === shardId)?.generation ?? 0;
    this.merged(said);
    this.#indexesLag = index !== undefined && collectableThrough(index, shardId) < said;
    const unmerged = manifest === undefined ? [] : unmergedSsTables(manifest, this.#mergedThrough);
    return {
      unmerged: {
        ssTables: unmerged.length,
        bytes: unmerged.reduce((sum, { inMemoryBytes = 0 }) => sum + inMemoryBytes, 0),
        oldestAgeMs: this.#oldestAgeMs(unmerged.map(({ generation }) => generation)),
      },
      retained: (manifest?.ssTables.length ?? 0) - unmerged.length,
      mergedThrough: this.#mergedThrough,
    };
  }

  /**
   * Makes the base table's newest version durable, whoever has written it: it replaces what may be removed then.
   *
   * @param said false when the base table cannot say what is merged: then what was merged here counts
   * @returns generation up to which SSTables are in it, and in its indexes, which LanceDB's search reads besides
   */
  async makeDurable(said: boolean): Promise<number> {
    const index = await memWalIndexOf(this.#table);
    if (index === undefined) return 0;
    // What is read next is this version or a later one, which holds all that this one does.
    await this.#sync.sync(await readNewestManifest(this.#table));
    const through = collectableThrough(index, this.#manifests.shardId);
    return said || index.maintainedIndexes.length > 0 ? through : Math.max(through, this.#mergedThrough);
  }

  #oldestAgeMs(generations: readonly number[]): number {
    const now = performance.now();
    for (const generation of this.#seenAt.keys()) {
      if (!generations.includes(generation)) this.#seenAt.delete(generation);
    }
    for (const generation of generations) {
      if (!this.#seenAt.has(generation)) this.#seenAt.set(generation, now);
    }
    return now - Math.min(now, ...this.#seenAt.values());
  }
}
