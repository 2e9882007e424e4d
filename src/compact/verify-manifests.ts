/**
 * Verifies the manifests of a shard: all that are retained can be read, follow each other without gaps, and take nothing back.
 *
 * @module
 */
import { CorruptError } from "../errors.js";
import { noticeEpoch } from "../lance/kept-manifests.js";
import { MANIFEST_PREFIX, manifestKey, parseManifestKey, VERSION_HINT_KEY } from "../lance/names.js";
import { decodeShardManifest, type ShardManifest } from "../lance/shard-manifest.js";
import { ObjectNotFoundError, type ObjectStore } from "../storage/object-store.js";
import { ADVICE, type Finding } from "./verify-findings.js";

/**
 * @param store rooted at the shard's directory
 * @param shard directory of the shard, relative to the table's
 */
export async function* verifyManifests(
  store: ObjectStore,
  shard: string,
  signal?: AbortSignal,
): AsyncGenerator<Finding, void, undefined> {
  const versions: number[] = [];
  for await (const { key } of store.list(MANIFEST_PREFIX, { signal })) {
    const version = parseManifestKey(key) ?? 0;
    if (version > 0) versions.push(version);
  }
  versions.sort((a, b) => a - b);
  let before: ShardManifest | undefined;
  let epoch = 0;
  for (const version of versions) {
    signal?.throwIfAborted();
    const file = `${shard}/${manifestKey(version)}`;
    const read = await readVersion(store, version);
    if (read === undefined) continue; // removed meanwhile
    if (typeof read === "number") {
      epoch = Math.max(epoch, read);
      if (before !== undefined) {
        yield error(file, `it is a notice, though version ${before.version} before it is a manifest`);
      }
      continue;
    }
    if (typeof read === "string") {
      yield error(file, read);
      continue;
    }
    for (const problem of problemsOf(read, version, before, epoch)) yield error(file, problem);
    before = read;
  }
  yield* verifyHint(store, shard, versions.at(-1));
}

function* problemsOf(
  manifest: ShardManifest,
  version: number,
  before: ShardManifest | undefined,
  epoch: number,
): Generator<string> {
  if (manifest.version !== version) yield `it says that it is version ${manifest.version}; expected ${version}`;
  if (before === undefined ? manifest.writerEpoch < epoch : manifest.writerEpoch < before.writerEpoch) {
    yield `it has epoch ${manifest.writerEpoch}, lower than ${before?.writerEpoch ?? epoch} of a version before`;
  }
  if (before !== undefined) {
    if (before.version + 1 !== version) {
      yield `version ${before.version + 1} is missing, between ${before.version} and this one; expected no gaps`;
    }
    if (manifest.replayAfter < before.replayAfter) {
      yield `it covers entries up to ${manifest.replayAfter}, fewer than ${before.replayAfter} of the version before`;
    }
    if (manifest.currentGeneration < before.currentGeneration) {
      yield `its next generation is ${manifest.currentGeneration}, lower than ${before.currentGeneration} of the version before`;
    }
  }
  let last = 0;
  for (const { generation, path } of manifest.ssTables) {
    if (generation <= last || generation >= manifest.currentGeneration) {
      yield `it lists ${path} with generation ${generation}; expected more than ${last} and less than ${manifest.currentGeneration}`;
    }
    last = Math.max(last, generation);
  }
}

/** The manifest, the epoch of a notice, or what is wrong; undefined when it is gone. */
async function readVersion(store: ObjectStore, version: number): Promise<ShardManifest | number | string | undefined> {
  const key = manifestKey(version);
  try {
    const bytes = await store.get(key);
    return noticeEpoch(bytes) ?? decodeShardManifest(bytes, key);
  } catch (failure) {
    if (failure instanceof ObjectNotFoundError) return undefined;
    if (failure instanceof CorruptError) return failure.message;
    throw failure;
  }
}

async function* verifyHint(
  store: ObjectStore,
  shard: string,
  newest: number | undefined,
): AsyncGenerator<Finding, void, undefined> {
  if (newest === undefined) return;
  const file = `${shard}/${VERSION_HINT_KEY}`;
  const advice = `LanceDB needs it to find the newest manifest: ${ADVICE.open}`;
  let text: string;
  try {
    text = Buffer.from(await store.get(VERSION_HINT_KEY)).toString();
  } catch (failure) {
    if (!(failure instanceof ObjectNotFoundError)) throw failure;
    yield { severity: "warning", file, problem: "it is missing", advice };
    return;
  }
  const version = Number(/^\s*\{\s*"version"\s*:\s*(\d{1,16})\s*\}\s*$/.exec(text)?.[1] ?? Number.NaN);
  if (Number.isNaN(version)) {
    yield { severity: "warning", file, problem: 'it cannot be read; expected {"version":N}', advice };
  } else if (version > newest || noticeEpoch(await bytesOf(store, version)) !== undefined) {
    yield { severity: "warning", file, problem: `it leads to version ${version}; the newest is ${newest}`, advice };
  }
}

async function bytesOf(store: ObjectStore, version: number): Promise<Uint8Array> {
  try {
    return await store.get(manifestKey(version));
  } catch (failure) {
    if (failure instanceof ObjectNotFoundError) return new Uint8Array();
    throw failure;
  }
}

function error(file: string, problem: string): Finding {
  return { severity: "error", file, problem, advice: ADVICE.restore };
}
