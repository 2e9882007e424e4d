/**
 * Opens a log: replays it, claims the shard, replays what had come meanwhile.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import { CorruptError } from "../errors.js";
import { claimShard } from "../lance/claim.js";
import type { ManifestStore } from "../lance/manifest-store.js";
import type { ShardManifest } from "../lance/shard-manifest.js";
import { discoverTip } from "../lance/tip.js";
import type { MemtablePool } from "../memtable/pool.js";
import type { ObjectStore } from "../storage/object-store.js";
import { Replay, type Replayed } from "./replay.js";

/** A flush of the writer at work may take entries away during a replay: then it begins again, at most so often in all. */
const MAX_TRIES = 4;

/** What is opened, and into what. */
export interface OpenLogOptions {
  readonly schema: Schema;
  /** This thread owns it. */
  readonly pool: MemtablePool;
  /** For all rows: twice what the writer's user has set. */
  readonly maxMemoryBytes: number;
}

/** A log that is claimed. */
export interface ClaimedLog extends Replayed {
  readonly epoch: number;
  /** WAL position of the next entry. */
  readonly nextPosition: number;
  /** Last entry that SSTables cover. */
  readonly replayAfter: number;
}

/** The part of a shard's manifest that says where a replay begins. */
type Covered = Pick<ShardManifest, "replayAfter" | "currentGeneration">;

const NOTHING_COVERED: Covered = { replayAfter: 0, currentGeneration: 1 };

/**
 * A claim fences whoever writes. So what would make this open fail is met before it: damage, other columns, too little memory.
 *
 * @param store rooted at the shard's directory
 */
export async function openLog(
  store: ObjectStore,
  manifests: ManifestStore,
  { schema, pool, maxMemoryBytes }: OpenLogOptions,
): Promise<ClaimedLog> {
  let covered: Covered = NOTHING_COVERED;
  let replay: Replay | undefined;
  const begin = (next: Covered): Replay => {
    const { replayAfter, currentGeneration } = next;
    const generation = Math.max(currentGeneration, replay?.discard() ?? 0);
    covered = next;
    replay = new Replay(store, { schema, pool, maxMemoryBytes, from: replayAfter + 1, generation });
    return replay;
  };
  for (let tries = 1; ; tries++) {
    const before = (await manifests.load()) ?? NOTHING_COVERED;
    try {
      await begin(before).continueTo(await discoverTip(store, before.replayAfter));
      break;
    } catch (error) {
      const passes = error instanceof CorruptError && tries < MAX_TRIES;
      if (!passes || (await manifests.load())?.replayAfter === before.replayAfter) throw error;
    }
  }
  const claim = await claimShard(manifests, store, {
    // A fence that survives a loss of power behind an entry that does not would be behind a hole.
    beforeFence: (manifest, tip) => {
      const { replayAfter, currentGeneration } = manifest;
      const same = replayAfter === covered.replayAfter && currentGeneration === covered.currentGeneration;
      return (same && replay !== undefined ? replay : begin(manifest)).continueTo(tip);
    },
  });
  const done = replay ?? begin(covered);
  await done.continueTo(claim.nextPosition);
  return {
    epoch: claim.epoch,
    nextPosition: claim.nextPosition,
    replayAfter: covered.replayAfter,
    ...done.finish(),
  };
}
