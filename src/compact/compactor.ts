/**
 * Merges the SSTables of a shard into its base table.
 *
 * Order of events for the SSTables that are merged at once, which are the oldest ones that are not in the base table yet:
 *   1. Their newest rows are upserted, the keys that they delete deleted, in commits of bounded size (merge-chunks.ts, base-commits.ts).
 *   2. Everything is made durable that the base table's newest version consists of (base-sync.ts): LanceDB syncs nothing.
 *   3. The merge watermark is written, in a version of its own, and durably (base-watermark.ts).
 * SSTables stay listed, and on disk. To unlist and remove them some time after 3 is the garbage collector's business.
 *
 * Why readers see nothing of it. Before 3 the SSTables are read by everybody, and hide what the base table has of their keys: whether rows of
 * theirs are there too, all, some or none, makes no difference. From 3 on, who reads the new version finds all of their rows in it and passes
 * over them; who still reads an older version reads them as before.
 *
 * Why a crash does no harm. Between any two steps the SSTables above the watermark are merged again by the next run, in whatever groups. A
 * merge sets each key to the same row, or to none, however often it is done, so it comes to the same. What others have written meanwhile to
 * keys of these SSTables is overwritten; but nobody who reads the table as a whole has ever seen it, because until 3 the SSTables
 * hide it. What they write after 3 stays, as nothing up to the watermark is merged again.
 *
 * Fencing. A compactor that stood still while another took the shard over must not put old rows over newer ones. Before each commit the claim
 * is looked at, after the version was taken that the commit builds on. What remains is a commit that was under way when the process stopped.
 * So after a claim of a shard whose former owner may be alive:
 *   - The first run waits for `takeoverWaitMs`. A merge gives itself up `mergeTimeoutMs` after the look at the claim, wherever it stands, and
 *     LanceDB begins a delete anew for 30 s at most. Time goes on while a process stands still. So whatever LanceDB has begun anew before
 *     the fence, on versions that the claim had not been looked at for, has been committed by then or never will be.
 *   - Then it writes a fence into the base table (base-watermark.ts). A commit that builds on an older version fails at it.
 *   - Only then it merges, on top of all that the former owner has done.
 * One gap remains, of milliseconds: a commit that collides with a third process which changed the same rows before the fence, and whose process
 * stopped between the look at the claim and the start of LanceDB's clock, or, if it is a delete, in LanceDB's pause before it begins anew.
 * When that goes on after the takeover, old rows may come back, or newer ones go. Where no fence can be written (the manifest is of
 * a form we do not know), a version that changes nothing takes its place, and the gap is there without a third process.
 *
 * One run at a time; not for the application's thread.
 *
 * @module
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Connection, Table } from "@lancedb/lancedb";
import { ClosedError, ConflictError, UsageError } from "../errors.js";
import { readNewestManifest } from "../lance/base-manifest-file.js";
import { BaseSync, type SyncedFiles } from "../lance/base-sync.js";
import {
  type VersionOptions,
  type WatermarkOutcome,
  writeFence,
  writeMergeWatermark,
} from "../lance/base-watermark.js";
import { EpochWatch } from "../lance/epoch-watch.js";
import { loadLanceDb } from "../lance/lancedb-module.js";
import { memWalIndexOf } from "../lance/mem-wal-index.js";
import type { SsTable } from "../lance/shard-manifest.js";
import { storageCall } from "../lance/storage-call.js";
import { LocalStore } from "../storage/local-store.js";
import { BaseCommits } from "./base-commits.js";
import { ensureKeyIndex } from "./base-key-index.js";
import {
  type CompactionLimits,
  type CompactionResult,
  type CompactorOptions,
  DEFAULT_LIMITS,
} from "./compactor-options.js";
import { mergeChunks } from "./merge-chunks.js";
import { nextToMerge, unmergedSsTables } from "./merge-plan.js";
import { optimizeBase } from "./optimize-base.js";
import type { OptimizeOutcome } from "./optimize-outcome.js";

export class Compactor {
  readonly #options: CompactorOptions;
  readonly #limits: CompactionLimits;
  readonly #connection: Connection;
  readonly #table: Table;
  readonly #store: LocalStore;
  readonly #sync: BaseSync;
  readonly #watch: EpochWatch;
  readonly #commits: BaseCommits;
  readonly #openedAtMs = performance.now();
  #fenced: boolean;
  #busy = false;
  #closed = false;
  /** Generation up to which this object has merged, where the base table cannot say so. */
  #merged = 0;

  private constructor(options: CompactorOptions, connection: Connection, table: Table) {
    const { tableDirectory, primaryKey, manifests, epoch, onStep = () => {} } = options;
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#connection = connection;
    this.#table = table;
    this.#store = new LocalStore(tableDirectory);
    this.#sync = new BaseSync(this.#store);
    this.#watch = new EpochWatch(manifests, { epoch });
    const { mergeTimeoutMs } = this.#limits;
    this.#commits = new BaseCommits({ table, tableDirectory, primaryKey, watch: this.#watch, mergeTimeoutMs, onStep });
    this.#fenced = options.predecessorGone ?? epoch <= 1;
  }

  /**
   * @throws UsageError when LanceDB is missing, or a limit is no positive number; StorageError when the table cannot be opened
   */
  static async open(options: CompactorOptions): Promise<Compactor> {
    for (const [name, value] of Object.entries(options.limits ?? {})) {
      if (!(value >= 1)) throw new UsageError(`limits.${name} is ${value}; expected a number, 1 or more`);
    }
    const lancedb = await loadLanceDb();
    return storageCall(`cannot open the table ${options.tableDirectory}`, async () => {
      const connection = await lancedb.connect(options.database);
      try {
        return new Compactor(options, connection, await connection.openTable(options.name));
      } catch (error) {
        connection.close();
        throw error;
      }
    });
  }

  /**
   * Merges all SSTables that are listed when it begins.
   *
   * @param signal looked at between commits: what is merged until then stays, and is merged again next time
   * @throws ConflictError when the shard was claimed by another writer, when others have changed the base table as a whole, or too often for
   * a commit to come through; StorageError, GoneError, CorruptError, OutcomeUnknownError when the storage fails; the signal's reason. The
   * next run goes on where this one stopped
   */
  run(signal?: AbortSignal): Promise<CompactionResult> {
    return this.#alone(() => this.#run(signal));
  }

  /**
   * Has LanceDB tidy up the base table: small fragments are joined, indexes brought up to date, and versions removed that are older than
   * `retentionMs` and not the newest. Readers of removed versions fail: see docs/compaction.md for how long it has to be.
   *
   * @throws as {@link run}
   */
  async optimize(retentionMs: number): Promise<OptimizeOutcome> {
    if (!(Number.isFinite(retentionMs) && retentionMs >= 0)) {
      throw new UsageError(`retentionMs is ${retentionMs}; expected a number of milliseconds, 0 or more`);
    }
    return this.#alone(() =>
      optimizeBase({
        table: this.#table,
        commits: this.#commits,
        makeDurable: () => this.#makeDurable(),
        retentionMs,
      }),
    );
  }

  /** Lets go of the table. @throws UsageError while it runs */
  async close(): Promise<void> {
    if (this.#closed) return;
    if (this.#busy) throw new UsageError("a compactor cannot be closed while it runs; await its run first");
    this.#closed = true;
    this.#table.close();
    this.#connection.close();
    await this.#store.close();
  }

  async #alone<T>(action: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new ClosedError("this compactor is closed: open another");
    if (this.#busy) throw new UsageError("this compactor runs already; await its run first");
    this.#busy = true;
    try {
      if (this.#options.manifests.current === undefined) await this.#options.manifests.load();
      return await action();
    } finally {
      this.#busy = false;
    }
  }

  async #run(signal: AbortSignal | undefined): Promise<CompactionResult> {
    const begun = performance.now();
    const before = this.#commits.counts;
    const merged = await this.#mergedGeneration();
    const sums = { rowsUpserted: 0, rowsDeleted: 0, bytesWritten: 0 };
    const generations: number[] = [];
    let watermark: WatermarkOutcome | undefined;
    const manifest = await this.#options.manifests.refresh();
    await this.#watch.check();
    let unmerged = manifest === undefined ? [] : unmergedSsTables(manifest, merged);
    if (unmerged.length > 0) {
      await this.#fence(signal);
      // What was not durable before is not counted as written here.
      await this.#makeDurable();
      await ensureKeyIndex(this.#table, this.#commits, this.#options, this.#limits.indexedRows);
    }
    while (unmerged.length > 0) {
      const together = nextToMerge(unmerged, this.#limits.mergedKeys);
      await this.#merge(together, sums, signal);
      watermark = await this.#writeWatermark(together, sums);
      generations.push(...together.map(({ generation }) => generation));
      this.#merged = generations.at(-1) ?? merged;
      unmerged = unmerged.slice(together.length);
    }
    const after = this.#commits.counts;
    return {
      ...sums,
      generations,
      commits: after.commits - before.commits,
      retries: after.retries - before.retries,
      watermark,
      mergedGeneration: Math.max(merged, this.#merged),
      milliseconds: performance.now() - begun,
    };
  }

  /** Generation up to which SSTables are in the base table. */
  async #mergedGeneration(): Promise<number> {
    const index = await memWalIndexOf(this.#store);
    if (index === undefined) {
      throw new ConflictError(
        `the table ${this.#options.tableDirectory} has no LSM write spec any more: somebody has removed it. Open the table again`,
      );
    }
    const { shardId } = this.#options.manifests;
    const said = index.compacted.find((entry) => entry.shardId === shardId)?.generation ?? 0;
    return Math.max(said, this.#merged);
  }

  /** Until this has returned once, nothing is merged. */
  async #fence(signal: AbortSignal | undefined): Promise<void> {
    if (this.#fenced) return;
    const leftMs = this.#openedAtMs + this.#limits.takeoverWaitMs - performance.now();
    if (leftMs > 0) await sleep(leftMs, undefined, { signal });
    const { written } = await writeFence(this.#store, this.#versionOptions("fence"));
    if (!written) await this.#commits.touch("fence");
    this.#fenced = true;
  }

  async #merge(
    together: readonly SsTable[],
    sums: { rowsUpserted: number; rowsDeleted: number },
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { shardDirectory, schema, primaryKey } = this.#options;
    const { commitBytes: maxBytes, commitRows: maxRows, commitDeletes: maxDeletes } = this.#limits;
    const directories = together.map(({ path }) => join(shardDirectory, path));
    const source = { directories, schema, primaryKey, maxBytes, maxRows, maxDeletes, signal };
    for await (const chunk of mergeChunks(source)) {
      signal?.throwIfAborted();
      if (chunk.kind === "upsert") {
        await this.#commits.upsert(chunk.file);
        sums.rowsUpserted += chunk.rows;
      } else sums.rowsDeleted += await this.#commits.delete(chunk.predicate);
    }
  }

  async #writeWatermark(together: readonly SsTable[], sums: { bytesWritten: number }): Promise<WatermarkOutcome> {
    const { manifests, onStep } = this.#options;
    const outcome = await writeMergeWatermark(this.#store, {
      shardId: manifests.shardId,
      generation: together.at(-1)?.generation ?? 0,
      ...this.#versionOptions("watermark", sums),
    });
    await onStep?.("watermark:after");
    return outcome;
  }

  #versionOptions(step: string, sums?: { bytesWritten: number }): VersionOptions {
    const { onStep } = this.#options;
    return {
      makeDurable: async (manifest) => {
        await this.#watch.check();
        await onStep?.("sync:before");
        const { bytes } = await this.#sync.sync(manifest);
        if (sums !== undefined) sums.bytesWritten += bytes;
        await onStep?.("sync:after");
      },
      beforeCommit: async () => {
        await this.#watch.check();
        await onStep?.(`${step}:before`);
      },
    };
  }

  async #makeDurable(): Promise<SyncedFiles> {
    return this.#sync.sync(await readNewestManifest(this.#store));
  }
}
