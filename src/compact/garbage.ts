/**
 * Garbage collection of a shard: removes what is covered, merged, replaced or left behind, once nobody needs it.
 *
 * Order of events, each durable before the next:
 *
 * 1. The newest manifest is found by listing, and synced: all that follows relies on it, and no older one comes back after a loss of power.
 * 2. The notes on how far things have come are written (garbage-state.ts), with the names of the SSTables that step 3 drops.
 * 3. SSTables whose merge is older than the retention are dropped from the manifest: a commit at the epoch found, which fences nobody, and
 *    fails when somebody has claimed the shard meanwhile. Where `lastSeen` is behind what SSTables cover, another commit raises it.
 * 4. The files of the SSTables that stay listed are synced, where that is not known (LanceDB syncs nothing): they replace entries.
 * 5. Entries, directories and old manifests are removed, file by file, in portions with pauses between.
 *
 * A directory that was dropped goes in a later run, when its time without a reference exceeds the grace, as what a crash left does. So
 * whatever step a run ends at, by a crash or a loss of power, the next one goes on from there; and a file that comes back is removed again.
 *
 * What replaces SSTables, the base table, is the business of who calls: `compactedThrough`.
 *
 * @module
 */
import { ConflictError } from "../errors.js";
import { assertHeld } from "../lance/epoch-watch.js";
import { listPositions } from "../lance/log-positions.js";
import { MANIFEST_PREFIX, WAL_PREFIX } from "../lance/names.js";
import type { ShardManifest } from "../lance/shard-manifest.js";
import { parseSsTableName } from "../lance/ss-table-files.js";
import { unlistSsTables } from "../lance/ss-table-publish.js";
import { planEntries } from "./garbage-entries.js";
import { planManifests, prepareForHoles } from "./garbage-manifests.js";
import {
  type GarbageItem,
  type GarbageOptions,
  type GarbageReport,
  type GarbageSettings,
  garbageSettings,
} from "./garbage-options.js";
import { GarbagePlan } from "./garbage-plan.js";
import { GarbageState, STATE_KEY } from "./garbage-state.js";

/** What others put beside an object on its way there: LanceDB's temporary files. */
const TEMPORARY = /^(?:wal|manifest)\/[01]{64}\.(?:arrow|binpb)\.tmp\.[\w.-]+$/;

/**
 * Collects what is garbage by now. It may run beside the shard's writer, in any process.
 *
 * @throws ConflictError when the claim of `epoch` is lost, or somebody claimed the shard meanwhile: nothing is wrong, run it again
 * @throws CorruptError when a manifest is damaged; UsageError when an option is out of its bounds; the signal's reason
 * @throws StorageError, RetryableError, OutcomeUnknownError by the store: the next run goes on from there
 */
export async function collectGarbage(options: GarbageOptions): Promise<GarbageReport> {
  const collector = new Collector(garbageSettings(options));
  return collector.run();
}

class Collector {
  readonly #settings: GarbageSettings;
  readonly #plan: GarbagePlan;

  constructor(settings: GarbageSettings) {
    this.#settings = settings;
    this.#plan = new GarbagePlan(settings.maxRemoved);
  }

  async run(): Promise<GarbageReport> {
    const { manifests, store, epoch, dryRun, signal, compactedThrough, nowMs } = this.#settings;
    const plan = this.#plan;
    await this.#step("sync the manifest");
    const found = dryRun ? await manifests.load() : await manifests.loadDurable();
    if (found === undefined) return { dryRun, unlisted: [], removed: [], kept: [], more: false };
    if (epoch !== undefined) assertHeld(found, epoch, manifests.shardId);
    const state = await GarbageState.load(store, nowMs());
    const now = { version: found.version, replayAfter: found.replayAfter, compactedThrough };

    const merged = this.#merged(found, state.progressBefore(this.#settings.retentionMs, now).compactedThrough);
    const orphans = await this.#planOrphans(found, merged, state);
    if (!dryRun) await this.#note(state, found, now, [...orphans, ...merged]);
    let manifest = await this.#unlist(found, merged);

    const positions = await listPositions(store, signal);
    const coveredLongAgo = state.progressBefore(this.#settings.entryRetentionMs, now).replayAfter;
    manifest = await this.#raiseLastSeen(manifest, positions);
    const before = plan.items.length;
    await planEntries(this.#settings, { positions, manifest, coveredLongAgo }, plan);
    if (!dryRun && plan.items.length > before) await this.#syncTables(manifest, state);
    const old = state.progressBefore(this.#settings.manifestRetentionMs, now).version;
    const others = plan.items.length;
    const notices = await planManifests(this.#settings, manifest.version, old, plan);
    if (!dryRun && plan.items.length > others) {
      await prepareForHoles(store, manifest.version, notices, (name) => this.#step(name));
    }

    if (!dryRun) await this.#removeAll(plan.items);
    await this.#step("done");
    return { dryRun, unlisted: merged, removed: plan.items, kept: plan.kept(), more: plan.more };
  }

  /** Paths of the SSTables that are in the base table for long enough. */
  #merged({ ssTables }: ShardManifest, longAgo: number): string[] {
    const { compactedThrough } = this.#settings;
    const recent = ssTables.filter(({ generation }) => generation > longAgo && generation <= compactedThrough);
    this.#plan.keep("ssTable", "merged a short while ago: readers may not see the merge yet", recent.length);
    return ssTables.filter(({ generation }) => generation <= longAgo).map(({ path }) => path);
  }

  /**
   * Directories and temporary files that nothing refers to. Adds those whose grace is over to the plan.
   *
   * @param merged SSTables that are about to be dropped: without a grace they go in this run
   * @returns their names
   */
  async #planOrphans(manifest: ShardManifest, merged: readonly string[], state: GarbageState): Promise<string[]> {
    const { tree, inUse, orphanGraceMs, signal } = this.#settings;
    const listed = new Set(manifest.ssTables.map(({ path }) => path));
    const dropped = new Set(merged);
    const names: string[] = [];
    for (const directory of await tree.directories()) {
      signal?.throwIfAborted();
      if (parseSsTableName(directory) === undefined) continue;
      if (listed.has(directory) && !dropped.has(directory)) continue;
      if (inUse.has(directory)) {
        this.#plan.keep("orphan", "being written or read");
        continue;
      }
      names.push(directory);
      const merely = dropped.has(directory);
      if (state.unreferencedMs(directory) < orphanGraceMs) {
        this.#plan.keep(merely ? "ssTable" : "orphan", "not listed since a short while ago: a reader may not know");
        continue;
      }
      const kind = merely ? "ssTable" : "orphan";
      const reason = merely ? "merged into the base table" : "not listed in the manifest";
      for await (const item of tree.items(directory)) if (!this.#plan.remove({ kind, reason, ...item })) break;
    }
    return [...names, ...(await this.#planTemporaries(state))];
  }

  async #planTemporaries(state: GarbageState): Promise<string[]> {
    const { store, orphanGraceMs, signal } = this.#settings;
    const names: string[] = [];
    for (const prefix of [WAL_PREFIX, MANIFEST_PREFIX]) {
      for await (const { key } of store.list(prefix, { signal })) {
        if (!TEMPORARY.test(key)) continue;
        names.push(key);
        if (state.unreferencedMs(key) < orphanGraceMs) {
          this.#plan.keep("temporary", "somebody may be writing it");
          continue;
        }
        const bytes = (await store.head(key))?.bytes ?? 0;
        const reason = "left behind by a process that was ended";
        this.#plan.remove({ kind: "temporary", key, bytes, isDirectory: false, reason });
      }
    }
    return names;
  }

  async #note(
    state: GarbageState,
    manifest: ShardManifest,
    now: { version: number; replayAfter: number; compactedThrough: number },
    unreferenced: readonly string[],
  ): Promise<void> {
    const { retentionMs, entryRetentionMs, manifestRetentionMs } = this.#settings;
    const mostMs = Math.max(retentionMs, entryRetentionMs, manifestRetentionMs);
    const listed = manifest.ssTables.map(({ path }) => path);
    state.note(now, mostMs, unreferenced, listed);
    await this.#put(state);
  }

  async #put(state: GarbageState): Promise<void> {
    await this.#step(`put ${STATE_KEY}`);
    await this.#settings.store.put(STATE_KEY, [state.encode()]);
  }

  async #unlist(found: ShardManifest, paths: readonly string[]): Promise<ShardManifest> {
    if (paths.length === 0) return found;
    const dropped = new Set(paths);
    const ssTables = found.ssTables.filter(({ path }) => !dropped.has(path));
    if (this.#settings.dryRun) return { ...found, ssTables };
    const generations = found.ssTables.filter(({ path }) => dropped.has(path)).map(({ generation }) => generation);
    await this.#step(`drop ${generations.length} SSTables from the manifest`);
    return unlistSsTables(this.#settings.manifests, found.writerEpoch, generations);
  }

  /** LanceDB looks for the end of the log from there: it must not be led to a hole among covered entries. */
  async #raiseLastSeen(manifest: ShardManifest, positions: Float64Array): Promise<ShardManifest> {
    const { manifests, dryRun } = this.#settings;
    const lastSeen = Math.max(manifest.lastSeen, manifest.replayAfter);
    // Raised to where no entry is, it would only have LanceDB list.
    if (lastSeen === manifest.lastSeen || !positions.includes(lastSeen)) return manifest;
    if (dryRun) return { ...manifest, lastSeen };
    await this.#step("raise lastSeen in the manifest");
    return manifests.commit((current) => {
      assertHeld(current, manifest.writerEpoch, manifests.shardId);
      return { ...current, lastSeen: Math.max(current.lastSeen, lastSeen) };
    });
  }

  async #syncTables({ ssTables }: ShardManifest, state: GarbageState): Promise<void> {
    const { store, signal } = this.#settings;
    let synced = 0;
    for (const { path } of ssTables) {
      if (state.isSynced(path)) continue;
      signal?.throwIfAborted();
      const keys: string[] = [];
      for await (const { key } of store.list(`${path}/`, { signal })) keys.push(key);
      if (keys.length === 0) {
        throw new ConflictError(
          `${store.name}/${path} is listed in the manifest and missing: nothing is removed; see \`pennon verify\``,
        );
      }
      await this.#step(`sync ${path}`);
      await store.sync(keys);
      state.noteSynced(path);
      synced++;
    }
    if (synced > 0) await this.#put(state);
  }

  async #removeAll(items: readonly GarbageItem[]): Promise<void> {
    const { manifests, tree, portion, pauseMs, signal, sleep } = this.#settings;
    // A flush that took longer than the grace may have published what was an orphan before.
    const listed = new Set((await manifests.refresh())?.ssTables.map(({ path }) => path));
    for (const [i, item] of items.entries()) {
      if (i > 0 && i % portion === 0) await sleep(pauseMs);
      signal?.throwIfAborted();
      if (listed.has(item.key.split("/", 1)[0] ?? "")) continue;
      await this.#step(`remove ${item.key}`);
      await tree.remove(item);
    }
  }

  async #step(step: string): Promise<void> {
    await this.#settings.onStep(step);
  }
}
