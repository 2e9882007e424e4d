/**
 * The newest version of a base table, and how far SSTables are merged into that very version.
 *
 * LanceDB says which version is the newest, quickly; the manifest is read only when that one is new.
 *
 * @module
 */
import { ConflictError } from "../errors.js";
import { NewestVersion } from "../lance/dataset-reader.js";
import { memWalIndexOf } from "../lance/mem-wal-index.js";
import type { ObjectStore } from "../storage/object-store.js";

/** A version of a base table. */
export interface BaseVersion {
  readonly version: number;
  /** SSTables up to this generation are in it, whole; 0 is none. */
  readonly merged: number;
}

export class BaseVersions {
  readonly #directory: string;
  readonly #store: ObjectStore;
  readonly #shardId: string;
  #newest: Promise<NewestVersion> | undefined;
  #known: BaseVersion | undefined;

  /**
   * @param directory of the table
   * @param store rooted at it
   */
  constructor(directory: string, store: ObjectStore, shardId: string) {
    this.#directory = directory;
    this.#store = store;
    this.#shardId = shardId;
  }

  /**
   * @throws ConflictError when the table takes no writes through a log any more; GoneError when it was dropped; CorruptError when its
   * manifest is damaged; StorageError when LanceDB fails
   */
  async newest(): Promise<BaseVersion> {
    this.#newest ??= NewestVersion.open(this.#directory);
    const version = await (await this.#opened(this.#newest)).get();
    if (this.#known?.version === version) return this.#known;
    const index = await memWalIndexOf(this.#store);
    if (index === undefined) {
      throw new ConflictError(
        `the table ${this.#directory} has no LSM write spec any more: somebody has removed it. Open the table again`,
      );
    }
    const merged = index.compacted.find(({ shardId }) => shardId === this.#shardId)?.generation ?? 0;
    this.#known = { version: index.tableVersion, merged };
    return this.#known;
  }

  async close(): Promise<void> {
    const opening = this.#newest;
    this.#newest = undefined;
    await (await opening?.catch(() => undefined))?.close();
  }

  async #opened(opening: Promise<NewestVersion>): Promise<NewestVersion> {
    try {
      return await opening;
    } catch (error) {
      this.#newest = undefined;
      throw error;
    }
  }
}
