/**
 * Shards for tests of garbage collection: a log, SSTables that are only names and a file, and a flush that is only a commit.
 *
 * @module
 */
import { claimShard } from "../lance/claim.js";
import { logEntry } from "../lance/log.fixture.js";
import { listPositions } from "../lance/log-positions.js";
import { ManifestStore } from "../lance/manifest-store.js";
import { walKey } from "../lance/names.js";
import { UNSHARDED_SHARD_ID } from "../lance/shard-id.js";
import type { ShardManifest } from "../lance/shard-manifest.js";
import { publishSsTable } from "../lance/ss-table-publish.js";
import { MemoryStore } from "../storage/memory-store.js";
import type { ObjectStore } from "../storage/object-store.js";
import { storeTree } from "../storage/object-tree.js";
import { collectGarbage } from "./garbage.js";
import type { GarbageOptions, GarbageReport } from "./garbage-options.js";

/** Nothing waits, nothing is too young. */
export const AT_ONCE = { retentionMs: 0, entryRetentionMs: 0, orphanGraceMs: 0, pauseMs: 0 } as const;

export function manifestsOf(store: ObjectStore, nowMs?: () => number): ManifestStore {
  return new ManifestStore(store, UNSHARDED_SHARD_ID, nowMs);
}

interface Appended {
  readonly counters?: ReadonlyMap<string, bigint>;
  readonly foreign?: boolean;
  readonly bytes?: Uint8Array;
}

/** A shard in memory, with a writer. */
export class Shard {
  readonly store: MemoryStore;
  readonly manifests: ManifestStore;
  epoch = 0;
  next = 1;
  /** The time of day. */
  nowMs = 1_000_000_000_000;

  private constructor(store: MemoryStore) {
    this.store = store;
    this.manifests = manifestsOf(store, () => this.nowMs);
  }

  static async open(store = new MemoryStore()): Promise<Shard> {
    const shard = new Shard(store);
    await shard.claim();
    return shard;
  }

  /** Another writer takes over. */
  async claim(): Promise<void> {
    const { epoch, nextPosition } = await claimShard(this.manifests, this.store);
    this.epoch = epoch;
    this.next = nextPosition;
  }

  /** Appends an entry of one row, whose id is its position, or these bytes. */
  async append(options: Appended = {}): Promise<number> {
    const position = this.next++;
    const { bytes = logEntry({ from: position, rows: 1, epoch: this.epoch, ...options }) } = options;
    await this.store.putIfAbsent(walKey(position), [bytes]);
    return position;
  }

  async appendAll(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.append();
  }

  /** Makes an SSTable of all entries up to a position, in files that are synced or not. Returns its directory. */
  async flush(replayAfter = this.next - 1, durable = true): Promise<string> {
    const { currentGeneration: generation } = await this.manifest();
    const path = `0000000${generation % 10}_gen_${generation}`;
    for (const file of ["data/rows.lance", "_pk_index/page_data.lance"]) {
      await this.store.putIfAbsent(`${path}/${file}`, [Buffer.from(`rows of ${generation}`)], { durable });
    }
    const table = {
      generation,
      path,
      inMemoryBytes: undefined,
      physicalRows: undefined,
      primaryKeyBytes: undefined,
      unknown: new Uint8Array(),
    };
    await publishSsTable(this.manifests, this.epoch, { table, replayAfter });
    return path;
  }

  async manifest(): Promise<ShardManifest> {
    const manifest = await manifestsOf(this.store).load();
    if (manifest === undefined) throw new Error("no manifest");
    return manifest;
  }

  /** A collection by a process of its own. */
  collect(options: Partial<GarbageOptions> = {}): Promise<GarbageReport> {
    const store = options.store ?? this.store;
    const manifests = manifestsOf(store, () => this.nowMs);
    return collectGarbage({ store, manifests, tree: storeTree(store), nowMs: () => this.nowMs, ...options });
  }

  async positions(): Promise<number[]> {
    return [...(await listPositions(this.store))];
  }

  /** Directories that are there, in order. */
  directories(): Promise<string[]> {
    return storeTree(this.store).directories();
  }
}
