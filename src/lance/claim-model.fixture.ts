/**
 * Writers that claim a shard and append to it, as small as they can be, and what must be true of anything they did.
 *
 * @module
 */
import assert from "node:assert/strict";
import { ConflictError, CorruptError, PennonError } from "../errors.js";
import { MemoryStore } from "../storage/memory-store.js";
import type { ObjectStore } from "../storage/object-store.js";
import { seededRandom } from "../storage/seeded-random.js";
import { type Claim, claimShard } from "./claim.js";
import { EpochWatch } from "./epoch-watch.js";
import { type Actor, everyOrder, interleave, losingReplies } from "./interleavings.fixture.js";
import { ManifestStore } from "./manifest-store.js";
import { MANIFEST_PREFIX, manifestKey, parseManifestKey, walKey } from "./names.js";
import { putSettled } from "./put-settled.js";
import { UNSHARDED_SHARD_ID } from "./shard-id.js";
import { decodeShardManifest } from "./shard-manifest.js";
import { encodeSentinel } from "./wal-entry.js";

/** An entry that a writer said is durable. */
export interface Acknowledged {
  readonly epoch: number;
  readonly position: number;
  readonly entry: string;
}

/** What happened, in order. */
export type Event =
  | { readonly claimed: Claim }
  | { readonly acknowledged: Acknowledged }
  | { readonly failed: PennonError };

const MAX_HOPS = 8;

/** How a {@link modelWriter} behaves. */
export interface ModelOptions {
  /** Entries it appends after each claim. */
  readonly entries: number;
  /** How often it opens the shard again after an error. @default 0 */
  readonly retries?: number;
  /** Which of its puts lose their reply. @default none */
  readonly lose?: (key: string) => boolean;
}

/** A writer that claims and appends, and stops as soon as anything goes wrong. */
export function modelWriter(name: string, history: Event[], options: ModelOptions): Actor {
  return {
    name,
    act: async (plain, late) => {
      const store = options.lose === undefined ? plain : losingReplies(plain, late, options.lose);
      for (let i = 0; i <= (options.retries ?? 0); i++) {
        try {
          await write(name, store, history, options.entries);
          return;
        } catch (error) {
          // What went wrong is the business of others; a bug in what is tested is not.
          if (!(error instanceof PennonError)) throw error;
          history.push({ failed: error });
        }
      }
    },
  };
}

async function write(name: string, store: ObjectStore, history: Event[], entries: number): Promise<void> {
  const manifests = new ManifestStore(store, UNSHARDED_SHARD_ID);
  const claim = await claimShard(manifests, store);
  history.push({ claimed: claim });
  const watch = new EpochWatch(manifests, claim);
  let next = claim.nextPosition;
  for (let i = 0; i < entries; i++) {
    const entry = `${name} ${claim.epoch} ${i}`;
    const position = await append(store, watch, claim.epoch, next, entry);
    await watch.check();
    history.push({ acknowledged: { epoch: claim.epoch, position, entry } });
    next = position + 1;
  }
}

async function append(
  store: ObjectStore,
  watch: EpochWatch,
  epoch: number,
  tip: number,
  entry: string,
): Promise<number> {
  for (let position = tip; position < tip + MAX_HOPS; position++) {
    if (await putSettled(store, walKey(position), Buffer.from(entry))) return position;
    await watch.check();
    const sentinelOf = sentinelEpoch(await store.get(walKey(position)), epoch);
    if (sentinelOf === undefined) throw new ConflictError("somebody else's rows");
  }
  throw new ConflictError("sentinels without end");
}

/** Epoch of a sentinel below `epoch`; undefined for any other entry. */
function sentinelEpoch(bytes: Uint8Array, epoch: number): number | undefined {
  for (let e = 1; e < epoch; e++) if (same(bytes, encodeSentinel(e))) return e;
  return undefined;
}

/**
 * Holds the store and the history against what claiming promises.
 *
 * @param store where no requests are under way any more
 */
export async function assertPromises(store: ObjectStore, history: readonly Event[]): Promise<void> {
  const claims = history.flatMap((event) => ("claimed" in event ? [event.claimed] : []));
  const acknowledged = history.flatMap((event) => ("acknowledged" in event ? [event.acknowledged] : []));

  for (const event of history) {
    if ("failed" in event) assert(!(event.failed instanceof CorruptError), `found damaged: ${event.failed.message}`);
  }

  // Every epoch is claimed once at most, and the winner's sentinel stands right before its first position.
  assert.equal(new Set(claims.map((claim) => claim.epoch)).size, claims.length, "an epoch was claimed twice");
  for (const { epoch, nextPosition } of claims) {
    if (epoch > 1)
      assert(same(await store.get(walKey(nextPosition - 1)), encodeSentinel(epoch)), `no fence of ${epoch}`);
  }

  // The higher the epoch, the further behind lies its first position.
  const ascending = claims.toSorted((a, b) => a.epoch - b.epoch);
  ascending.forEach(({ epoch, nextPosition }, i) => {
    const before = ascending[i - 1];
    if (before !== undefined) assert(before.nextPosition < nextPosition, `claim ${epoch} lies before ${before.epoch}`);
  });

  const newestEpoch = await assertManifests(store);

  let live = 0;
  for (const event of history) {
    if ("claimed" in event) live = Math.max(live, event.claimed.epoch);
    if (!("acknowledged" in event)) continue;
    const { epoch } = event.acknowledged;
    assert(epoch >= live, `epoch ${epoch} acknowledged after the claim of ${live} had returned`);
  }

  // What was acknowledged lies where it was said to, and before the first position of every later claim: it is replayed.
  const positions = new Set<number>();
  for (const { position, entry, epoch } of acknowledged) {
    assert(!positions.has(position), `position ${position} was acknowledged twice`);
    positions.add(position);
    assert(same(await store.get(walKey(position)), Buffer.from(entry)), `${entry} is not at ${position}`);
    for (const claim of claims) {
      if (claim.epoch > epoch) assert(position < claim.nextPosition, `claim ${claim.epoch} misses ${entry}`);
      if (claim.epoch === epoch) assert(position >= claim.nextPosition, `${entry} lies before its claim`);
    }
  }

  // A later claim finds all of it, in a log without gaps.
  const last = await claimShard(new ManifestStore(store, UNSHARDED_SHARD_ID), store);
  assert(last.epoch > newestEpoch);
  for (const position of positions) assert(position < last.nextPosition);
  for (let position = 1; position < last.nextPosition; position++) {
    assert((await store.head(walKey(position))) !== undefined, `position ${position} is missing`);
  }
}

/** Versions follow each other without gaps; epochs never go back. Returns the newest epoch. */
async function assertManifests(store: ObjectStore): Promise<number> {
  let epoch = 0;
  let version = 1;
  for (; (await store.head(manifestKey(version))) !== undefined; version++) {
    const manifest = decodeShardManifest(await store.get(manifestKey(version)), String(version));
    assert(manifest.writerEpoch >= epoch, `version ${version} takes the epoch back`);
    epoch = manifest.writerEpoch;
  }
  let count = 0;
  for await (const { key } of store.list(MANIFEST_PREFIX)) if (parseManifestKey(key) !== undefined) count++;
  assert.equal(count, version - 1, "manifests have a gap");
  return epoch;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Runs writers of one entry or more in every order with at most so many preemptions; returns how many orders there are. */
export function tryEveryOrder(preemptions: number, writers: (history: Event[]) => Actor[]): Promise<number> {
  return everyOrder(preemptions, async (choose) => {
    const store = new MemoryStore();
    const history: Event[] = [];
    await interleave(store, writers(history), choose);
    await assertPromises(store, history);
  });
}

/** Runs three writers, that open the shard again and again, in one order, with requests that fail, both by chance. */
export async function tryByChance(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const store = new MemoryStore({ random });
  for (const error of ["retryable", "storage"] as const) {
    store.faults.add({ action: "failBefore", error, chance: 0.01, times: Number.POSITIVE_INFINITY });
  }
  store.faults.add({ op: "putIfAbsent", action: "failAfter", chance: 0.05, times: Number.POSITIVE_INFINITY });
  const history: Event[] = [];
  const lose = () => random() < 0.08;
  const writers = ["A", "B", "C"].map((name) => modelWriter(name, history, { entries: 3, retries: 4, lose }));
  // The longer one goes on before the next, the older is what the others have read.
  const pace = random();
  try {
    await interleave(store, writers, (waiting, last) => {
      if (last !== undefined && waiting.includes(last) && random() < pace) return last;
      return waiting[Math.floor(random() * waiting.length)] ?? "";
    });
    store.faults.clear();
    await assertPromises(store, history);
  } catch (error) {
    throw new Error(`seed ${seed}`, { cause: error });
  }
}
