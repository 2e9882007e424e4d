/**
 * What is known of one shard: its manifest, its owner on this machine, and what its log holds.
 *
 * @module
 */
import { type SurveyOptions, surveyLog } from "../../lance/log-survey.js";
import { ManifestStore } from "../../lance/manifest-store.js";
import type { MemWalIndex } from "../../lance/mem-wal-index.js";
import type { ShardManifest } from "../../lance/shard-manifest.js";
import { LocalStore } from "../../storage/local-store.js";
import type { Owner } from "../../table/owner.js";
import { ownerOf } from "../../table/owner-socket.js";
import { LogTotals } from "../wal/log-totals.js";

export interface ShardStats {
  readonly shardId: string;
  readonly directory: string;
  /** Undefined when nobody has it open for writing. */
  readonly owner: Owner | undefined;
  /** Undefined for a shard without one. */
  readonly manifest: ShardManifest | undefined;
  /** Up to this generation SSTables are in the base table; undefined when that is not known. */
  readonly mergedThrough: number | undefined;
  readonly log: LogTotals;
  /** Position that the next entry takes. */
  readonly next: number;
}

/** SSTables that are listed: those that are not in the base table yet, and those that stay for readers that opened the table before. */
export function ssTableCounts({ manifest, mergedThrough = 0 }: ShardStats): { unmerged: number; retained: number } {
  const { ssTables = [] } = manifest ?? {};
  const unmerged = ssTables.filter(({ generation }) => generation > mergedThrough).length;
  return { unmerged, retained: ssTables.length - unmerged };
}

/**
 * @param index of the table's base, undefined for a shard without one
 * @throws CorruptError when the manifest is damaged; StorageError by the file system
 */
export async function shardStats(
  shardId: string,
  directory: string,
  index: MemWalIndex | undefined,
): Promise<ShardStats> {
  const owner = await ownerOf(directory);
  const store = new LocalStore(directory);
  try {
    const manifest = await new ManifestStore(store, shardId).load();
    const { replayAfter = 0, lastSeen = 0 } = manifest ?? {};
    const options: SurveyOptions = { replayAfter, lastSeen };
    const log = new LogTotals();
    for await (const finding of surveyLog(store, options)) log.add(finding);
    return {
      shardId,
      directory,
      owner,
      manifest,
      mergedThrough: mergedOf(index, shardId),
      log,
      next: Math.max(log.newest, replayAfter) + 1,
    };
  } finally {
    await store.close();
  }
}

function mergedOf(index: MemWalIndex | undefined, shardId: string): number | undefined {
  return index === undefined ? undefined : (index.compacted.find((one) => one.shardId === shardId)?.generation ?? 0);
}

/** Bytes of fields in the manifest that this version does not know, and keeps. */
export function unknownBytes(manifest: ShardManifest): number {
  const parts = [manifest, ...manifest.ssTables, ...manifest.fieldEntries].map(({ unknown }) => unknown);
  return [...parts, manifest.shardIdUnknown].reduce((sum, { byteLength }) => sum + byteLength, 0);
}
