/**
 * Which entries of a log may go. Those that SSTables cover are replayed by nobody; yet some stay, for the sake of writers that stood still
 * and do not know it yet. A writer of LanceDB acknowledges whatever it gets into the log, and looks at the manifest only when it
 * finds a position taken. So none may ever find a free one where nobody will read (memwal-format, a stalled writer):
 *
 * 1. **All from `lastSeen` on, and the one at `replayAfter`.** LanceDB looks for the end of the log from `lastSeen` up to the first missing
 *    position; only when there is no entry at `lastSeen` it lists. So behind `lastSeen` there are no holes. The manifest only ever raises it.
 *    And the newest of all, which the listing finds.
 * 2. **Every fence.** The next position of a writer that was fenced is where the first entry of a later epoch stands, and that is a fence.
 * 3. **A guard behind each fence.** A claimant that was stopped before it looked for the end of the log may have a fence as its `lastSeen`.
 *    It takes the first hole behind it for the end, and puts its own fence there; its first row would go to the position behind that,
 *    which therefore stays taken. There it learns that it was overtaken.
 * 4. **The newest entry with counters, and the newest foreign one behind it** (covered-counters.ts).
 * 5. What followers need, and what was covered only a short while ago.
 *
 * Writers of ours look at the manifest after each entry, whatever they got into the log, and claimants of ours list.
 *
 * @module
 */
import { CorruptError } from "../errors.js";
import { newestCounters } from "../lance/covered-counters.js";
import { type EntryLabel, readEntryLabel } from "../lance/entry-label.js";
import { walKey } from "../lance/names.js";
import type { ShardManifest } from "../lance/shard-manifest.js";
import type { GarbageSettings } from "./garbage-options.js";
import type { GarbagePlan } from "./garbage-plan.js";

/** What decides on the entries. */
export interface EntryBounds {
  /** Of the log, ascending. */
  readonly positions: Float64Array;
  /** The manifest that survives a loss of power, and has the final `lastSeen`. */
  readonly manifest: Pick<ShardManifest, "replayAfter" | "lastSeen">;
  /** Last entry that has been covered for the retention. */
  readonly coveredLongAgo: number;
}

/**
 * Adds the entries that may go to the plan, oldest first.
 *
 * @throws what the store throws
 */
export async function planEntries(
  { store, retainEntriesFrom, signal }: GarbageSettings,
  { positions, manifest, coveredLongAgo }: EntryBounds,
  plan: GarbagePlan,
): Promise<void> {
  const { replayAfter, lastSeen } = manifest;
  const present = new Positions(positions);
  const fixed = Math.min(replayAfter, present.has(lastSeen) ? lastSeen : replayAfter);
  const end = Math.min(fixed, positions.at(-1) ?? 0, retainEntriesFrom, coveredLongAgo + 1);
  const covered = present.below(replayAfter + 1);
  const candidates = present.below(end);
  if (candidates === 0) {
    plan.keep("entry", "covered a short while ago, needed by a follower, or at the end of the log", covered);
    return;
  }
  const { position: counters, foreign } = await newestCounters(store, positions, replayAfter);
  /** End of the run of entries that stay, from a fence on. */
  let runEnd = Number.NEGATIVE_INFINITY;
  let looked = 0;
  for (; looked < candidates; looked++) {
    signal?.throwIfAborted();
    const position = positions[looked] ?? 0;
    const fence = await isFence(store, position);
    if (fence === undefined) continue;
    const reason = reasonToStay(position, fence, runEnd, present, counters, foreign);
    if (reason !== undefined) {
      plan.keep("entry", reason);
      // The guard is no part of the run, unless it is what the first hole lies behind.
      if (fence === "fence" || position === runEnd + 1) runEnd = position;
      continue;
    }
    const bytes = (await store.head(walKey(position)))?.bytes ?? 0;
    const item = {
      kind: "entry",
      key: walKey(position),
      bytes,
      isDirectory: false,
      reason: "SSTables cover it",
    } as const;
    if (!plan.remove(item)) break;
  }
  plan.keep("entry", "covered a short while ago, needed by a follower, or at the end of the log", covered - candidates);
}

type Fence = "fence" | "rows" | "damaged";

function reasonToStay(
  position: number,
  fence: Fence,
  runEnd: number,
  present: Positions,
  counters: number,
  foreign: number,
): string | undefined {
  if (fence === "fence") return "a fence, which a writer that stood still must collide with";
  if (fence === "damaged") return "damaged: `pennon wal` says how";
  if (position === counters) return "the newest entry that carries counters";
  if (position === foreign) return "the newest entry of another writer behind the counters";
  const guards = position === runEnd + 2 || (position === runEnd + 1 && !present.has(position + 1));
  return guards ? "behind a fence, where a claimant that stood still would write" : undefined;
}

/** Undefined when the entry is gone. */
async function isFence(store: GarbageSettings["store"], position: number): Promise<Fence | undefined> {
  let label: EntryLabel | undefined;
  try {
    label = await readEntryLabel(store, position);
  } catch (error) {
    // What it was cannot be told, so it may be a fence.
    if (error instanceof CorruptError) return "damaged";
    throw error;
  }
  if (label === undefined) return undefined;
  return label.sentinel ? "fence" : "rows";
}

/** Ascending numbers, searched by halves. */
class Positions {
  readonly #sorted: Float64Array;

  constructor(sorted: Float64Array) {
    this.#sorted = sorted;
  }

  /** How many are below. */
  below(position: number): number {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] ?? 0) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  has(position: number): boolean {
    return this.#sorted[this.below(position)] === position;
  }
}
