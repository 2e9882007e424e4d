/**
 * The maintenance of a table: its memtables become SSTables, those are merged into the base table, what nobody needs is removed, the base
 * table is tidied up. Rows flow on by themselves; every step can also be asked for.
 *
 * Flushes come one after the other, as the writer asks for them. The other tasks run one at a time, beside a flush: when an SSTable was
 * published, and at every tick of a clock, it is looked whether one is due. A task that fails is told of, and tried again after a pause that
 * doubles up to five minutes; a lost claim ends all of them.
 *
 * @module
 */
import { decodeSchemaMessage } from "../arrow/schema.js";
import { ClosedError, FencedError, StorageError } from "../errors.js";
import { assertHeld } from "../lance/epoch-watch.js";
import { flushMemtable } from "../lance/flush-memtable.js";
import { loadLanceDb } from "../lance/lancedb-module.js";
import { ManifestStore } from "../lance/manifest-store.js";
import { DATASET_SUFFIX, newSsTableName } from "../lance/ss-table-files.js";
import { Memtable } from "../memtable/memtable.js";
import { LocalStore } from "../storage/local-store.js";
import { localTree, type ObjectTree } from "../storage/object-tree.js";
import type { Flushed, FlushPlan } from "../writer/flusher.js";
import { Compactor } from "./compactor.js";
import type { CompactionResult } from "./compactor-options.js";
import { collectGarbage } from "./garbage.js";
import type { GarbageReport } from "./garbage-options.js";
import type { MaintainedTable } from "./maintained-table.js";
import type { MaintenanceSettings } from "./maintenance-options.js";
import { type MaintenanceStatus, type MaintenanceTaskName, StatusKeeper } from "./maintenance-status.js";
import { MergeProgress } from "./merge-progress.js";
import type { OptimizeOutcome } from "./optimize-outcome.js";

const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 5 * 60_000;
const LEAST_TICK_MS = 20;
const MOST_TICK_MS = 5_000;

/** SSTables beyond the base table at most: each makes every read slower. */
const MAX_UNMERGED = 512;

/** Tasks that run one at a time. */
type AloneTask = Exclude<MaintenanceTaskName, "flush">;

/** What is told of maintenance. */
export interface MaintenanceEvents {
  readonly onStatus: (status: MaintenanceStatus) => void;
  readonly onDone: (name: "compaction" | "collection", message: object) => void;
  /** A task that nobody waits for has failed, and will be tried again. */
  readonly onError: (task: MaintenanceTaskName, error: unknown) => void;
}

/** For tests that stop at every step. */
export interface MaintenanceHooks {
  readonly onStep?: ((step: string) => Promise<void> | void) | undefined;
}

export class Maintenance {
  readonly #table: MaintainedTable;
  readonly #settings: MaintenanceSettings;
  readonly #events: MaintenanceEvents;
  readonly #hooks: MaintenanceHooks;
  readonly #store: LocalStore;
  readonly #tableStore: LocalStore;
  readonly #tree: ObjectTree;
  readonly #progress: MergeProgress;
  readonly #manifests: ManifestStore;
  readonly #status = new StatusKeeper();
  readonly #closing = new AbortController();
  /** Directories that a flush is writing. */
  readonly #building = new Set<string>();
  readonly #pauses = new Map<AloneTask, { readonly until: number; readonly ms: number }>();
  readonly #ticker: NodeJS.Timeout;
  #compactor: Compactor | undefined;
  #retainFrom: number | undefined;
  #collectedAt = performance.now();
  #optimizedAt = performance.now();
  #mergesSince = 0;
  #flushing: Promise<unknown> = Promise.resolve();
  #running: Promise<unknown> = Promise.resolve();
  #considering = false;
  #paused = false;
  #fenced = false;

  constructor(
    table: MaintainedTable,
    settings: MaintenanceSettings,
    events: MaintenanceEvents,
    hooks: MaintenanceHooks = {},
  ) {
    this.#table = table;
    this.#settings = settings;
    this.#events = events;
    this.#hooks = hooks;
    this.#store = new LocalStore(table.shardDirectory);
    this.#tableStore = new LocalStore(table.tableDirectory);
    this.#tree = localTree(table.shardDirectory);
    this.#manifests = new ManifestStore(this.#store, table.shardId);
    this.#progress = new MergeProgress(this.#tableStore, this.#manifests);
    const { collectIntervalMs, compactAgeMs } = settings;
    const tickMs = Math.max(LEAST_TICK_MS, Math.min(collectIntervalMs, compactAgeMs, MOST_TICK_MS));
    this.#ticker = setInterval(() => this.#consider(), tickMs);
  }

  /** The oldest entry of the log that a follower needs. */
  set retainFrom(entry: number | undefined) {
    this.#retainFrom = entry;
  }

  /** No task begins by itself until {@link resume}; flushes go on, as puts need their memory. */
  pause(): void {
    this.#paused = true;
    this.#tell({ paused: true });
  }

  resume(): void {
    this.#paused = false;
    this.#tell({ paused: false });
    this.#consider();
  }

  /** See `Flusher.flush`. */
  flush(plan: FlushPlan): Promise<Flushed> {
    const flushed = this.#flushing.then(() => this.#counted("flush", () => this.#flush(plan)));
    this.#flushing = flushed.catch(() => {});
    void flushed.then(
      () => this.#consider(),
      () => {},
    );
    return flushed;
  }

  /** Merges all SSTables into the base table. */
  compact(): Promise<CompactionResult> {
    return this.#alone("compact", () => this.#compact());
  }

  /** Removes what nobody needs. */
  collect(): Promise<GarbageReport> {
    return this.#alone("collect", () => this.#collect());
  }

  /** Has LanceDB tidy up the base table. */
  optimize(): Promise<OptimizeOutcome> {
    return this.#alone("optimize", () => this.#optimize());
  }

  /** Tells the newest status, once what it depends on is read. */
  async refreshStatus(): Promise<void> {
    await this.#readProgress();
  }

  /** Begins nothing more; resolves when what has begun has ended, at the next place where it can. */
  async close(): Promise<void> {
    this.#closing.abort(new ClosedError("the table is closed"));
    clearInterval(this.#ticker);
    await Promise.all([this.#flushing, this.#running]);
    await this.#compactor?.close();
    await this.#store.close();
    await this.#tableStore.close();
  }

  async #flush({ generation, handle, replayAfter }: FlushPlan): Promise<Flushed> {
    const { database, name, shardDirectory, epoch, primaryKey } = this.#table;
    const published = await this.#publishedBefore(generation);
    if (published !== undefined) return published;
    await this.#assertFewUnmerged();
    const lancedb = await loadLanceDb();
    const directory = newSsTableName(generation);
    const memtable = Memtable.attachPinned(handle, { cachedBatches: 1 }); // the writer keeps it until this is done
    const names = [directory, `${directory}${DATASET_SUFFIX}`];
    for (const one of names) this.#building.add(one);
    try {
      const { onStep } = this.#hooks;
      const manifests = this.#manifests;
      const place = { lancedb, database, name, shardDirectory, manifests, epoch, primaryKey };
      const what = { memtable, generation, directory, replayAfter, onStep };
      const { physicalRows = 0 } = await flushMemtable({ ...place, ...what });
      let bytes = 0;
      for await (const item of this.#tree.items(directory)) bytes += item.bytes;
      this.#tell({ ssTableBytes: bytes });
      return { rows: physicalRows, bytes };
    } finally {
      memtable.close();
      for (const one of names) this.#building.delete(one);
    }
  }

  /** What a flush of it has come to that nobody heard of: it had ended, or its thread, when the SSTable was published. */
  async #publishedBefore(generation: number): Promise<Flushed | undefined> {
    const manifest = await this.#manifests.refresh();
    assertHeld(manifest, this.#table.epoch, this.#table.shardId);
    if (manifest.currentGeneration <= generation) return undefined;
    const ssTable = manifest.ssTables.find((one) => one.generation === generation);
    return { rows: ssTable?.physicalRows ?? 0, bytes: 0 };
  }

  /** Every SSTable makes reads slower; while none are merged, memory and log have to bear it. @throws StorageError */
  async #assertFewUnmerged(): Promise<void> {
    const { unmerged } = await this.#progress.read();
    if (unmerged.ssTables < MAX_UNMERGED) return;
    const because = this.#status.current.tasks.compact.lastError?.message ?? "they are merged one after the other";
    throw new StorageError(
      `${unmerged.ssTables} SSTables of ${this.#table.tableDirectory} are not merged, at most ${MAX_UNMERGED} may be: ${because}`,
    );
  }

  async #compact(): Promise<CompactionResult> {
    const result = await (await this.#openCompactor()).run(this.#closing.signal);
    this.#progress.merged(result.mergedGeneration);
    if (result.generations.length > 0) {
      this.#mergesSince++;
      this.#tell({ compaction: result });
      this.#events.onDone("compaction", result);
    }
    return result;
  }

  async #openCompactor(): Promise<Compactor> {
    const { schemaMessage, ...table } = this.#table;
    const { onStep } = this.#hooks;
    const schema = decodeSchemaMessage(schemaMessage);
    this.#compactor ??= await Compactor.open({ ...table, schema, manifests: this.#manifests, onStep });
    return this.#compactor;
  }

  async #collect(): Promise<GarbageReport> {
    const { retentionMs, logRetentionMs } = this.#settings;
    this.#collectedAt = performance.now();
    const report = await collectGarbage({
      store: this.#store,
      manifests: this.#manifests,
      tree: this.#tree,
      epoch: this.#table.epoch,
      compactedThrough: await this.#progress.makeDurable(this.#status.current.watermarkProblem === undefined),
      inUse: this.#building,
      retainEntriesFrom: this.#retainFrom,
      retentionMs,
      entryRetentionMs: logRetentionMs,
      orphanGraceMs: retentionMs,
      signal: this.#closing.signal,
      onStep: this.#hooks.onStep,
    });
    this.#tell({ collection: report });
    if (report.removed.length > 0) this.#events.onDone("collection", summaryOf(report));
    return report;
  }

  async #optimize(): Promise<OptimizeOutcome> {
    const merges = this.#mergesSince;
    const outcome = await (await this.#openCompactor()).optimize(this.#settings.versionRetentionMs);
    this.#optimizedAt = performance.now();
    this.#mergesSince -= merges;
    return outcome;
  }

  // --- what is due -------------------------------------------------------------------------------------------------

  #consider(): void {
    if (this.#considering || !this.#mayBegin) return;
    this.#considering = true;
    void this.#doWhatIsDue().finally(() => {
      this.#considering = false;
    });
  }

  get #mayBegin(): boolean {
    return !this.#paused && !this.#fenced && !this.#closing.signal.aborted;
  }

  async #doWhatIsDue(): Promise<void> {
    const { collectIntervalMs, optimizeIntervalMs, optimizeMerges, retentionMs } = this.#settings;
    await this.#byItself("compact", async () => {
      if (await this.#isCompactionDue()) await this.#alone("compact", () => this.#compact());
    });
    const now = performance.now();
    if (now - this.#collectedAt >= collectIntervalMs) {
      await this.#byItself("collect", () => this.collect());
    }
    const merges = this.#mergesSince;
    // Merged SSTables stay until the indexes that LanceDB searches have their rows.
    const intervalMs = this.#progress.indexesLag ? Math.min(optimizeIntervalMs, retentionMs) : optimizeIntervalMs;
    if (merges >= optimizeMerges || (merges > 0 && now - this.#optimizedAt >= intervalMs)) {
      await this.#byItself("optimize", () => this.optimize());
    }
  }

  async #isCompactionDue(): Promise<boolean> {
    const { compactSsTables, compactBytes, compactAgeMs } = this.#settings;
    const { ssTables, bytes, oldestAgeMs } = await this.#readProgress();
    return ssTables >= compactSsTables || (ssTables > 0 && (bytes >= compactBytes || oldestAgeMs >= compactAgeMs));
  }

  async #readProgress(): Promise<MaintenanceStatus["unmerged"]> {
    const progress = await this.#progress.read();
    this.#tell({ progress });
    return progress.unmerged;
  }

  // --- how tasks are run -------------------------------------------------------------------------------------------

  /** Unasked: what goes wrong is told of, and ends a pause later. */
  async #byItself(task: AloneTask, action: () => Promise<unknown>): Promise<void> {
    const pause = this.#pauses.get(task);
    if (!this.#mayBegin || (pause !== undefined && performance.now() < pause.until)) return;
    try {
      await action();
      this.#pauses.delete(task);
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      const ms = Math.min(MAX_PAUSE_MS, 2 * (pause?.ms ?? FIRST_PAUSE_MS / 2));
      this.#pauses.set(task, { until: performance.now() + ms, ms });
      this.#events.onError(task, error);
    }
  }

  #alone<T>(task: AloneTask, action: () => Promise<T>): Promise<T> {
    const done = this.#running.then(() => {
      this.#closing.signal.throwIfAborted();
      return this.#counted(task, action);
    });
    this.#running = done.catch(() => {});
    return done;
  }

  async #counted<T>(task: MaintenanceTaskName, action: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      const value = await action();
      this.#tell({ task, milliseconds: performance.now() - start });
      return value;
    } catch (error) {
      if (error instanceof FencedError) this.#fenced = true;
      if (!this.#closing.signal.aborted) this.#tell({ task, milliseconds: performance.now() - start, error });
      throw error;
    }
  }

  #tell(change: Parameters<StatusKeeper["change"]>[0]): void {
    this.#events.onStatus(this.#status.change(change));
  }
}

function summaryOf({ unlisted, removed, more }: GarbageReport): object {
  return {
    unlisted,
    files: removed.length,
    bytes: removed.reduce((sum, { bytes }) => sum + bytes, 0),
    more,
  };
}
