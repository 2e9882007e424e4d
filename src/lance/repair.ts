/**
 * Repair: makes a log that has damaged or missing entries one that can be replayed, by us and by LanceDB, with all rows that are left in
 * their order.
 *
 * Replay ends at the first entry that is missing, and fails at the first that is damaged. So neither may be left in the log, and none behind
 * it has to go: a damaged entry is kept under another name, and a **fence sentinel, an entry without rows, takes its position**; a missing
 * one is filled with a sentinel likewise.
 *
 * Order of events, each durable before the next:
 *
 * 1. Missing positions are filled by put-if-absent. A claim needs a log without gaps (tip.ts), and whoever else may be writing takes no
 *    harm: its next position is behind all entries or, if it was one of these, it finds it taken as if by a rival.
 * 2. The shard is claimed: from here on all entries are final, as every other writer is fenced.
 * 3. Damaged entries are copied to `quarantine-<time>-<epoch>/entry-<position>.arrow` in the shard's directory, with a record of what was
 *    wrong. Readers of the log list `wal/` and look for names of 64 binary digits: they do not see them.
 * 4. The sentinels replace them. Replaced, not removed first: there is no moment at which an entry is missing, into which LanceDB could
 *    write, or behind which it would lose rows. A loss of power may leave the old entry, the sentinel, or a torn one; the copy
 *    is safe by then, and repairing again goes on from there.
 * 5. The log is surveyed again and must be sound.
 *
 * Nothing is ever removed. Whatever fails, it can be run again.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import {
  ConflictError,
  CorruptError,
  OutcomeUnknownError,
  RetryableError,
  StorageError,
  UsageError,
} from "../errors.js";
import type { ObjectStore } from "../storage/object-store.js";
import { claimShard } from "./claim.js";
import { COLUMNS_ADVICE } from "./entry-frame.js";
import { assertNotSealed } from "./epoch-watch.js";
import { surveyLog } from "./log-survey.js";
import type { ManifestStore } from "./manifest-store.js";
import { walKey } from "./names.js";
import { putSettled } from "./put-settled.js";
import { parseUuid } from "./shard-id.js";
import { newShardManifest, type ShardManifest } from "./shard-manifest.js";
import { encodeSentinel } from "./wal-entry.js";

/** An entry that has to be set aside. */
export interface DamagedEntry {
  readonly position: number;
  readonly key: string;
  readonly bytes: number;
  /** What is wrong with it. */
  readonly damage: string;
  /** True when it is what its writer wrote, and the table has other columns by now: changed back, it would take the rows. */
  readonly sound: boolean;
  /** True when SSTables hold its rows. */
  readonly covered: boolean;
  /** Rows and batches that can be counted in it, up to the damage. */
  readonly rows: number;
  readonly batches: number;
}

/** What has to be done to a log, and what it costs. */
export interface RepairPlan {
  /** Entries that have to be set aside, in order. */
  readonly damaged: readonly DamagedEntry[];
  /** Positions [from, to) that are missing, in order. */
  readonly missing: readonly { readonly from: number; readonly to: number }[];
  /** The highest epoch of an entry, where it is above the manifest's: LanceDB would not open the log. */
  readonly epochAhead: number | undefined;
  /** What is replayed afterwards, fences not counted, and how much of it lies behind the first damage. */
  readonly kept: { readonly entries: number; readonly rows: number };
  readonly keptBehind: { readonly entries: number; readonly rows: number };
}

/** What was done. */
export interface Repaired {
  readonly plan: RepairPlan;
  /** Of the claim; undefined when nothing had to be done. */
  readonly epoch: number | undefined;
  /** Keys of the copies of what was set aside, beginning with that of the record. */
  readonly quarantine: readonly string[];
}

export interface RepairOptions {
  /** Storage schema: with it, entries that cannot be replayed into the table count as damaged. */
  readonly schema?: Schema | undefined;
  /** Whether sound entries are set aside too. @default false */
  readonly dropSound?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For the name of the quarantine. */
  readonly now: Date;
}

/** Positions that are filled at most. An entry farther out is a stray, and no log reaches there. */
const MAX_FILLED = 65_536;
const MAX_PUT_TRIES = 4;
/** Sharding spec of a shard that has lost its manifest. */
const LANCEDB_SPEC_ID = 1;

/** Whether there is nothing to repair. */
export function isSound({ damaged, missing, epochAhead }: RepairPlan): boolean {
  return damaged.length === 0 && missing.length === 0 && epochAhead === undefined;
}

/**
 * What has to be done. Changes nothing.
 *
 * @param manifest of the shard; undefined when it has none
 * @throws StorageError when an entry cannot be read at all: what is in it is not known then
 */
export async function planRepair(
  store: ObjectStore,
  manifest: ShardManifest | undefined,
  options: Pick<RepairOptions, "schema" | "signal">,
): Promise<RepairPlan> {
  const damaged: DamagedEntry[] = [];
  const missing: { from: number; to: number }[] = [];
  const kept = { entries: 0, rows: 0 };
  const keptBehind = { entries: 0, rows: 0 };
  let highestEpoch = 0;
  const { replayAfter = 0, lastSeen = 0 } = manifest ?? {};
  for await (const finding of surveyLog(store, { replayAfter, lastSeen, ...options })) {
    if (finding.kind === "missing") {
      missing.push({ from: finding.from, to: finding.to });
      continue;
    }
    const { position, key, bytes, damage, sound, covered, inspection, unreadable } = finding;
    if (unreadable) {
      throw new StorageError(
        `${damage} Entry ${position} cannot be read, so nobody knows what would be lost; give the process leave to read it, or copy the table to a sound device, then repair`,
      );
    }
    const { rows = 0, batches = 0, writerEpoch = 0 } = inspection ?? {};
    if (damage !== undefined) {
      damaged.push({ position, key, bytes, damage, sound, covered, rows, batches });
    } else if (!covered) {
      highestEpoch = Math.max(highestEpoch, writerEpoch);
      if (inspection?.sentinel === true) continue;
      const counts = damaged.some((entry) => !entry.covered) || missing.length > 0 ? [kept, keptBehind] : [kept];
      for (const count of counts) {
        count.entries++;
        count.rows += rows;
      }
    }
  }
  const epochAhead = highestEpoch > (manifest?.writerEpoch ?? 0) ? highestEpoch : undefined;
  return { damaged, missing, epochAhead, kept, keptBehind };
}

/**
 * Repairs the log, unless it is sound. Whoever writes to the shard is fenced.
 *
 * @param store rooted at the shard's directory, as that of `manifests`
 * @throws UsageError when an entry is sound and `dropSound` is not set: nothing is changed then
 * @throws ConflictError when the shard is sealed, or others write to it all the time
 * @throws CorruptError when positions are missing by the ten thousand, or the log is not sound afterwards
 * @throws StorageError, RetryableError, OutcomeUnknownError by the store: repairing again goes on from there
 */
export async function repairLog(
  manifests: ManifestStore,
  store: ObjectStore,
  options: RepairOptions,
): Promise<Repaired> {
  const manifest = await manifests.load();
  if (manifest !== undefined) assertNotSealed(manifest, manifests.shardId);
  const before = await planRepair(store, manifest, options);
  if (isSound(before)) return { plan: before, epoch: undefined, quarantine: [] };
  assertDroppable(store, before, options);

  await fill(store, before, Math.max(1, manifest?.writerEpoch ?? 0));
  await raiseEpoch(manifests, before);
  options.signal?.throwIfAborted();
  const claim = await claimShard(manifests, store);
  const final = await planRepair(store, claim.manifest, options);
  if (final.missing.length > 0) {
    throw new ConflictError(`${store.name}: entries of the log went missing while it was repaired; repair it again`);
  }
  assertDroppable(store, final, options);
  const quarantine = await setAside(store, final.damaged, claim.epoch, options.now);
  const after = await planRepair(store, claim.manifest, options);
  if (!isSound(after)) {
    const [first] = after.damaged;
    throw new CorruptError(`${store.name}: ${first?.key ?? "the log"} is damaged again after it was repaired`);
  }
  return { plan: { ...final, missing: before.missing, epochAhead: before.epochAhead }, epoch: claim.epoch, quarantine };
}

/** What is lost with a sound entry is lost needlessly: the table's columns can be changed back. */
function assertDroppable(store: ObjectStore, { damaged }: RepairPlan, { dropSound = false }: RepairOptions): void {
  const sound = dropSound ? [] : damaged.filter((entry) => entry.sound);
  const [first] = sound;
  if (first === undefined) return;
  throw new UsageError(
    `${store.name}: entry ${first.position}${sound.length > 1 ? ` and ${sound.length - 1} more` : ""} of the log cannot be replayed, though nothing is wrong with it (${first.damage}): ${COLUMNS_ADVICE}, or give up its rows with --drop-sound`,
  );
}

async function fill(store: ObjectStore, { missing }: RepairPlan, epoch: number): Promise<void> {
  const count = missing.reduce((sum, { from, to }) => sum + to - from, 0);
  const last = missing.at(-1);
  if (count > MAX_FILLED) {
    throw new CorruptError(
      `${store.name}: ${count} entries of the log are missing, at most ${MAX_FILLED} are filled. If ${walKey(last?.to ?? 0)}, at position ${last?.to}, does not belong to this log, move it away`,
    );
  }
  const sentinel = encodeSentinel(epoch);
  for (const { from, to } of missing) {
    // False: somebody was faster, and an entry is there.
    for (let position = from; position < to; position++) await putSettled(store, walKey(position), sentinel);
  }
}

/** A claim above the epochs of all entries: LanceDB takes an entry with a higher one than it has claimed for its rival's. */
async function raiseEpoch(manifests: ManifestStore, { epochAhead }: RepairPlan): Promise<void> {
  if (epochAhead === undefined) return;
  await manifests.commit((current) => {
    const manifest = current ?? newShardManifest(parseUuid(manifests.shardId), LANCEDB_SPEC_ID);
    return { ...manifest, writerEpoch: Math.max(manifest.writerEpoch, epochAhead) };
  });
}

/** Keys of the record and of the copies. */
async function setAside(
  store: ObjectStore,
  damaged: readonly DamagedEntry[],
  epoch: number,
  now: Date,
): Promise<string[]> {
  if (damaged.length === 0) return [];
  const time = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const directory = `quarantine-${time}-${epoch}`;
  const record = `${directory}/record.json`;
  const copies: string[] = [];
  for (const { position, key } of damaged) {
    const copy = `${directory}/entry-${position}.arrow`;
    await keep(store, copy, await store.get(key));
    copies.push(copy);
  }
  const told = { setAsideAt: now.toISOString(), epoch, entries: damaged };
  await keep(store, record, Buffer.from(`${JSON.stringify(told, null, 2)}\n`));
  const sentinel = encodeSentinel(epoch);
  for (const { key } of damaged) await replace(store, key, sentinel);
  await store.sync(damaged.map(({ key }) => key));
  return [record, ...copies];
}

async function keep(store: ObjectStore, key: string, bytes: Uint8Array): Promise<void> {
  if (await putSettled(store, key, bytes)) return;
  throw new ConflictError(`${store.name}/${key} is taken; repair again`);
}

/** Putting the same bytes again is the same: so whatever passes is tried again. */
async function replace(store: ObjectStore, key: string, bytes: Uint8Array): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await store.put(key, [bytes]);
    } catch (error) {
      const passes = error instanceof RetryableError || (error instanceof OutcomeUnknownError && error.retryable);
      if (!passes || tries >= MAX_PUT_TRIES) throw error;
    }
  }
}
