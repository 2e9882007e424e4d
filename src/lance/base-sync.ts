/**
 * Makes versions of a base table survive a loss of power. LanceDB never calls fsync, and nothing that a log protects may be dropped before
 * what replaces it is durable.
 *
 * - What a version consists of is read from its manifest, not guessed from times or names: a file that lies there may still be being
 *   written, one that a version names is complete.
 * - Files of Lance never change. What was made durable here once is not looked at again; what no newer version names is forgotten.
 * - Manifests and transactions of versions in between are made durable as well, as versions are to have no gaps.
 *
 * @module
 */
import { UsageError } from "../errors.js";
import { ObjectNotFoundError, type ObjectStore } from "../storage/object-store.js";
import { baseFiles } from "./base-files.js";
import { type ManifestFile, parseBaseManifestKey, TRANSACTIONS_PREFIX, VERSIONS_PREFIX } from "./base-manifest-file.js";

/** What was made durable at once. */
export interface SyncedFiles {
  readonly files: number;
  readonly bytes: number;
}

/** Most files of a version: a table of so many fragments needs optimize(). */
const MAX_FILES = 1_000_000;
/** Files that are synced between two looks at what else there is to do. */
const AT_ONCE = 16;

export class BaseSync {
  readonly #table: ObjectStore;
  #durable: ReadonlySet<string> = new Set();

  /** @param table rooted at the table's directory, and one that makes objects durable which others have written */
  constructor(table: ObjectStore) {
    this.#table = table;
  }

  /**
   * Makes everything durable that the version consists of.
   *
   * @returns what was not durable before, as far as this object knows
   * @throws ObjectNotFoundError when the version was removed meanwhile; OutcomeUnknownError or StorageError when the system could not do
   * it: then nothing may rely on the version, and trying again does not tell
   */
  async sync(manifest: ManifestFile): Promise<SyncedFiles> {
    const { files, directories } = baseFiles(manifest);
    const wanted = new Set(files);
    for (const directory of directories) await this.#addAll(wanted, directory, () => true);
    await this.#addAll(wanted, VERSIONS_PREFIX, isVersion);
    await this.#addAll(wanted, TRANSACTIONS_PREFIX, (key) => key.endsWith(".txn"));
    const missing = [...wanted].filter((key) => !this.#durable.has(key));
    // Manifests come last: whoever finds one after a crash finds what it names.
    missing.sort((a, b) => Number(a.startsWith(VERSIONS_PREFIX)) - Number(b.startsWith(VERSIONS_PREFIX)));
    // The transaction lies in the manifest as well. Its file may be missing after a loss of power, for good.
    const needed = new Set(files.filter((key) => !key.startsWith(TRANSACTIONS_PREFIX)));
    let bytes = 0;
    for (let at = 0; at < missing.length; at += AT_ONCE) {
      for (const key of missing.slice(at, at + AT_ONCE)) bytes += (await this.#table.head(key))?.bytes ?? 0;
      await this.#syncAll(missing.slice(at, at + AT_ONCE), needed);
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#durable = wanted;
    return { files: missing.length, bytes };
  }

  async #syncAll(keys: readonly string[], needed: ReadonlySet<string>): Promise<void> {
    try {
      await this.#table.sync(keys);
    } catch (error) {
      if (!(error instanceof ObjectNotFoundError)) throw error;
      // Old versions may be cleaned up by others meanwhile.
      for (const key of keys) {
        const gone = (await this.#table.head(key)) === undefined;
        if (!gone || needed.has(key)) await this.#table.sync([key]);
      }
    }
  }

  async #addAll(wanted: Set<string>, prefix: string, isMeant: (key: string) => boolean): Promise<void> {
    for await (const { key } of this.#table.list(prefix)) {
      if (isMeant(key)) wanted.add(key);
      if (wanted.size > MAX_FILES) {
        throw new UsageError(
          `${this.#table.name} has more than ${MAX_FILES} files; expected fewer: run LanceDB's optimize() with a cleanup of old versions`,
        );
      }
    }
  }
}

function isVersion(key: string): boolean {
  return parseBaseManifestKey(key) !== undefined;
}
