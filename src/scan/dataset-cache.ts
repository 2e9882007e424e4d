/**
 * Datasets that are open: an SSTable never changes once it is published, and neither does a version of a base table, so what has been opened
 * once is kept for the next snapshots.
 *
 * Those in use are never closed. Of the others the ones used last are kept, up to a bound.
 *
 * @module
 */
import { ClosedError } from "../errors.js";
import { DatasetReader } from "../lance/dataset-reader.js";

/** A dataset that stays open until it is released. */
export interface DatasetLease {
  readonly dataset: DatasetReader;
  /** Once. */
  release(): void;
}

interface Entry {
  readonly opening: Promise<DatasetReader>;
  users: number;
}

export class DatasetCache {
  readonly #maxIdle: number;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  #closing = false;

  /** @param maxIdle datasets that are kept open while nobody uses them */
  constructor(maxIdle: number) {
    this.#maxIdle = maxIdle;
  }

  /** Errors as `DatasetReader.open`. @throws ClosedError when the cache is closed */
  async acquire(directory: string, version?: number): Promise<DatasetLease> {
    if (this.#closing) throw new ClosedError("the table is closed");
    const key = `${version ?? ""}:${directory}`;
    const entry = this.#entries.get(key) ?? { opening: DatasetReader.open(directory, version), users: 0 };
    entry.users++;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    try {
      const dataset = await entry.opening;
      return { dataset, release: once(() => this.#release(entry)) };
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
    }
  }

  /** Closes what nobody uses, now, and the rest when it is released. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#closeIdle(0);
  }

  #release(entry: Entry): void {
    entry.users--;
    // Whether a handle could be closed changes nothing for anybody.
    void this.#closeIdle(this.#closing ? 0 : this.#maxIdle).catch(() => undefined);
  }

  async #closeIdle(kept: number): Promise<void> {
    const idle = [...this.#entries].filter(([, { users }]) => users === 0);
    const surplus = idle.slice(0, Math.max(0, idle.length - kept));
    for (const [key] of surplus) this.#entries.delete(key);
    await Promise.all(surplus.map(async ([, { opening }]) => (await opening).close()));
  }
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}
