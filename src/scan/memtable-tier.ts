/**
 * A memtable as a tier: its batches newest first, each as views on the arena.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import { CorruptError } from "../errors.js";
import { TOMBSTONE } from "../lance/storage-schema.js";
import type { Memtable } from "../memtable/memtable.js";
import type { RawColumn } from "../store/raw-column.js";
import type { Shadow } from "./shadow.js";
import type { Tier, TierBatch, TierRead } from "./tier.js";
import type { Bits } from "./tombstones.js";

/** A memtable as a snapshot sees it. */
export interface CapturedMemtable {
  /** Number that its SSTable has, or gets. */
  readonly generation: number;
  readonly memtable: Memtable;
  /** Batches that are seen. */
  readonly batches: number;
  /** Rows in these. */
  readonly rows: number;
}

export class MemtableTier implements Tier {
  readonly #captured: CapturedMemtable;
  readonly #primaryKey: readonly string[];
  readonly #shadows: readonly Shadow[];

  /** @param shadows keys of newer memtables */
  constructor(captured: CapturedMemtable, primaryKey: readonly string[], shadows: readonly Shadow[]) {
    this.#captured = captured;
    this.#primaryKey = primaryKey;
    this.#shadows = shadows;
  }

  async shadows(): Promise<readonly Shadow[]> {
    return this.#shadows;
  }

  *batches({ columns }: TierRead): Generator<TierBatch> {
    const { memtable, batches, rows } = this.#captured;
    const { store } = memtable;
    const tombstones = store.column(TOMBSTONE);
    const places = (names: readonly string[]): number[] =>
      names.map((name) => store.schema.fields.findIndex((field) => field.name === name));
    const shape = { memtable, rows, tombstones, keys: places(this.#primaryKey), columns: places(columns) };
    for (let position = batches - 1; position >= 0; position--) yield new MemtableBatch(shape, position);
  }
}

interface Shape {
  readonly memtable: Memtable;
  /** Rows of the memtable that the snapshot sees. */
  readonly rows: number;
  readonly tombstones: RawColumn;
  readonly keys: readonly number[];
  readonly columns: readonly number[];
}

class MemtableBatch implements TierBatch {
  readonly rows: number;
  readonly #shape: Shape;
  readonly #position: number;

  constructor(shape: Shape, position: number) {
    this.#shape = shape;
    this.#position = position;
    this.rows = shape.tombstones.rows(position);
  }

  keys(): readonly Data[] {
    return this.#pick(this.#shape.keys);
  }

  columns(): readonly Data[] {
    return this.#pick(this.#shape.columns);
  }

  newest(out: Uint32Array): number {
    const { memtable, rows } = this.#shape;
    return memtable.newestRows(this.#position, rows, out);
  }

  tombstones(): Bits | undefined {
    const bytes = this.#shape.tombstones.values(this.#position);
    return bytes instanceof Uint8Array ? { bytes, offset: 0 } : undefined;
  }

  #pick(places: readonly number[]): readonly Data[] {
    const batch = this.#shape.memtable.store.recordBatch(this.#position);
    return places.map((place) => {
      const data = batch?.data.children[place];
      if (data === undefined) throw new CorruptError(`batch ${this.#position} of a memtable has no column ${place}`);
      return data;
    });
  }
}
