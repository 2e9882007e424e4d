/**
 * Which SSTables are merged next, and how many at once.
 *
 * Several together save work: a key that is in all of them is written once, and each commit to the base table looks through all of its keys. How
 * many is bounded by the keys that have to be kept in memory, which are those of all but the oldest.
 *
 * @module
 */
import type { ShardManifest, SsTable } from "../lance/shard-manifest.js";

/** SSTables that are listed and not in the base table, oldest first. @param merged generation up to which they are */
export function unmergedSsTables(manifest: ShardManifest, merged: number): SsTable[] {
  const found = manifest.ssTables.filter(({ generation }) => generation > merged);
  return found.sort((a, b) => a.generation - b.generation);
}

/**
 * The oldest of them, as many as may be merged at once; one at least.
 *
 * @param unmerged oldest first, not empty
 * @param maxKeys keys that may be kept. An SSTable that does not say its rows is merged alone
 */
export function nextToMerge(unmerged: readonly SsTable[], maxKeys: number): readonly SsTable[] {
  let keys = 0;
  let count = 1;
  for (; count < unmerged.length; count++) {
    keys += unmerged[count]?.physicalRows ?? Number.POSITIVE_INFINITY;
    if (keys > maxKeys) break;
  }
  return unmerged.slice(0, count);
}
