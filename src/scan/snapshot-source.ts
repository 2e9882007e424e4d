/**
 * Takes snapshots of a table: one moment of all its tiers.
 *
 * Rows go from memtables into SSTables and from there into the base table while a snapshot is taken. It is one moment all the same:
 *
 * 1. the memtables, and how much of each is seen;
 * 2. the manifest of the shard: what was released as a memtable before 1 is an SSTable by now, or has been one;
 * 3. the base table's newest version: an SSTable that was taken out of the manifest before 2 is merged into it;
 * 4. the manifest again: generations from its current one on were not published yet, so nothing of them is in that version.
 *
 * The snapshot has what step 4 calls published as SSTables, unless merged into the version of step 3, and the memtables of later
 * generations as they were at step 1. So all rows up to some place in the order of writing are in it, each once, and none behind that
 * place; that place is not before what step 1 saw, since generations are published in order. Whatever was merged in part when the version was
 * written is also in an SSTable of the snapshot, which hides it.
 *
 * What is to be read may have been removed meanwhile (a merged SSTable after its retention, an old version of the base table): then all
 * begins anew, a bounded number of times.
 *
 * @module
 */
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { GoneError, RetryableError } from "../errors.js";
import { ManifestStore } from "../lance/manifest-store.js";
import type { ShardManifest, SsTable } from "../lance/shard-manifest.js";
import { LocalStore } from "../storage/local-store.js";
import type { ObjectStore } from "../storage/object-store.js";
import { BaseVersions } from "./base-versions.js";
import { DatasetCache } from "./dataset-cache.js";
import type { RowsOf } from "./dataset-tier.js";
import { KeyFilters } from "./key-filters.js";
import type { CapturedMemtable } from "./memtable-tier.js";
import { Snapshot } from "./snapshot.js";
import { SsTableKeys } from "./ss-table-keys.js";

const MAX_CAPTURES = 10;
const FIRST_PAUSE_MS = 1;
const DEFAULT_MAX_KEY_BYTES = 2 ** 30;
const DEFAULT_MAX_IDLE_DATASETS = 64;
/** A filter has 1.5 bytes a key. */
const MAX_FILTERS = 256;

/** Memtables as of one moment. */
export interface CapturedMemtables {
  /** Oldest first. */
  readonly memtables: readonly CapturedMemtable[];
  /** Called once when they are not read any more. */
  release(): void;
}

/** What is read, and within which bounds. */
export interface SnapshotSourceOptions extends RowsOf {
  /** `<database>/<table>.lance` */
  readonly tableDirectory: string;
  readonly shardDirectory: string;
  readonly shardId: string;
  /** All memtables that are not SSTables yet, as of now. */
  readonly memtables: () => CapturedMemtables;
  /** Memory for the keys of SSTables that are not merged. @default 1 GiB */
  readonly maxKeyBytes?: number;
  /** Datasets that are kept open while no snapshot uses them. @default 64 */
  readonly maxIdleDatasets?: number;
}

export class SnapshotSource {
  readonly #options: SnapshotSourceOptions;
  readonly #stores: readonly ObjectStore[];
  readonly #manifests: ManifestStore;
  readonly #bases: BaseVersions;
  readonly #datasets: DatasetCache;
  readonly #keys: SsTableKeys;
  readonly #filters = new KeyFilters(MAX_FILTERS);

  constructor(options: SnapshotSourceOptions) {
    const { tableDirectory, shardDirectory, shardId } = options;
    const table = new LocalStore(tableDirectory);
    const shard = new LocalStore(shardDirectory);
    this.#options = options;
    this.#stores = [table, shard];
    this.#manifests = new ManifestStore(shard, shardId);
    this.#bases = new BaseVersions(tableDirectory, table, shardId);
    this.#datasets = new DatasetCache(options.maxIdleDatasets ?? DEFAULT_MAX_IDLE_DATASETS);
    this.#keys = new SsTableKeys(options, options.maxKeyBytes ?? DEFAULT_MAX_KEY_BYTES);
  }

  /** Bytes of memory set aside for the keys of SSTables. */
  get keyBytes(): number {
    return this.#keys.bytes;
  }

  /** What is read, whatever snapshot it is of. */
  get table(): RowsOf {
    return this.#options;
  }

  /** The memtables alone, as of now. Release them. */
  memtables(): CapturedMemtables {
    return this.#options.memtables();
  }

  /**
   * All tiers as of now: every row that could be read before the call is in it. Release it.
   *
   * @throws RetryableError when what was to be read was removed, ten times in a row
   * @throws ConflictError when the table takes no writes through a log any more; CorruptError, StorageError when it cannot be read
   */
  async capture(signal?: AbortSignal): Promise<Snapshot> {
    let pauseMs = FIRST_PAUSE_MS;
    for (let i = 1; ; i++, pauseMs *= 2) {
      signal?.throwIfAborted();
      const captured = this.memtables();
      try {
        return await this.#capture(captured);
      } catch (error) {
        captured.release();
        if (!(error instanceof GoneError)) throw error;
        if (i === MAX_CAPTURES) {
          throw new RetryableError(
            `no snapshot of ${this.#options.tableDirectory} could be taken in ${MAX_CAPTURES} attempts, as files were removed meanwhile; try again`,
            { cause: error },
          );
        }
      }
      await setTimeout(pauseMs);
    }
  }

  /** Snapshots that are not released keep what they use. */
  async close(): Promise<void> {
    await Promise.all([this.#bases.close(), this.#datasets.close(), ...this.#stores.map((store) => store.close())]);
  }

  async #capture(captured: CapturedMemtables): Promise<Snapshot> {
    const { schema, primaryKey, tableDirectory, shardDirectory } = this.#options;
    const before = await this.#manifests.refresh();
    const { version, merged } = await this.#bases.newest();
    const after = await this.#manifests.refresh();
    const published = after?.currentGeneration ?? 0;
    const needed = listed(before, after).filter(({ generation }) => generation > merged && generation < published);
    const leases = await this.#open([
      { directory: tableDirectory, version },
      ...needed.map(({ path }) => ({ directory: join(shardDirectory, path) })),
    ]);
    const [base, ...datasets] = leases.map(({ dataset }) => dataset);
    if (base === undefined) throw new Error("the base table was not opened");
    const ssTables = needed.flatMap(({ generation }, i) => {
      const dataset = datasets[i];
      if (dataset === undefined) return [];
      const { directory } = dataset;
      return [{ generation, directory, dataset, filter: () => this.#filters.get(directory) }];
    });
    const memtables = captured.memtables.filter(({ generation, rows }) => generation >= published && rows > 0);
    const table = { schema, primaryKey };
    const parts = { table, memtables, ssTables, base, baseVersion: version, keys: this.#keys };
    return new Snapshot(parts, () => {
      captured.release();
      for (const lease of leases) lease.release();
    });
  }

  /** All of them, or none. */
  async #open(wanted: readonly { readonly directory: string; readonly version?: number }[]) {
    const opening = wanted.map(({ directory, version }) => this.#datasets.acquire(directory, version));
    const settled = await Promise.allSettled(opening);
    const leases = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    const failed = settled.find((one) => one.status === "rejected");
    if (failed === undefined) return leases;
    for (const lease of leases) lease.release();
    throw failed.reason;
  }
}

/** The SSTables in either manifest, oldest first. */
function listed(before: ShardManifest | undefined, after: ShardManifest | undefined): SsTable[] {
  const ssTables = new Map<number, SsTable>();
  for (const manifest of [before, after]) {
    for (const ssTable of manifest?.ssTables ?? []) ssTables.set(ssTable.generation, ssTable);
  }
  return [...ssTables.values()].sort((a, b) => a.generation - b.generation);
}
