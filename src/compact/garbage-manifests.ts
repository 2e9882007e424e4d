/**
 * Which versions of a shard's manifest may go, and which become notices: see kept-manifests.ts.
 *
 * @module
 */
import { noticeEpoch, putDurableHint, putNotice } from "../lance/kept-manifests.js";
import { MANIFEST_PREFIX, manifestKey, parseManifestKey } from "../lance/names.js";
import { decodeShardManifest } from "../lance/shard-manifest.js";
import { ObjectNotFoundError, type ObjectStore } from "../storage/object-store.js";
import type { GarbageSettings } from "./garbage-options.js";
import type { GarbagePlan } from "./garbage-plan.js";

/** A version whose name stays taken. */
export interface Notice {
  readonly version: number;
  readonly epoch: number;
}

/**
 * Adds the versions that may go to the plan, oldest first.
 *
 * @param newest version that is there
 * @param oldThrough the newest version of the time that the retention goes back to
 * @returns those that become notices before anything is removed
 * @throws CorruptError when one cannot be decoded; what the store throws
 */
export async function planManifests(
  { store, keptManifests, signal }: GarbageSettings,
  newest: number,
  oldThrough: number,
  plan: GarbagePlan,
): Promise<Notice[]> {
  // The newest one of that time was still needed then.
  const end = Math.min(newest - keptManifests + 1, oldThrough);
  const versions: number[] = [];
  for await (const { key } of store.list(MANIFEST_PREFIX, { signal })) {
    const version = parseManifestKey(key) ?? 0;
    if (version > 0) versions.push(version);
  }
  versions.sort((a, b) => a - b);
  plan.keep("manifest", "young, or among the newest", versions.filter((version) => version >= end).length);
  const notices: Notice[] = [];
  /** Epoch of the version before: if that is gone, of the one before it, which had the same. */
  let before = -1;
  for (const version of versions) {
    if (version >= end) break;
    signal?.throwIfAborted();
    const found = await epochOf(store, version);
    if (found === undefined) continue;
    const { epoch, bytes, isNotice } = found;
    const isFirst = epoch > before;
    before = Math.max(before, epoch);
    if (isNotice || isFirst) {
      plan.keep("manifest", "the first of its epoch: a writer that stood still must collide with its name");
      if (!isNotice) notices.push({ version, epoch });
    } else {
      const item = { kind: "manifest", key: manifestKey(version), bytes, isDirectory: false } as const;
      if (!plan.remove({ ...item, reason: "replaced long ago" })) break;
    }
  }
  return notices;
}

/**
 * What must be true before the first of them is removed.
 *
 * @param step called before each write
 */
export async function prepareForHoles(
  store: ObjectStore,
  newest: number,
  notices: readonly Notice[],
  step: (name: string) => Promise<void>,
): Promise<void> {
  await step("sync the hint");
  await putDurableHint(store, newest);
  if (notices.length === 0) return;
  for (const { version, epoch } of notices) {
    await step(`replace ${manifestKey(version)}`);
    await putNotice(store, version, epoch);
  }
  await step("sync the notices");
  await store.sync(notices.map(({ version }) => manifestKey(version)));
}

async function epochOf(
  store: ObjectStore,
  version: number,
): Promise<{ readonly epoch: number; readonly bytes: number; readonly isNotice: boolean } | undefined> {
  const key = manifestKey(version);
  try {
    const bytes = await store.get(key);
    const noticed = noticeEpoch(bytes);
    const epoch = noticed ?? decodeShardManifest(bytes, `${store.name}/${key}`).writerEpoch;
    return { epoch, bytes: bytes.byteLength, isNotice: noticed !== undefined };
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}
