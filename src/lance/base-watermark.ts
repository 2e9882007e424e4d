/**
 * Versions of a base table that we write ourselves: with a merge watermark, or as a fence.
 *
 * The merge watermark says up to which generation the SSTables of a shard are in the table's contents.
 *
 * The watermark lies in the table's manifest, so that it belongs to a version: who reads this version or a later one passes over the SSTables it covers,
 * who is at an earlier one still reads them. Nobody misses a row or sees one twice, whatever version he is at, as long as the SSTables are
 * there. LanceDB can read a watermark and cannot be made to write one, so a version is written by hand.
 *
 * Order of events:
 *   1. The newest version is read, N.
 *   2. The caller makes durable what N consists of, also where no watermark can be written.
 *   3. The transaction is written, then version N + 1, put-if-absent and durably. When somebody else has written N + 1 meanwhile, all
 *      begins anew at his version.
 *   4. The transaction is made durable. It lies in the version as well; only who commits at the same time needs its file.
 *
 * So of a version with a watermark everything that readers need is durable, and no version is ever replaced. A crash leaves at most a
 * transaction of which there is no version; LanceDB's cleanup removes it.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ConflictError } from "../errors.js";
import { ObjectNotFoundError, type ObjectStore } from "../storage/object-store.js";
import { asFence, type EditedManifest, type VersionTransaction, withCompacted } from "./base-manifest-edit.js";
import { baseManifestKey, type ManifestFile, readNewestManifest, TRANSACTIONS_PREFIX } from "./base-manifest-file.js";
import type { CompactedSsTable } from "./mem-wal-index.js";
import { putSettled } from "./put-settled.js";

/** Whether a version was written. */
export type WatermarkOutcome =
  /** In this version. */
  | { readonly written: true; readonly version: number }
  /** There was none to write, or none can be written to this table; `reason` says why. */
  | { readonly written: false; readonly version: number; readonly reason: string };

/** What must happen before a version is written. */
export interface VersionOptions {
  /** Makes everything durable that the version before consists of; what it throws ends the attempt. Called again for another version. */
  readonly makeDurable: (manifest: ManifestFile) => Promise<void>;
  /** Called right before the version is written; what it throws ends the attempt. */
  readonly beforeCommit?: () => Promise<void>;
}

/** What a watermark says, and what must happen before it is written. */
export interface WatermarkOptions extends CompactedSsTable, VersionOptions {}

/** Others who commit without a pause leave gaps of some milliseconds. */
const MAX_TRIES = 200;
const MAX_DELAY_MS = 20;

/**
 * Says that the SSTables of a shard up to `generation` are in the table's contents. It never takes back what was said before.
 *
 * @param table rooted at the table's directory
 * @throws ConflictError when others have committed versions 200 times in a row; StorageError and OutcomeUnknownError as the store does: then
 * the watermark may have been written, and may be written again
 */
export function writeMergeWatermark(table: ObjectStore, options: WatermarkOptions): Promise<WatermarkOutcome> {
  const { shardId, generation } = options;
  const edit = (newest: ManifestFile) => withCompacted(newest, { shardId, generation }, newTransaction());
  return writeVersion(table, edit, options);
}

/**
 * Writes a version with the same contents that whoever has begun a commit on an older version collides with. So has everybody who keeps a
 * handle that does not refresh: LanceDB calls it an incompatible transaction, and `checkoutLatest()` helps. Errors as
 * {@link writeMergeWatermark}.
 */
export function writeFence(table: ObjectStore, options: VersionOptions): Promise<WatermarkOutcome> {
  return writeVersion(table, (newest) => asFence(newest, newTransaction()), options);
}

function newTransaction(): VersionTransaction {
  return { uuid: randomUUID(), timestampMs: Date.now() };
}

async function writeVersion(
  table: ObjectStore,
  edit: (newest: ManifestFile) => EditedManifest,
  { makeDurable, beforeCommit }: VersionOptions,
): Promise<WatermarkOutcome> {
  for (let i = 0; i < MAX_TRIES; i++) {
    if (i > 0) await sleep(Math.random() * MAX_DELAY_MS);
    const newest = await readNewestManifest(table);
    const { version } = newest;
    if (!(await stays(makeDurable(newest)))) continue;
    const edited = edit(newest);
    if ("refused" in edited) return { written: false, version, reason: `${newest.name}: ${edited.refused}` };
    if ("already" in edited) {
      return { written: false, version, reason: `the table has a watermark of ${edited.already} already` };
    }
    const transactionKey = `${TRANSACTIONS_PREFIX}${edited.transactionFile}`;
    await table.putIfAbsent(transactionKey, [edited.transaction], { durable: false });
    await beforeCommit?.();
    if (await putSettled(table, baseManifestKey(version + 1), edited.file)) {
      await table.sync([transactionKey]);
      return { written: true, version: version + 1 };
    }
    await table.delete(transactionKey);
  }
  throw new ConflictError(
    `${table.name}: others committed a version first, ${MAX_TRIES} times in a row, and none of ours was written; try again`,
  );
}

/** False when the version was removed by a cleanup meanwhile, which leaves only newer ones. */
async function stays(action: Promise<void>): Promise<boolean> {
  try {
    await action;
    return true;
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return false;
    throw error;
  }
}
