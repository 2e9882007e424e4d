/**
 * The output of `pennon stats --json`: one object on one line.
 *
 * @module
 */
import type { MemWalIndex } from "../../lance/mem-wal-index.js";
import type { ShardManifest } from "../../lance/shard-manifest.js";
import { plainCounters } from "../wal/log-totals.js";
import { type ShardStats, ssTableCounts, unknownBytes } from "./shard-stats.js";

/** @param directory of the table, undefined for a shard without one */
export function statsJson(
  directory: string | undefined,
  index: MemWalIndex | undefined,
  shards: readonly ShardStats[],
): string {
  const report = {
    table: directory === undefined ? null : { directory, writeSpec: index === undefined ? null : plainIndex(index) },
    shards: shards.map(plainShard),
  };
  return `${JSON.stringify(report)}\n`;
}

function plainIndex({ shardingSpecs, writerConfigDefaults, ...rest }: MemWalIndex): object {
  return {
    ...rest,
    shardingSpecs: shardingSpecs.map(({ id, fields }) => ({
      id,
      fields: fields.map(({ parameters, ...field }) => ({ ...field, parameters: Object.fromEntries(parameters) })),
    })),
    config: Object.fromEntries(writerConfigDefaults),
  };
}

function plainShard(shard: ShardStats): object {
  const { shardId, directory, owner, manifest, mergedThrough, log, next } = shard;
  const problem = log.problem(manifest);
  const { entries, rows, batches, bytes } = log.replayed;
  return {
    id: shardId,
    directory,
    owner: owner ?? null,
    manifest: manifest === undefined ? null : plainManifest(manifest),
    ssTables: { ...ssTableCounts(shard), mergedThrough: mergedThrough ?? null },
    log: {
      next,
      entries: log.all.entries,
      fences: log.fences,
      replay: { entries, rows, batches, bytes },
      damaged: log.damaged,
      missing: log.missing,
      checksums: log.checksums,
      counters: plainCounters(log.counters),
      sound: problem === undefined,
      ...(problem === undefined ? {} : { problem }),
    },
  };
}

function plainManifest(manifest: ShardManifest): object {
  const { version, writerEpoch, replayAfter, lastSeen, currentGeneration, status, shardSpecId, ssTables } = manifest;
  return {
    version,
    epoch: writerEpoch,
    status,
    replayAfter,
    lastSeen,
    currentGeneration,
    shardSpecId,
    ssTables: ssTables.map(({ unknown: _, ...table }) => table),
    unknownBytes: unknownBytes(manifest),
  };
}
