/**
 * The ingest: reads sources into stores, while reader threads follow and compute statistics of every column.
 *
 * ```
 *  source ─ batches ─▶ main thread ─ append ─▶ store ─▶ reader 1 … N
 *                        └ tally of the source batch      └ tally in the arena
 *                              └──────────── compared at the end ┘
 * ```
 *
 * @module
 */
import type { RecordBatch, Schema } from "apache-arrow";
import { UsageError } from "../../errors.js";
import type { Input } from "../../input/input.js";
import { disagreement, type Finding } from "./agreement.js";
import { BatchAppender } from "./batch-appender.js";
import { type ColumnStatistics, ColumnTally } from "./column-tally.js";
import { ReaderCrew } from "./reader-crew.js";
import { tallyBatch } from "./source-statistics.js";
import { type SourceSummary, SourceWalk, type WalkOptions } from "./source-walk.js";
import { StorePool } from "./store-pool.js";

/** What to read, and how. The signal stops the ingest: {@link Ingest.run} rejects with its reason. */
export interface IngestOptions extends WalkOptions {
  /** Reader threads, 0 to 64. */
  readonly readers: number;
  /** Bytes of shared memory for each of the two stores. */
  readonly storeBytes: number;
  /** Have the main thread compute the statistics as well, from the source batches. */
  readonly verify: boolean;
  /** Module that the reader threads run, in place of this package's. */
  readonly readerScript?: URL;
}

/** What came of it. */
export interface IngestResult {
  readonly sources: readonly SourceSummary[];
  readonly schema: Schema;
  /** Statistics of each column; empty when neither readers nor writer computed any. */
  readonly columns: readonly ColumnStatistics[];
  /** What the threads do not agree on, undefined when they do. */
  readonly disagreement: string | undefined;
  readonly stores: number;
}

export class Ingest {
  readonly #options: IngestOptions;
  readonly #walk: SourceWalk;
  #crew: ReaderCrew | undefined;
  #pool: StorePool | undefined;
  #tallies: readonly ColumnTally[] = [];
  #rows = 0;
  #batches = 0;
  #bytes = 0;

  constructor(options: IngestOptions) {
    this.#options = options;
    this.#walk = new SourceWalk(options);
  }

  /** Rows in stores so far. */
  get rows(): number {
    return this.#rows;
  }

  /** Batches in stores so far. */
  get batches(): number {
    return this.#batches;
  }

  /** Bytes of those rows, without padding. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of the source that is being read, from 1, and its name. */
  get source(): { readonly number: number; readonly name: string } {
    return this.#walk.source;
  }

  /** How far the current source has been read, 0 to 1; undefined when its length is not known. */
  get fraction(): number | undefined {
    return this.#walk.fraction;
  }

  /** Share of the current store's memory that is in use, 0 to 1; 0 when there is none, or none any more. */
  get fill(): number {
    const store = this.#pool?.current;
    return store === undefined || store.closed ? 0 : store.snapshot().arenaBytes / store.capacityBytes;
  }

  /** Batches that the slowest reader has still to see. */
  get lag(): number {
    return this.#crew?.lag(this.#batches) ?? 0;
  }

  /** What the progress bar shows of the stores and their readers. */
  gauges(): readonly string[] {
    return [`store ${String(Math.round(100 * this.fill)).padStart(3)}%`, `lag ${String(this.lag).padEnd(3)}`];
  }

  /**
   * Reads all sources to their end, or to the limit. To be called once; whatever happens, all threads and files are closed when it settles.
   *
   * @throws UsageError or CorruptError for what is wrong with a source; ClosedError when a reader thread died; the signal's reason
   */
  async run(): Promise<IngestResult> {
    try {
      let schema: Schema | undefined;
      for await (const input of this.#walk.inputs()) {
        schema ??= input.schema;
        await this.#read(input, schema);
      }
      if (schema === undefined) throw new UsageError("there is nothing to read; expected at least one file");
      await this.#pool?.finish();
      return await this.#conclude(schema);
    } finally {
      this.#pool?.close();
      await this.#crew?.close();
    }
  }

  async #read(input: Input, schema: Schema): Promise<void> {
    const pool = this.#pool ?? this.#begin(schema);
    const appender = new BatchAppender(pool, (piece, bytes) => this.#appended(piece, bytes));
    for await (const batch of this.#walk.batches()) {
      await named(input.name, () => appender.append(batch));
      this.#crew?.throwIfFailed();
    }
  }

  #begin(schema: Schema): StorePool {
    const { readers, readerScript: script, signal, storeBytes, verify } = this.#options;
    this.#crew = new ReaderCrew({ readers, ...(script && { script }), ...(signal && { signal }) });
    this.#pool = new StorePool(schema, storeBytes, this.#crew);
    if (verify) this.#tallies = schema.fields.map((field) => new ColumnTally(field));
    return this.#pool;
  }

  #appended(piece: RecordBatch, bytes: number): void {
    tallyBatch(this.#tallies, piece);
    this.#rows += piece.numRows;
    this.#batches++;
    this.#bytes += bytes;
  }

  async #conclude(schema: Schema): Promise<IngestResult> {
    const found = this.#rows === 0 || this.#crew === undefined ? [] : await this.#crew.results();
    const findings: Finding[] = found.map((columns, i) => ({ who: `reader ${i + 1}`, columns }));
    if (this.#options.verify) {
      findings.unshift({ who: "the writer", columns: this.#tallies.map((tally) => tally.result()) });
    }
    return {
      sources: this.#walk.summaries,
      schema,
      columns: findings[0]?.columns ?? [],
      disagreement: disagreement(findings),
      stores: this.#pool?.filled ?? 0,
    };
  }
}

/** Puts the name of the source before what is wrong with one of its batches. */
async function named(name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${name}: ${error.message}`, { cause: error });
  }
}
