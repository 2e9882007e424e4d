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
import { setImmediate as nextTurn } from "node:timers/promises";
import type { RecordBatch, Schema } from "apache-arrow";
import { UsageError } from "../../errors.js";
import type { Input, InputFormat, InputSource } from "../../input/input.js";
import { disagreement, type Finding } from "./agreement.js";
import { BatchAppender } from "./batch-appender.js";
import { type ColumnStatistics, ColumnTally } from "./column-tally.js";
import { type Expected, openSource } from "./open-sources.js";
import { ReaderCrew } from "./reader-crew.js";
import { tallyBatch } from "./source-statistics.js";
import { StorePool } from "./store-pool.js";

/** What to read, and how. */
export interface IngestOptions {
  readonly sources: readonly InputSource[];
  /** Reader threads, 0 to 64. */
  readonly readers: number;
  /** Most rows of a batch. */
  readonly batchRows: number;
  /** Rows to read at most, of all sources together. @default all */
  readonly limit?: number;
  /** Format of the sources. @default told by their bytes */
  readonly format?: InputFormat;
  /** Bytes of shared memory for each of the two stores. */
  readonly storeBytes: number;
  /** Have the main thread compute the statistics as well, from the source batches. */
  readonly verify: boolean;
  /** Stops the ingest: {@link Ingest.run} rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Module that the reader threads run, in place of this package's. */
  readonly readerScript?: URL;
}

/** One source that has been read. */
export interface SourceSummary {
  readonly name: string;
  readonly format: InputFormat;
  readonly rows: number;
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

/** Longest time that the main thread does not look at signals and messages. */
const TURN_MS = 20;

export class Ingest {
  readonly #options: IngestOptions;
  #crew: ReaderCrew | undefined;
  #sources: SourceSummary[] = [];
  #input: Input | undefined;
  #pool: StorePool | undefined;
  #tallies: readonly ColumnTally[] = [];
  #rows = 0;
  #sourceRows = 0;
  #batches = 0;
  #bytes = 0;
  #turnEnd = 0;

  constructor(options: IngestOptions) {
    this.#options = options;
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
    return { number: this.#sources.length + 1, name: this.#input?.name ?? "" };
  }

  /** How far the current source has been read, 0 to 1; undefined when its length is not known. */
  get fraction(): number | undefined {
    const { limit } = this.#options;
    const ofLimit = limit === undefined ? 0 : this.#rows / Math.max(limit, 1);
    const { totalRows, totalBytes } = this.#input ?? {};
    const ofRows = totalRows === undefined ? undefined : this.#sourceRows / Math.max(totalRows, 1);
    const ofBytes = totalBytes === undefined ? undefined : (this.#input?.bytesRead() ?? 0) / Math.max(totalBytes, 1);
    const ofSource = ofRows ?? ofBytes;
    if (ofSource === undefined) return limit === undefined ? undefined : Math.min(1, ofLimit);
    return Math.min(1, Math.max(ofSource, ofLimit));
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

  /**
   * Reads all sources to their end, or to the limit. To be called once; whatever happens, all threads and files are closed when it settles.
   *
   * @throws UsageError or CorruptError for what is wrong with a source; ClosedError when a reader thread died; the signal's reason
   */
  async run(): Promise<IngestResult> {
    try {
      let expected: Expected | undefined;
      for (const source of this.#options.sources) {
        const { signal, format, batchRows } = this.#options;
        const options = { batchRows, ...(format && { format }), ...(signal && { signal }) };
        const input = await openSource(source, options, expected);
        this.#input = input;
        expected ??= { schema: input.schema, name: input.name };
        await this.#read(input, expected.schema);
        if (this.#rowsLeft() === 0) break;
      }
      if (expected === undefined) throw new UsageError("there is nothing to read; expected at least one file");
      await this.#pool?.finish();
      return await this.#conclude(expected.schema);
    } finally {
      this.#pool?.close();
      await Promise.all([this.#input?.close(), this.#crew?.close()]);
    }
  }

  async #read(input: Input, schema: Schema): Promise<void> {
    this.#sourceRows = 0;
    if (this.#pool === undefined) this.#begin(schema);
    const { name, format } = input;
    if (this.#pool !== undefined && this.#rowsLeft() > 0) {
      const appender = new BatchAppender(this.#pool, (piece, bytes) => this.#appended(piece, bytes));
      for await (const batch of input.batches()) {
        const left = this.#rowsLeft();
        const part = batch.numRows > left ? batch.slice(0, left) : batch;
        await named(name, () => appender.append(part));
        if (this.#rowsLeft() === 0) break;
        await this.#turn();
      }
    }
    await input.close();
    this.#sources.push({ name, format, rows: this.#sourceRows });
  }

  #begin(schema: Schema): void {
    const { readers, readerScript: script, signal, storeBytes, verify } = this.#options;
    this.#crew = new ReaderCrew({ readers, ...(script && { script }), ...(signal && { signal }) });
    this.#pool = new StorePool(schema, storeBytes, this.#crew);
    if (verify) this.#tallies = schema.fields.map((field) => new ColumnTally(field));
  }

  #appended(piece: RecordBatch, bytes: number): void {
    tallyBatch(this.#tallies, piece);
    this.#rows += piece.numRows;
    this.#sourceRows += piece.numRows;
    this.#batches++;
    this.#bytes += bytes;
  }

  #rowsLeft(): number {
    return (this.#options.limit ?? Number.POSITIVE_INFINITY) - this.#rows;
  }

  /** Lets timers, signals and the readers' messages in; a source that is in memory would never wait for anything else. */
  async #turn(): Promise<void> {
    const now = performance.now();
    if (now < this.#turnEnd) return;
    await nextTurn();
    this.#turnEnd = performance.now() + TURN_MS;
    this.#crew?.throwIfFailed();
  }

  async #conclude(schema: Schema): Promise<IngestResult> {
    const found = this.#rows === 0 || this.#crew === undefined ? [] : await this.#crew.results();
    const findings: Finding[] = found.map((columns, i) => ({ who: `reader ${i + 1}`, columns }));
    if (this.#options.verify) {
      findings.unshift({ who: "the writer", columns: this.#tallies.map((tally) => tally.result()) });
    }
    return {
      sources: this.#sources,
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
