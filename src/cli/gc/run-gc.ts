/**
 * `pennon gc` as a command.
 *
 * @module
 */
import { collectGarbage } from "../../compact/garbage.js";
import type { GarbageReport } from "../../compact/garbage-options.js";
import { readNewestManifest } from "../../lance/base-manifest-file.js";
import { BaseSync } from "../../lance/base-sync.js";
import { ManifestStore } from "../../lance/manifest-store.js";
import { collectableThrough, memWalIndexOf } from "../../lance/mem-wal-index.js";
import { shardDirectory } from "../../lance/names.js";
import { LocalStore } from "../../storage/local-store.js";
import { localTree } from "../../storage/object-tree.js";
import { EXIT } from "../failure.js";
import { listenForSignals } from "../interruption.js";
import { print } from "../print.js";
import { findTableOrShard, shardsOf } from "../shard-path.js";
import { gcText } from "./gc-text.js";

/** The options of the command. */
export interface GcFlags {
  readonly dryRun?: boolean;
  /** In milliseconds. */
  readonly retention?: number;
  readonly json?: boolean;
}

/** What was collected of one shard. */
export interface CollectedShard {
  readonly shardId: string;
  readonly report: GarbageReport;
}

/**
 * Runs the command and prints what comes of it.
 *
 * @returns the exit code
 * @throws what is wrong with the path, a manifest or the storage, see `failureOf`
 */
export async function runGc(path: string, flags: GcFlags): Promise<number> {
  const place = findTableOrShard(path);
  const controller = new AbortController();
  const stopListening = listenForSignals(controller);
  try {
    const through = await throughOf(place.tableDirectory, flags.dryRun ?? false);
    const shards: CollectedShard[] = [];
    if ("shardId" in place) {
      shards.push(await collectShard(place.shardId, place.shardDirectory, through, flags, controller.signal));
    } else {
      for (const id of shardsOf(place.tableDirectory)) {
        const directory = shardDirectory(place.tableDirectory, id);
        shards.push(await collectShard(id, directory, through, flags, controller.signal));
      }
    }
    const json = shards.map(({ shardId, report }) => ({ id: shardId, ...report }));
    await print(flags.json ? `${JSON.stringify({ shards: json })}\n` : gcText(path, shards, flags));
    return EXIT.OK;
  } finally {
    stopListening();
  }
}

/** Up to which generation the SSTables of a shard are in the base table, which is made durable before anything relies on it. */
async function throughOf(tableDirectory: string | undefined, dryRun: boolean): Promise<(shardId: string) => number> {
  if (tableDirectory === undefined) return () => 0;
  const table = new LocalStore(tableDirectory);
  try {
    const index = await memWalIndexOf(table);
    if (index === undefined) return () => 0;
    // What is read next is this version or a later one, which holds all that this one does.
    if (!dryRun && index.compacted.length > 0) await new BaseSync(table).sync(await readNewestManifest(table));
    return (shardId) => collectableThrough(index, shardId);
  } finally {
    await table.close();
  }
}

async function collectShard(
  shardId: string,
  directory: string,
  through: (shardId: string) => number,
  { dryRun, retention }: GcFlags,
  signal: AbortSignal,
): Promise<CollectedShard> {
  const store = new LocalStore(directory);
  try {
    const manifests = new ManifestStore(store, shardId);
    const report = await collectGarbage({
      store,
      manifests,
      tree: localTree(directory),
      compactedThrough: through(shardId),
      retentionMs: retention,
      dryRun,
      signal,
    });
    return { shardId, report };
  } finally {
    await store.close();
  }
}
