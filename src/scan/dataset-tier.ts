/**
 * A dataset of Lance as a tier: an SSTable, or the base table. It has one row for each key: what an SSTable holds besides, its deletion
 * vector hides from LanceDB's readers.
 *
 * While a batch is worked on, the next one is being read; more are not.
 *
 * @module
 */
import type { Data, Schema } from "apache-arrow";
import { bytesOf } from "../arrow/fixed-layout.js";
import { ownData } from "../arrow/own-data.js";
import type { DataLike, RecordBatchLike } from "../arrow/shape.js";
import { CorruptError } from "../errors.js";
import type { DatasetReader } from "../lance/dataset-reader.js";
import { quotedName } from "../lance/key-predicate.js";
import { TOMBSTONE } from "../lance/storage-schema.js";
import { batchRowsFor } from "./batch-rows.js";
import type { Shadow } from "./shadow.js";
import type { Tier, TierBatch, TierRead } from "./tier.js";
import type { Bits } from "./tombstones.js";

/** More rows at once gain nothing. */
const MAX_BATCH_ROWS = 65_536;

/** What the rows of a dataset are read as. */
export interface RowsOf {
  /** Of the table, whose types the columns get. */
  readonly schema: Schema;
  readonly primaryKey: readonly string[];
}

export class DatasetTier implements Tier {
  readonly #dataset: DatasetReader;
  readonly #table: RowsOf;
  readonly #shadows: () => Promise<readonly Shadow[]>;

  /** @param shadows keys of newer tiers, looked up when they are first needed */
  constructor(dataset: DatasetReader, table: RowsOf, shadows: () => Promise<readonly Shadow[]>) {
    this.#dataset = dataset;
    this.#table = table;
    this.#shadows = shadows;
  }

  shadows(): Promise<readonly Shadow[]> {
    return this.#shadows();
  }

  async *batches({ columns, limit }: TierRead): AsyncGenerator<TierBatch, void> {
    const { schema, primaryKey } = this.#table;
    const dataset = this.#dataset;
    const marked = dataset.columns.includes(TOMBSTONE);
    const read = [...new Set([...primaryKey, ...columns, ...(marked ? [TOMBSTONE] : [])])];
    const limited = Number.isFinite(limit);
    const scanned = dataset.scan({
      columns: read,
      batchRows: batchRowsFor(schema, read, dataset.rowBytes, MAX_BATCH_ROWS),
      ...(limited ? { limit } : {}),
      ...(limited && marked ? { filter: `NOT ${quotedName(TOMBSTONE)}` } : {}),
    });
    for await (const batch of readAhead(scanned)) {
      yield new DatasetBatch(batch, this.#table, columns);
    }
  }
}

/** A batch that LanceDB has read. */
export class DatasetBatch implements TierBatch {
  readonly rows: number;
  readonly #batch: RecordBatchLike;
  readonly #table: RowsOf;
  readonly #columns: readonly string[];

  /** @param columns that `columns()` gives */
  constructor(batch: RecordBatchLike, table: RowsOf, columns: readonly string[]) {
    this.rows = batch.numRows;
    this.#batch = batch;
    this.#table = table;
    this.#columns = columns;
  }

  keys(): readonly Data[] {
    return this.#table.primaryKey.map((name) => this.#own(name));
  }

  columns(): readonly Data[] {
    return this.#columns.map((name) => this.#own(name));
  }

  newest(out: Uint32Array): number {
    for (let row = 0; row < this.rows; row++) out[row] = row;
    return this.rows;
  }

  tombstones(): Bits | undefined {
    const data = this.#find(TOMBSTONE);
    return data?.values === undefined ? undefined : { bytes: bytesOf(data.values), offset: data.offset };
  }

  #own(name: string): Data {
    const field = this.#table.schema.fields.find((field) => field.name === name);
    const data = this.#find(name);
    if (field !== undefined && data !== undefined) return ownData(field.type, data);
    throw new CorruptError(`LanceDB read no column ${JSON.stringify(name)}`);
  }

  #find(name: string): DataLike | undefined {
    const { schema, data } = this.#batch;
    return data.children[schema.fields.findIndex((field) => field.name === name)];
  }
}

async function* readAhead<T>(source: AsyncGenerator<T, void>): AsyncGenerator<T, void> {
  let next = source.next();
  try {
    for (;;) {
      const { value, done } = await next;
      if (done) return;
      next = source.next();
      next.catch(() => undefined); // is thrown when it is asked for
      yield value;
    }
  } finally {
    await source.return();
  }
}
