/**
 * Removing old versions of a shard's manifest, and which names stay taken.
 *
 * 1. **The first version of each epoch stays taken.** A writer that was stopped, and writes version n + 1 when it goes on, must not succeed.
 *    The newest version of its epoch, or an older one, is its n; so what follows the newest of an epoch stays.
 * 2. **What was the newest less than {@link LEAST_RETENTION_MS} ago stays.** Who has seen that n is the newest, and writes n + 1 sooner than
 *    that, writes into no hole. `ManifestStore` looks again when it is later.
 * 3. **What stays taken becomes a notice**, which is no manifest. Without the hint at the newest version, LanceDB looks for versions from 1
 *    on, two by two, until both are missing. Of a history with holes it would take some old version for the newest, and begin anew from there,
 *    without a word. At a notice it fails; opened by Pennon, which lists the versions, the shard gets its hint back. As versions
 *    are removed from the oldest on, each that is no notice is followed by all up to the newest.
 * 4. **The hint and the notices are made durable first**, so that what a loss of power leaves of the hint leads to a version that is there.
 *
 * A notice is `notice of epoch <n>: <text for people>`; its first byte begins no protobuf message.
 *
 * @module
 */
import type { ObjectStore } from "../storage/object-store.js";
import { manifestKey, VERSION_HINT_KEY } from "./names.js";

/** Nothing younger is ever removed. */
export const LEAST_RETENTION_MS = 2 * 60 * 60 * 1000;
/** For so long what was seen of the newest version can be relied on. */
export const FRESH_MS = LEAST_RETENTION_MS / 2;

/** What stands in place of version 1: its first byte is no beginning of any protobuf message. */
const NOTICE = /^notice of epoch (\d{1,16}): /;
const TEXT =
  "old versions of this manifest were removed. If you were led here, version_hint.json is missing: open the table with Pennon once.\n";

/** The hint that leads to a version. */
export function versionHint(version: number): Uint8Array {
  return Buffer.from(JSON.stringify({ version }));
}

/** Epoch of the version that this notice replaces; undefined for what is no notice. */
export function noticeEpoch(bytes: Uint8Array): number | undefined {
  const digits = NOTICE.exec(Buffer.from(bytes.subarray(0, 64)).toString("latin1"))?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Replaces a version by a notice. Not durable. @param epoch of the version */
export async function putNotice(store: ObjectStore, version: number, epoch: number): Promise<void> {
  await store.put(manifestKey(version), [Buffer.from(`notice of epoch ${epoch}: ${TEXT}`)]);
}

/** Has the hint lead to this version, the newest, whatever happens from here on. */
export async function putDurableHint(store: ObjectStore, version: number): Promise<void> {
  await store.put(VERSION_HINT_KEY, [versionHint(version)]);
  await store.sync([VERSION_HINT_KEY]);
}
