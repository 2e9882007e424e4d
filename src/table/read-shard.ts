/**
 * Reads of a shard as of one moment: rows by their keys, all rows, how many there are. While one is under way the shard keeps what it needs,
 * whatever becomes of it.
 *
 * @module
 */
import type { RecordBatch } from "apache-arrow";
import { countRows } from "../scan/count-rows.js";
import { lookUp } from "../scan/look-up.js";
import { type ScanOptions, scanSnapshot } from "../scan/scan-snapshot.js";
import type { OpenShard } from "./open-shard.js";

/** How many rows there are. @param ends signals of which each ends it */
export async function countShard(
  shard: OpenShard,
  signal: AbortSignal | undefined,
  ends: readonly AbortSignal[],
): Promise<number> {
  const letGo = shard.hold();
  try {
    const snapshot = await shard.snapshots.capture(signal);
    try {
      return await countRows(snapshot, ends);
    } finally {
      snapshot.release();
    }
  } finally {
    letGo();
  }
}

/** For each key its row, or undefined. @throws UsageError when one is not a key of the table */
export async function lookUpShard(
  shard: OpenShard,
  keys: readonly unknown[],
  signal: AbortSignal | undefined,
): Promise<unknown[]> {
  const letGo = shard.hold();
  try {
    const { snapshots, keys: columns, reader } = shard;
    return await lookUp(snapshots, columns.columns(keys), ({ batch, row }) => reader.read(batch, row), signal);
  } finally {
    letGo();
  }
}

/** All rows as batches that are copies. @param closed ends it */
export async function* scanShard(
  shard: OpenShard,
  options: ScanOptions,
  closed: AbortSignal,
): AsyncGenerator<RecordBatch, void> {
  closed.throwIfAborted();
  const letGo = shard.hold();
  try {
    const snapshot = await shard.snapshots.capture(options.signal);
    try {
      yield* scanSnapshot(snapshot, options, { copy: true, closed });
    } finally {
      snapshot.release();
    }
  } finally {
    letGo();
  }
}
