/**
 * Makes a plain table of LanceDB of one of ours: every row in the base table, no write spec, no log.
 *
 * Order of events, each durable before the next:
 *   1. The shard is opened, as by a writer; all rows are flushed and merged into the base table. Writer and maintenance end.
 *   2. One commit of the shard's manifest lists no SSTable any more and seals it: no writer, LanceDB's neither, can put a row that would be
 *      lost. From here on everything is in the base table alone.
 *   3. The write spec is removed from the base table.
 *   4. `_mem_wal` gets another name, which no reader and no later spec takes for a log, and is removed.
 *
 * A crash before 2 leaves the table as it was, between 2 and 4 one that has all its rows and takes no writer: detaching it again goes on. Other
 * processes of this machine are kept out by the shard's name throughout.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { maintenanceSettings } from "../compact/maintenance-options.js";
import { ConflictError, UsageError } from "../errors.js";
import { readNewestManifest } from "../lance/base-manifest-file.js";
import { BaseSync } from "../lance/base-sync.js";
import { assertHeld } from "../lance/epoch-watch.js";
import { loadLanceDb } from "../lance/lancedb-module.js";
import { ManifestStore } from "../lance/manifest-store.js";
import { readMemWalIndex } from "../lance/mem-wal-index.js";
import { MEM_WAL_DIRECTORY } from "../lance/names.js";
import { isUuid } from "../lance/shard-id.js";
import type { ShardManifest } from "../lance/shard-manifest.js";
import { kindOf, namesIn, storageCall } from "../lance/storage-call.js";
import { LocalStore } from "../storage/local-store.js";
import { syncDirectory } from "../storage/sync-tree.js";
import { assertKnownOptions } from "./known-options.js";
import { type LanceTable, openLanceTable } from "./lance-catalog.js";
import { claimOwnership } from "./owner-socket.js";
import { SharedShard } from "./shared-shard.js";
import { parseTablePath } from "./table-path.js";

/** How a table is detached. */
export interface DetachOptions {
  /** Fence the process that has the table open for writing, instead of failing with `Conflict`. @default false */
  readonly takeover?: boolean;
  /** Ends it, until everything is merged: it rejects with the signal's reason, and the table is as it was. */
  readonly signal?: AbortSignal;
  /** Told what begins. */
  readonly onStep?: (step: "open" | "flush" | "merge" | "remove") => void;
}

/** What was done. */
export interface DetachResult {
  /** Of the table. */
  readonly directory: string;
  /** False when it was a plain table already. */
  readonly detached: boolean;
  /** Rows that were merged into the base table, and removed from it. */
  readonly rowsUpserted: number;
  readonly rowsDeleted: number;
}

const OPTIONS: readonly string[] = ["takeover", "signal", "onStep"];
/** What the log is called while it is removed. */
const REMOVED_PREFIX = `${MEM_WAL_DIRECTORY}.detached-`;
/** Others may change the base table at the same time. */
const MAX_TRIES = 5;

/**
 * Merges all rows of a table into its base table and removes its write spec and its log. It stays a Lance table, with its primary key; opened
 * again with `openTable` it is adopted as any other. LanceDB handles that were opened before see nothing newer until `checkoutLatest()`, and
 * may miss rows that were merged since they were opened.
 *
 * @param path `<database>/<table>`
 * @throws UsageError when there is no such table; ConflictError when it is open for writing, in this process too, or its log belongs to a
 * write spec that somebody has removed; else as `openTable`
 */
export async function detachTable(path: string, options: DetachOptions = {}): Promise<DetachResult> {
  assertKnownOptions("detachTable", options, OPTIONS);
  const { takeover = false, signal, onStep = () => {} } = options;
  const { directory } = parseTablePath(path);
  if ((await kindOf(join(directory, "_versions"))) !== "directory") {
    throw new UsageError(`there is no table ${directory}`);
  }
  signal?.throwIfAborted();
  onStep("open");
  const none = { directory, rowsUpserted: 0, rowsDeleted: 0 };
  if ((await readMemWalIndex(directory)) === undefined) {
    const detached = await removeLog(directory);
    return { ...none, detached };
  }
  const table = await openLanceTable({ path });
  if (isEmptied(await manifestOf(table.shardDirectory, table.shardId))) {
    const ownership = await claimOwnership(table.shardDirectory, { takeover, signal });
    try {
      onStep("remove");
      await removeSpec(table);
      await removeLog(directory);
    } finally {
      await ownership.close();
    }
    return { ...none, detached: true };
  }
  const opening = { writer: {}, maintenance: maintenanceSettings() };
  const shard = await SharedShard.openAlone(table, opening, { takeover, signal });
  const { writer, maintained } = shard.current;
  let merged: { readonly rowsUpserted: number; readonly rowsDeleted: number };
  try {
    await maintained.pause();
    onStep("flush");
    await writer.flush();
    signal?.throwIfAborted();
    onStep("merge");
    merged = await maintained.compact();
    signal?.throwIfAborted();
  } catch (error) {
    await shard.close().catch(() => {}); // the first error says more
    throw error;
  }
  onStep("remove");
  await shard.close(async () => {
    await seal(table, writer.epoch);
    await removeSpec(table);
    await removeLog(directory);
  });
  const { rowsUpserted, rowsDeleted } = merged;
  return { directory, detached: true, rowsUpserted, rowsDeleted };
}

/** Nothing of the shard is needed, and nothing will be. */
function isEmptied(manifest: ShardManifest | undefined): boolean {
  return manifest?.status === "sealed" && manifest.ssTables.length === 0;
}

async function manifestOf(shardDirectory: string, shardId: string): Promise<ShardManifest | undefined> {
  const store = new LocalStore(shardDirectory);
  try {
    return await new ManifestStore(store, shardId).load();
  } finally {
    await store.close();
  }
}

/** Everything that is listed is merged. */
async function seal({ shardDirectory, shardId }: LanceTable, epoch: number): Promise<void> {
  const store = new LocalStore(shardDirectory);
  try {
    const manifests = new ManifestStore(store, shardId);
    await manifests.commit((current) => {
      assertHeld(current, epoch, shardId);
      return { ...current, ssTables: [], status: "sealed" };
    });
  } finally {
    await store.close();
  }
}

async function removeSpec({ database, name, tableDirectory }: LanceTable): Promise<void> {
  const what = `cannot remove the write spec of ${tableDirectory}`;
  const lancedb = await loadLanceDb();
  const connection = await storageCall(what, () => lancedb.connect(database));
  try {
    for (let i = 1; ; i++) {
      try {
        await storageCall(what, async () => {
          const base = await connection.openTable(name);
          if ((await base.getLsmWriteSpec()) !== undefined) await base.unsetLsmWriteSpec();
          base.close();
        });
        break;
      } catch (error) {
        if (i === MAX_TRIES) throw error;
      }
    }
  } finally {
    connection.close();
  }
  const store = new LocalStore(tableDirectory);
  try {
    await new BaseSync(store).sync(await readNewestManifest(store));
  } finally {
    await store.close();
  }
}

/**
 * Removes the log of a table without a write spec.
 *
 * @returns false when there was none
 * @throws ConflictError when it may hold rows
 */
async function removeLog(directory: string): Promise<boolean> {
  const log = join(directory, MEM_WAL_DIRECTORY);
  const isThere = (await kindOf(log)) === "directory";
  if (isThere) {
    for (const shardId of (await namesIn(log)).filter(isUuid)) await assertEmptied(join(log, shardId), shardId);
    await rename(log, join(directory, `${REMOVED_PREFIX}${randomBytes(4).toString("hex")}`));
    await syncDirectory(directory);
  }
  const removed = (await readdir(directory)).filter((name) => name.startsWith(REMOVED_PREFIX));
  for (const name of removed) await rm(join(directory, name), { recursive: true, force: true });
  return isThere || removed.length > 0;
}

async function assertEmptied(shardDirectory: string, shardId: string): Promise<void> {
  const manifest = await manifestOf(shardDirectory, shardId);
  if (manifest === undefined || isEmptied(manifest)) return;
  throw new ConflictError(
    `${shardDirectory} is of a write spec that somebody has removed, and its rows may not be in the table: nothing was changed. ` +
      "Set the spec again with LanceDB's setLsmWriteSpec, and then detach the table; or move the directory away",
  );
}
