/**
 * Claiming a shard: how one writer takes over, and how the one before it learns that it may not go on.
 *
 * Three writes, each put-if-absent:
 *
 * 1. **manifest version + 1 with epoch + 1.** From here on nobody with a lower epoch acknowledges anything.
 * 2. **the fence sentinel**, an entry without rows, at the tip of the log. From here on nobody with a lower epoch appends anything.
 * 3. **manifest version + 1 with the sentinel's position as the hint.** It succeeds only if nobody has claimed a higher epoch until
 *    now; else the claim has failed.
 *
 * Then everything behind `replayAfter` up to `nextPosition` is replayed, and the first append goes to `nextPosition`.
 *
 * **Why no two writers acknowledge.** Let A hold epoch e, and B claim e + 1; the store is linearizable, request by request. A appends one
 * entry at a time, each at the position behind the one before, makes it durable, then looks for a newer manifest (epoch-watch.ts), then
 * acknowledges.
 * - A looked before write 1 of B: then A's entry was there before B listed the log, and is below B's sentinel. B replays it.
 * - A looked after write 1: A sees it and does not acknowledge. Its entry is there or not, and B replays it or not: unknown to A,
 *   once and for all times.
 * - A's request is still under way when write 2 comes: either A gets the position, and B's sentinel goes to the next one
 *   and B replays A's entry; or B gets it, and A is told that the position is taken. Both cannot have it.
 * So once B's claim has returned, A acknowledges nothing more, and all that A has acknowledged lies below B's sentinel. A writer of
 * LanceDB does not look after appending; for it the sentinel alone decides: what it got in is below and is replayed, its next
 * append collides, and then it reads the manifest. That it was written first is why it then finds itself fenced.
 *
 * **What lies below the sentinel is made durable before it**, as not all writers do so (LanceDB never does, and an entry may have been
 * written that is not acknowledged yet): after a loss of power the sentinel could stand behind a hole, which no reader goes past.
 *
 * **Epoch 1** needs no sentinel: there was no manifest, or one of epoch 0, so nobody has claimed before and nobody can append.
 *
 * **An unknown outcome of write 1** (the reply is lost) is a lost claim: read back, a manifest with our epoch could be that of a rival who
 * claimed the same one. So the next try claims one epoch higher than the lost one, wherever that has ended up.
 * The other two are settled by asking again (put-settled.ts): no one else writes a sentinel of an epoch that is certainly ours.
 *
 * **Why write 3.** B may be stopped between 1 and 2, while C claims e + 2, writes its sentinel and appends. When B goes on, its sentinel
 * lands behind C's, and it must not append there: write 3 tells it. So of two claims that returned, the later one's sentinel is
 * behind the earlier one's, and what lies between them is the earlier one's.
 * What such a B leaves behind is a sentinel, no more. **A writer that finds its position taken** looks at its claim; if that holds, it could
 * step over a sentinel of a lower epoch, as LanceDB does, but not over anything else. Ours stops in either case, as the positions of its
 * next entries are given out already; the shard is opened again, which replays it (LanceDB has no write 3: there a B that was stopped may
 * get rows in).
 *
 * **Claims race** for each version; whoever loses reads what has come and claims one higher, so the last one wins, as it would have
 * done a moment later. That no healthy writer is fenced by accident is the business of those who call this.
 *
 * @module
 */
import { ConflictError, CorruptError, RetryableError } from "../errors.js";
import { ObjectNotFoundError, type ObjectStore } from "../storage/object-store.js";
import { assertHeld, assertNotSealed } from "./epoch-watch.js";
import type { ManifestStore } from "./manifest-store.js";
import { walKey } from "./names.js";
import { putSettled } from "./put-settled.js";
import { parseUuid } from "./shard-id.js";
import { newShardManifest, type ShardManifest } from "./shard-manifest.js";
import { discoverTip } from "./tip.js";
import { encodeSentinel } from "./wal-entry.js";

/** A shard, claimed. */
export interface Claim {
  /** The fencing token: every entry carries it. */
  readonly epoch: number;
  readonly manifest: ShardManifest;
  /** Where the first append goes. What must be replayed lies behind `manifest.replayAfter` and before this. */
  readonly nextPosition: number;
}

export interface ClaimOptions {
  /** Sharding spec of a shard that has no manifest yet. @default 1, that of LanceDB */
  readonly shardSpecId?: number | undefined;
  /** Looked at before the claim is written; aborted later, it has no effect. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Called with the manifest just written and the tip of the log, before the sentinel is: has all entries behind `replayAfter` and below
   * the tip survive a loss of power. Replaying may be done here, as it reads them anyway.
   * @default syncs them all
   */
  readonly beforeFence?: ((manifest: ShardManifest, tip: number) => Promise<void>) | undefined;
}

const MAX_CLAIM_TRIES = 16;
/** An old writer may append as often before the sentinel gets a position. */
const MAX_SENTINEL_TRIES = 1024;
/**
 * Thereafter the old writer is one that looks at no manifest, of LanceDB then, and syncs nothing itself: it would win for ever against
 * whoever does. So the sentinel is put first and all is synced then.
 */
const MAX_PATIENT_TRIES = 3;
const MAX_SYNCED_AT_ONCE = 1024;
const MAX_LOOKED_AT = 4096;
const LANCEDB_SPEC_ID = 1;

/**
 * Claims the shard: fences every writer before.
 *
 * @param store where the log is: rooted at the shard's directory, as that of `manifests`
 * @throws ConflictError when the shard is sealed, or somebody else has claimed it in the meantime; CorruptError when its manifest
 * or log is damaged; StorageError, RetryableError, OutcomeUnknownError by the store: the older writers may then be fenced, and
 * claiming again is safe
 */
export async function claimShard(
  manifests: ManifestStore,
  store: ObjectStore,
  options: ClaimOptions = {},
): Promise<Claim> {
  const claimed = await claimEpoch(manifests, options);
  const epoch = claimed.writerEpoch;
  const tip = await beforeFence(manifests, store, claimed, options);
  const fenced = epoch > 1;
  const nextPosition = fenced ? (await putSentinel(manifests, store, epoch, tip)) + 1 : tip;
  if (!fenced && claimed.lastSeen === nextPosition - 1) return { epoch, manifest: claimed, nextPosition };
  const manifest = await manifests.commit((current) => {
    assertHeld(current, epoch, manifests.shardId);
    return { ...current, lastSeen: nextPosition - 1 };
  });
  return { epoch, manifest, nextPosition };
}

/** Write 1. */
async function claimEpoch(manifests: ManifestStore, options: ClaimOptions): Promise<ShardManifest> {
  let newest = await manifests.load();
  let lostEpoch = 0;
  for (let i = 0; i < MAX_CLAIM_TRIES; i++) {
    const current = newest ?? newShardManifest(parseUuid(manifests.shardId), options.shardSpecId ?? LANCEDB_SPEC_ID);
    assertNotSealed(current, manifests.shardId);
    options.signal?.throwIfAborted();
    const writerEpoch = Math.max(current.writerEpoch, lostEpoch) + 1;
    const next = { ...current, version: current.version + 1, writerEpoch };
    const outcome = await manifests.tryPut(next);
    if (outcome === "written") return next;
    if (outcome === "unknown") lostEpoch = writerEpoch;
    newest = await manifests.refresh();
  }
  throw new ConflictError(
    `Shard ${manifests.shardId}: others claimed it first, or the outcome stayed unknown, ${MAX_CLAIM_TRIES} times in a row. Try again when fewer do.`,
  );
}

/** Finds the tip and has what lies below it survive. A later claimant may have entries removed meanwhile: then the claim is lost. */
async function beforeFence(
  manifests: ManifestStore,
  store: ObjectStore,
  claimed: ShardManifest,
  options: ClaimOptions,
): Promise<number> {
  try {
    const tip = await discoverTip(store, claimed.replayAfter);
    if (options.beforeFence === undefined) await syncEntries(store, claimed.replayAfter + 1, tip);
    else await options.beforeFence(claimed, tip);
    return tip;
  } catch (error) {
    if (error instanceof CorruptError || error instanceof ObjectNotFoundError) {
      assertHeld(await manifests.refresh(), claimed.writerEpoch, manifests.shardId);
    }
    throw error;
  }
}

async function syncEntries(store: ObjectStore, from: number, tip: number): Promise<void> {
  for (let first = from; first < tip; first += MAX_SYNCED_AT_ONCE) {
    const count = Math.min(MAX_SYNCED_AT_ONCE, tip - first);
    await store.sync(Array.from({ length: count }, (_, i) => walKey(first + i)));
  }
}

/** The first position from there that nobody has taken yet, or one not too far away. */
async function firstFree(store: ObjectStore, from: number): Promise<number> {
  let position = from;
  while (position < from + MAX_LOOKED_AT && (await store.head(walKey(position))) !== undefined) position++;
  return position;
}

/** Write 2. Returns the sentinel's position. */
async function putSentinel(manifests: ManifestStore, store: ObjectStore, epoch: number, tip: number): Promise<number> {
  const sentinel = encodeSentinel(epoch);
  let position = tip;
  let synced = tip;
  for (let i = 0; i < MAX_SENTINEL_TRIES; i++) {
    // Everything below this position was there before this look, so a newer writer's first entry can only be at it or behind it.
    assertHeld(await manifests.refresh(), epoch, manifests.shardId);
    const durable = i < MAX_PATIENT_TRIES;
    if (await putSettled(store, walKey(position), sentinel, { durable })) {
      await syncEntries(store, synced, durable ? position : position + 1);
      return position;
    }
    // An older writer was faster. What it has written must be no less durable than the fence behind it.
    const next = await firstFree(store, position + 1);
    if (durable) {
      await syncEntries(store, position, next);
      synced = next;
    }
    position = next;
  }
  throw new RetryableError(
    `Shard ${manifests.shardId}: an older writer took ${MAX_SENTINEL_TRIES} positions of the log before the fence got one. Try again, or stop it.`,
  );
}
