/**
 * Whether a claim still holds.
 *
 * A writer looks after each entry that has become durable and before it acknowledges it (why that suffices: claim.ts). In the usual case
 * that is one request: is there a version behind the newest one known? A version of the same epoch, by somebody who
 * collects SSTables or by the writer itself, is followed.
 *
 * @module
 */
import { CorruptError, FencedError } from "../errors.js";
import type { ManifestStore } from "./manifest-store.js";
import type { ShardManifest } from "./shard-manifest.js";

export class EpochWatch {
  readonly #manifests: ManifestStore;
  readonly #epoch: number;

  /** @param claim what a claim on this shard has returned */
  constructor(manifests: ManifestStore, claim: { readonly epoch: number }) {
    this.#manifests = manifests;
    this.#epoch = claim.epoch;
  }

  /**
   * Returns while the claim holds: at some moment between the call and its return there was no newer one.
   *
   * @throws FencedError, a `ConflictError`, when the shard was claimed by another writer, or sealed: for good. Errors of the store say nothing about the
   * claim, and nothing may be acknowledged on them
   */
  async check(): Promise<void> {
    let known = this.#manifests.current;
    assertHeld(known, this.#epoch, this.#manifests.shardId);
    if (!(await this.#manifests.hasNewer())) {
      // Somebody else may have read a newer one here, in the meantime.
      known = this.#manifests.current;
    } else {
      known = await this.#manifests.refresh();
    }
    assertHeld(known, this.#epoch, this.#manifests.shardId);
  }
}

/**
 * Whether the writer of this epoch may still write, by this manifest.
 *
 * @throws FencedError when not
 */
export function assertHeld(
  manifest: ShardManifest | undefined,
  epoch: number,
  shardId: string,
): asserts manifest is ShardManifest {
  if (manifest === undefined || manifest.writerEpoch < epoch) {
    throw new CorruptError(
      `Shard ${shardId}: its manifest has epoch ${manifest?.writerEpoch ?? "none"} after epoch ${epoch} was claimed; a version of it was removed or written by somebody who must not`,
    );
  }
  if (manifest.writerEpoch > epoch) {
    throw new FencedError(
      `Shard ${shardId} is fenced: another writer has claimed it with epoch ${manifest.writerEpoch}, this one has ${epoch}. Open it again to write on.`,
    );
  }
  assertNotSealed(manifest, shardId);
}

/** @throws FencedError when the shard takes no writers */
export function assertNotSealed(manifest: ShardManifest, shardId: string): void {
  if (manifest.status === "active") return;
  throw new FencedError(
    manifest.status === "sealed"
      ? `Shard ${shardId} is sealed: it takes no more writers. If its table was being detached, detach it again.`
      : `Shard ${shardId} has status ${manifest.status}, which this version does not know; expected 0, active. A newer version may write to it.`,
  );
}
