/**
 * The versions of a shard's manifest in an object store.
 *
 * - A change writes version + 1, put-if-absent: of several at once exactly one succeeds, the others read its version and apply their
 *   change to that. Versions have no gaps.
 * - Where the newest one is says `manifest/version_hint.json`, as well as it can: it is overwritten without a guarantee, and may be
 *   missing, garbage, or point before or behind the newest. LanceDB goes by it; here the directory is listed, and from a version once
 *   known to be the newest, later ones are looked for in batches of 2, 4 … 64 until a whole batch is missing.
 * - What was read is kept, and only ever replaced by a newer version.
 * - Old versions may have been removed (kept-manifests.ts), which leaves holes. None is younger than two hours: so the version behind one
 *   that was the newest an hour ago is missing because there is none. After that the directory is listed. Who stands still for an hour
 *   while writing a version may have written into a hole: then the outcome is unknown, and no hint is written.
 *
 * @module
 */
import { ConflictError, CorruptError, OutcomeUnknownError, UsageError } from "../errors.js";
import { ObjectExistsError, type ObjectStore } from "../storage/object-store.js";
import { FRESH_MS, versionHint } from "./kept-manifests.js";
import { MANIFEST_PREFIX, manifestKey, parseManifestKey, VERSION_HINT_KEY } from "./names.js";
import { putSettled } from "./put-settled.js";
import { formatUuid, parseUuid } from "./shard-id.js";
import { decodeShardManifest, encodeShardManifest, type ShardManifest } from "./shard-manifest.js";

/** What became of one attempt to write a version. `unknown`: it may be there, now or later. */
export type PutOutcome = "written" | "taken" | "unknown";

const MAX_COMMIT_TRIES = 10;
const FIRST_PROBES = 2;
const MAX_PROBES = 64;
/** After so many full batches (254 versions) the directory is listed. */
const MAX_PROBE_ROUNDS = 8;

export class ManifestStore {
  /** Id of the shard, with hyphens. */
  readonly shardId: string;
  readonly #store: ObjectStore;
  #current: ShardManifest | undefined;
  /** The newest version that is known to survive a loss of power. */
  #durableVersion = 0;
  /** When {@link current} was the newest version. */
  #newestAtMs = Number.NEGATIVE_INFINITY;
  readonly #nowMs: () => number;

  /**
   * @param store rooted at the shard's directory
   * @param nowMs the time of day: it goes on while the machine sleeps
   * @throws UsageError unless the id is a UUID with hyphens, in lower case
   */
  constructor(store: ObjectStore, shardId: string, nowMs: () => number = Date.now) {
    parseUuid(shardId);
    this.#nowMs = nowMs;
    this.shardId = shardId;
    this.#store = store;
  }

  /** The newest version that was read or written here; undefined when there was none. */
  get current(): ShardManifest | undefined {
    return this.#current;
  }

  /**
   * Looks for the newest version among all.
   *
   * @returns undefined when the shard has no manifest
   * @throws CorruptError when it cannot be decoded, or belongs to another shard
   */
  async load(): Promise<ShardManifest | undefined> {
    const nowMs = this.#nowMs();
    // A listing that goes on while somebody writes may miss the newest ones.
    return this.#read(await this.#newestFrom(await this.#newestListed()), nowMs);
  }

  /**
   * The newest version, once it survives a loss of power: whoever removes what it replaces begins with this.
   *
   * @returns undefined when the shard has no manifest
   * @throws OutcomeUnknownError when the system could not make it durable; else as {@link load}
   */
  async loadDurable(): Promise<ShardManifest | undefined> {
    await this.load();
    await this.#makeCurrentDurable();
    return this.#current;
  }

  /** Looks for versions newer than {@link current}. Errors as {@link load}. */
  async refresh(): Promise<ShardManifest | undefined> {
    const current = this.#current;
    if (current === undefined || !this.#isFresh()) return this.load();
    const nowMs = this.#nowMs();
    return this.#read(await this.#newestFrom(current.version), nowMs);
  }

  /** Whether there may be a version newer than {@link current}: one request, unless the last look was long ago. */
  async hasNewer(): Promise<boolean> {
    const nowMs = this.#nowMs();
    if (!this.#isFresh() || (await this.hasVersion((this.#current?.version ?? 0) + 1))) return true;
    this.#newestAtMs = nowMs;
    return false;
  }

  /** Whether this version exists: one request. */
  async hasVersion(version: number): Promise<boolean> {
    return (await this.#store.head(manifestKey(version))) !== undefined;
  }

  /**
   * Tries once to write a version.
   *
   * @param manifest its `version` is the one that is written
   */
  async tryPut(manifest: ShardManifest): Promise<PutOutcome> {
    this.#assertSuccessor(manifest);
    await this.#makeCurrentDurable();
    const nowMs = this.#nowMs();
    try {
      await this.#store.putIfAbsent(manifestKey(manifest.version), [encodeShardManifest(manifest)]);
    } catch (error) {
      if (error instanceof ObjectExistsError) return "taken";
      if (error instanceof OutcomeUnknownError && error.retryable) return "unknown";
      throw error;
    }
    if (!this.#isFresh()) return "unknown";
    await this.#written(manifest, nowMs);
    return "written";
  }

  /**
   * Changes the manifest.
   *
   * @param change given the newest version (undefined when there is none), returns what shall follow it; its `version` is set here.
   * Called again, with a newer one, when somebody else was faster. What it throws ends the attempt
   * @returns the version that was written
   * @throws ConflictError when others were faster 10 times; OutcomeUnknownError when it may have been written and nobody can say
   */
  async commit(change: (current: ShardManifest | undefined) => ShardManifest): Promise<ShardManifest> {
    let current = this.#current !== undefined && this.#isFresh() ? this.#current : await this.load();
    for (let i = 0; i < MAX_COMMIT_TRIES; i++) {
      const next = { ...change(current), version: (current?.version ?? 0) + 1 };
      this.#assertSuccessor(next);
      await this.#makeCurrentDurable();
      const nowMs = this.#nowMs();
      // Somebody else's version with the same bytes is the same change: it is as good as ours.
      if (await putSettled(this.#store, manifestKey(next.version), encodeShardManifest(next))) {
        if (!this.#isFresh()) throw stoodStill(this.#name(next.version));
        await this.#written(next, nowMs);
        return next;
      }
      current = await this.refresh();
    }
    throw new ConflictError(
      `Shard ${this.shardId}: others changed its manifest first, ${MAX_COMMIT_TRIES} times in a row. Nothing was written; try again.`,
    );
  }

  /** Whether {@link current} was the newest so recently that the version behind it, if there is any, has not been removed. */
  #isFresh(): boolean {
    // Something always stands in the place of version 1.
    if (this.#current === undefined) return true;
    const ageMs = this.#nowMs() - this.#newestAtMs;
    return ageMs >= 0 && ageMs < FRESH_MS;
  }

  async #newestFrom(start: number): Promise<number> {
    let newest = start;
    let probes = FIRST_PROBES;
    for (let round = 0; round < MAX_PROBE_ROUNDS; round++) {
      const first = newest + 1;
      const found = await Promise.all(Array.from({ length: probes }, (_, i) => this.hasVersion(first + i)));
      const last = found.lastIndexOf(true);
      if (last < 0) return newest;
      newest = first + last;
      probes = Math.min(MAX_PROBES, probes * 2);
    }
    return Math.max(newest, await this.#newestListed());
  }

  async #newestListed(): Promise<number> {
    let newest = 0;
    for await (const { key } of this.#store.list(MANIFEST_PREFIX))
      newest = Math.max(newest, parseManifestKey(key) ?? 0);
    return newest;
  }

  /** The manifest of this version, or a newer one that was read meanwhile. */
  async #read(version: number, nowMs: number): Promise<ShardManifest | undefined> {
    if (version > (this.#current?.version ?? 0)) {
      const manifest = decodeShardManifest(await this.#store.get(manifestKey(version)), this.#name(version));
      if (manifest.version !== version) {
        throw new CorruptError(
          `${this.#name(version)} says that it is version ${manifest.version}; expected ${version}`,
        );
      }
      const owner = formatUuid(manifest.shardId);
      if (owner !== this.shardId) {
        throw new CorruptError(
          `${this.#name(version)} belongs to shard ${owner}; expected ${this.shardId}, the shard of this directory`,
        );
      }
      this.#adopt(manifest);
    }
    this.#newestAtMs = nowMs;
    return this.#current;
  }

  /** Paired with what {@link #read} checks: nothing is written that would be refused, or would undo what others rely on. */
  #assertSuccessor(next: ShardManifest): void {
    const problem = successorProblem(this.#current, next, this.shardId);
    if (problem === undefined) return;
    throw new UsageError(`${this.#name(next.version)} ${problem}, which cannot be; nothing was written`);
  }

  /** Versions have no gaps after a loss of power either: whoever wrote the one before may not have come as far as syncing it. */
  async #makeCurrentDurable(): Promise<void> {
    const version = this.#current?.version ?? 0;
    if (version <= this.#durableVersion) return;
    await this.#store.sync([manifestKey(version)]);
    this.#durableVersion = version;
  }

  async #written(manifest: ShardManifest, nowMs: number): Promise<void> {
    this.#adopt(manifest);
    this.#newestAtMs = nowMs;
    this.#durableVersion = Math.max(this.#durableVersion, manifest.version);
    try {
      await this.#store.put(VERSION_HINT_KEY, [versionHint(manifest.version)]);
    } catch {
      // The version itself is written; a search without a hint finds it.
    }
  }

  #adopt(manifest: ShardManifest): void {
    if (manifest.version > (this.#current?.version ?? 0)) this.#current = manifest;
  }

  #name(version: number): string {
    return `${this.#store.name}/${manifestKey(version)}`;
  }
}

function successorProblem(
  current: ShardManifest | undefined,
  next: ShardManifest,
  shardId: string,
): string | undefined {
  if (!isVersion(next.version)) return `has version ${next.version}`;
  const owner = formatUuid(next.shardId);
  if (owner !== shardId) return `is of shard ${owner}`;
  // Against one that is newer already it will lose the race anyway.
  if (current === undefined || next.version <= current.version) return undefined;
  if (next.writerEpoch < current.writerEpoch) {
    return `takes the epoch back from ${current.writerEpoch} to ${next.writerEpoch}`;
  }
  if (next.replayAfter < current.replayAfter) {
    return `takes the replay position back from ${current.replayAfter} to ${next.replayAfter}`;
  }
  if (next.currentGeneration < current.currentGeneration) {
    return `takes the generation back from ${current.currentGeneration} to ${next.currentGeneration}`;
  }
  return undefined;
}

function stoodStill(name: string): OutcomeUnknownError {
  return new OutcomeUnknownError(
    `${name} was written by a process that stood still for an hour or more meanwhile; others may be far ahead of it. Open the shard again.`,
  );
}

function isVersion(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}
