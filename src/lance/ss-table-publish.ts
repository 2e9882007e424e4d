/**
 * How SSTables come into the manifest of their shard and leave it: one commit each.
 *
 * @module
 */
import { ConflictError } from "../errors.js";
import { assertHeld } from "./epoch-watch.js";
import type { ManifestStore } from "./manifest-store.js";
import type { ShardManifest, SsTable } from "./shard-manifest.js";

/** What is published. */
export interface Publication {
  /** As `writeSsTable` returned it: its files, and their names, are durable. */
  readonly table: SsTable;
  /** Position of the last log entry whose rows are all in this SSTable or older ones. */
  readonly replayAfter: number;
  /** Position of the newest log entry known. @default `replayAfter` */
  readonly lastSeen?: number | undefined;
}

/**
 * Lists an SSTable in the manifest, advances the position from which the log is replayed, and the generation, in one commit. Every try
 * looks at the epoch again.
 *
 * @param epoch of the writer's claim
 * @throws ConflictError when the shard was claimed by another writer or sealed, or the SSTable's generation is behind the next one:
 * SSTables are published in ascending order, each once
 * @throws OutcomeUnknownError when it may be published or not, or may not survive a loss of power: the shard must be claimed anew
 */
export function publishSsTable(
  manifests: ManifestStore,
  epoch: number,
  { table, replayAfter, lastSeen = replayAfter }: Publication,
): Promise<ShardManifest> {
  return manifests.commit((current) => {
    assertHeld(current, epoch, manifests.shardId);
    if (table.generation < current.currentGeneration) {
      throw new ConflictError(
        `Shard ${manifests.shardId}: the SSTable ${table.path} has generation ${table.generation}; expected ${current.currentGeneration}, the next one, or a later one. Publish SSTables in ascending order, each once.`,
      );
    }
    return {
      ...current,
      replayAfter: Math.max(current.replayAfter, replayAfter),
      lastSeen: Math.max(current.lastSeen, lastSeen),
      currentGeneration: table.generation + 1,
      ssTables: [...current.ssTables, table],
    };
  });
}

/**
 * Drops SSTables from the manifest, in one commit: readers of later manifests look for their rows in the base table alone. Their files are
 * not touched.
 *
 * @param epoch of the claim that still has to hold
 * @param generations those that are not listed are passed over
 * @throws ConflictError when the shard was claimed by another writer or sealed; OutcomeUnknownError when nobody can say
 */
export function unlistSsTables(
  manifests: ManifestStore,
  epoch: number,
  generations: readonly number[],
): Promise<ShardManifest> {
  return manifests.commit((current) => {
    assertHeld(current, epoch, manifests.shardId);
    return { ...current, ssTables: current.ssTables.filter(({ generation }) => !generations.includes(generation)) };
  });
}
