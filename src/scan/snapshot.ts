/**
 * All tiers of a table as of one moment: memtables, SSTables, and one version of the base table.
 *
 * @module
 */
import { ClosedError } from "../errors.js";
import type { KeyFilter } from "../lance/bloom-filter.js";
import type { DatasetReader } from "../lance/dataset-reader.js";
import { DatasetTier, type RowsOf } from "./dataset-tier.js";
import { type CapturedMemtable, MemtableTier } from "./memtable-tier.js";
import type { Shadow } from "./shadow.js";
import type { SsTableKeys, SsTableKeyView } from "./ss-table-keys.js";
import type { Tier } from "./tier.js";

/** An SSTable as a snapshot sees it. */
export interface CapturedSsTable {
  readonly generation: number;
  readonly directory: string;
  readonly dataset: DatasetReader;
  /** Tells which keys it does not have; undefined when nothing does. */
  readonly filter: () => Promise<KeyFilter | undefined>;
}

/** What a snapshot consists of. */
export interface SnapshotParts {
  readonly table: RowsOf;
  /** Oldest first; without those that have no rows. */
  readonly memtables: readonly CapturedMemtable[];
  /** Oldest first, all older than any of the memtables. */
  readonly ssTables: readonly CapturedSsTable[];
  readonly base: DatasetReader;
  readonly baseVersion: number;
  readonly keys: SsTableKeys;
}

export class Snapshot {
  readonly table: RowsOf;
  /** Oldest first; each has rows. */
  readonly memtables: readonly CapturedMemtable[];
  /** Oldest first; each is older than any of the memtables. */
  readonly ssTables: readonly CapturedSsTable[];
  readonly base: DatasetReader;
  /** Version of the base table. */
  readonly baseVersion: number;
  readonly #keys: SsTableKeys;
  readonly #give: () => void;
  #view: Promise<SsTableKeyView> | undefined;
  #users = 0;
  #released = false;

  /** @param give gives back what the parts are held by; called once, when nobody uses them any more */
  constructor(parts: SnapshotParts, give: () => void) {
    this.table = parts.table;
    this.memtables = parts.memtables;
    this.ssTables = parts.ssTables;
    this.base = parts.base;
    this.baseVersion = parts.baseVersion;
    this.#keys = parts.keys;
    this.#give = give;
  }

  /** Its tiers, newest first. */
  tiers(): Tier[] {
    const { table, base } = this;
    const shadows = this.#memtableShadows();
    const memtables = this.memtables.map(
      (memtable, i) => new MemtableTier(memtable, table.primaryKey, shadows.slice(i + 1).reverse()),
    );
    const all = shadows.reverse();
    const ssTables = this.ssTables.map(
      ({ dataset }, i) => new DatasetTier(dataset, table, async () => [...all, ...(await this.#ssTableShadows(i))]),
    );
    const oldest = new DatasetTier(base, table, async () => [...all, ...(await this.#ssTableShadows(-1))]);
    return [oldest, ...ssTables, ...memtables].reverse();
  }

  /** Where keys of its SSTables lie, when it is worth the while to know that for a lookup of so many. */
  ssTableKeysForLookup(lookups: number): Promise<SsTableKeyView | undefined> {
    return this.#keys.viewForLookup(this.ssTables, lookups);
  }

  /**
   * Keeps the tiers as they are for the caller, until it calls the function that is returned.
   *
   * @throws ClosedError when the snapshot is released
   */
  use(): () => void {
    if (this.#released) throw new ClosedError("the snapshot is released");
    this.#users++;
    let done = false;
    return () => {
      if (done) return;
      done = true;
      this.#users--;
      this.#giveUnused();
    };
  }

  /**
   * Gives the tiers up, once what reads them now has ended: batches got from memtables may not be used any more. Once is enough.
   */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#giveUnused();
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #giveUnused(): void {
    if (this.#released && this.#users === 0) this.#give();
  }

  /** Of all memtables, oldest first. */
  #memtableShadows(): Shadow[] {
    return this.memtables.map(({ memtable, rows }) => ({ memtable, from: 0, rows }));
  }

  /** Of the SSTables newer than number `place`. Their keys are read when they are first needed. */
  async #ssTableShadows(place: number): Promise<readonly Shadow[]> {
    if (place === this.ssTables.length - 1) return [];
    this.#view ??= this.#keys.view(this.ssTables);
    this.#view.catch(() => {
      this.#view = undefined;
    });
    return (await this.#view).shadows(place);
  }
}
