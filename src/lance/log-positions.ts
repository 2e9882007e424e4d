/**
 * The positions of all entries of a log, 8 bytes each in memory.
 *
 * @module
 */
import { UsageError } from "../errors.js";
import type { ObjectStore } from "../storage/object-store.js";
import { parseWalKey, WAL_PREFIX } from "./names.js";

/** Entries of one log; 128 MiB of positions. */
const MAX_ENTRIES = 2 ** 24;

/**
 * The positions at which there are entries, ascending. It is no snapshot: what comes or goes meanwhile may be in it or not.
 *
 * @throws UsageError when there are more than 16,777,216 entries; what the store's listing throws; the signal's reason
 */
export async function listPositions(store: ObjectStore, signal?: AbortSignal): Promise<Float64Array> {
  let positions = new Float64Array(1024);
  let count = 0;
  for await (const { key } of store.list(WAL_PREFIX, { signal })) {
    // Position 0 stands for "none": whatever lies there, nobody reads it.
    const position = parseWalKey(key) ?? 0;
    if (position === 0) continue;
    if (count === MAX_ENTRIES) throw new UsageError(`${store.name}: the log has more than ${MAX_ENTRIES} entries`);
    if (count === positions.length) {
      const larger = new Float64Array(2 * count);
      larger.set(positions);
      positions = larger;
    }
    positions[count++] = position;
  }
  return positions.subarray(0, count).sort();
}
