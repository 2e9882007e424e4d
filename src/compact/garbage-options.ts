/**
 * What a collection of garbage is told, and what it tells.
 *
 * @module
 */
import { UsageError } from "../errors.js";
import { LEAST_RETENTION_MS } from "../lance/kept-manifests.js";
import type { ManifestStore } from "../lance/manifest-store.js";
import type { ObjectStore } from "../storage/object-store.js";
import type { ObjectTree } from "../storage/object-tree.js";

/** What is collected, how old it must be, and how fast. */
export interface GarbageOptions {
  /** Rooted at the shard's directory, as that of `manifests` and `tree`. */
  readonly store: ObjectStore;
  readonly manifests: ManifestStore;
  readonly tree: ObjectTree;
  /**
   * Epoch of the caller's claim: when it is lost, nothing more is done. Without one, the collector works beside whoever may be writing, at
   * the epoch that it finds.
   */
  readonly epoch?: number | undefined;
  /**
   * SSTables up to this generation are in the base table: every file, manifest and directory that their merge added is synced, and every
   * index that readers rely on has caught up. @default 0: none
   */
  readonly compactedThrough?: number | undefined;
  /** Directories that a flush is writing, or a snapshot reads: they stay. @default none */
  readonly inUse?: ReadonlySet<string> | undefined;
  /** Position of the first entry that a follower of the log still needs. @default none */
  readonly retainEntriesFrom?: number | undefined;
  /** How long a merged SSTable stays listed and on disk. @default 1 h */
  readonly retentionMs?: number | undefined;
  /** How long a covered entry of the log stays. @default 1 min */
  readonly entryRetentionMs?: number | undefined;
  /**
   * How long a directory or file that nothing refers to stays: SSTables that were dropped, or never published, and temporary files. The
   * owner, when it opens the shard, knows that nobody writes any: 0. @default 1 h
   */
  readonly orphanGraceMs?: number | undefined;
  /** How long a version of the shard's manifest stays, at least 2 h. @default 24 h */
  readonly manifestRetentionMs?: number | undefined;
  /** How many of the newest versions of the shard's manifest stay in any case. @default 1,000 */
  readonly keptManifests?: number | undefined;
  /** Files that one run removes at most; the next one goes on. @default 10,000 */
  readonly maxRemoved?: number | undefined;
  /** After so many files it pauses: a mass deletion makes the creation of files slow. @default 128 */
  readonly portion?: number | undefined;
  /** @default 50 */
  readonly pauseMs?: number | undefined;
  /** Change nothing, only say what would be removed. @default false */
  readonly dryRun?: boolean | undefined;
  /** Looked at between two files: what was begun may be left half done, and the next run goes on. */
  readonly signal?: AbortSignal | undefined;
  /** Called before each single write, sync and removal with what it is, such as `remove wal/1000….arrow`, and at the end with `done`. */
  readonly onStep?: ((step: string) => Promise<void> | void) | undefined;
  /** The time of day. @default the system's */
  readonly nowMs?: (() => number) | undefined;
  /** @default the system's timer */
  readonly sleep?: ((ms: number) => Promise<void>) | undefined;
}

/** What kind of thing was removed. */
export type GarbageKind = "entry" | "ssTable" | "orphan" | "manifest" | "temporary";

/** A file or directory that was, or would be, removed. */
export interface GarbageItem {
  readonly kind: GarbageKind;
  /** Path relative to the shard's directory. */
  readonly key: string;
  readonly bytes: number;
  /** True for a directory, once it is empty. */
  readonly isDirectory: boolean;
  /** Why nobody needs it. */
  readonly reason: string;
}

/** What is garbage one day, or looks like it, and stays for now. */
export interface KeptItems {
  readonly kind: GarbageKind;
  readonly count: number;
  /** Why it stays. */
  readonly reason: string;
}

export interface GarbageReport {
  readonly dryRun: boolean;
  /** SSTables that were, or would be, dropped from the manifest: paths. */
  readonly unlisted: readonly string[];
  readonly removed: readonly GarbageItem[];
  readonly kept: readonly KeptItems[];
  /** True when there is more to remove than one run may. */
  readonly more: boolean;
}

/** The options with their defaults. */
export type GarbageSettings = {
  readonly [K in Exclude<keyof GarbageOptions, "epoch" | "signal">]-?: Exclude<GarbageOptions[K], undefined>;
} & Pick<GarbageOptions, "epoch" | "signal">;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MAX_MS = 10 * 365 * 24 * HOUR_MS;

/** @throws UsageError when a number is out of its bounds */
export function garbageSettings(options: GarbageOptions): GarbageSettings {
  const { store, manifests, tree, epoch, signal } = options;
  const number = (name: keyof GarbageOptions, byDefault: number, least: number, most: number): number => {
    const value = options[name] ?? byDefault;
    if (typeof value === "number" && value >= least && value <= most) return value;
    throw new UsageError(`${name} is ${String(value)}; expected a number from ${least} to ${most}`);
  };
  return {
    store,
    manifests,
    tree,
    epoch,
    signal,
    compactedThrough: number("compactedThrough", 0, 0, Number.MAX_SAFE_INTEGER),
    inUse: options.inUse ?? new Set(),
    retainEntriesFrom: number("retainEntriesFrom", Number.MAX_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER),
    retentionMs: number("retentionMs", HOUR_MS, 0, MAX_MS),
    entryRetentionMs: number("entryRetentionMs", MINUTE_MS, 0, MAX_MS),
    orphanGraceMs: number("orphanGraceMs", HOUR_MS, 0, MAX_MS),
    manifestRetentionMs: number("manifestRetentionMs", 24 * HOUR_MS, LEAST_RETENTION_MS, MAX_MS),
    keptManifests: number("keptManifests", 1_000, 1, Number.MAX_SAFE_INTEGER),
    maxRemoved: number("maxRemoved", 10_000, 1, 1_000_000),
    portion: number("portion", 128, 1, 1_000_000),
    pauseMs: number("pauseMs", 50, 0, MINUTE_MS),
    dryRun: options.dryRun ?? false,
    onStep: options.onStep ?? (() => {}),
    nowMs: options.nowMs ?? Date.now,
    sleep: options.sleep ?? systemSleep,
  };
}

function systemSleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
