/**
 * The durable ingest: reads sources into a table, whose log remembers how far it came.
 *
 * With every put goes a counter for its source: how many of the source's rows are in the table with it. They are in the log together or
 * not at all. So after a crash at any moment the counter says which row is the next, and reading the source again and leaving out
 * the rows before it ends with exactly its rows.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import { UsageError } from "../../errors.js";
import type { Input } from "../../input/input.js";
import type { LanceTable } from "../../table/lance-catalog.js";
import { type SourceSummary, SourceWalk, type WalkOptions } from "../ingest/source-walk.js";
import { findTable, IntoTarget, sourceSchema, type TargetOptions } from "./into-target.js";
import { KeyTally } from "./key-tally.js";
import { PutPipeline } from "./put-pipeline.js";
import {
  assertGivenOnce,
  assertReadableAgain,
  checkSources,
  identityOf,
  type SourceIdentity,
} from "./source-identity.js";

/** What to read, and into what. The signal stops the ingest: {@link TableIngest.run} rejects with its reason. */
export interface TableIngestOptions extends WalkOptions, TargetOptions {
  /** Whether to go on behind the rows that an earlier run has put. */
  readonly resume: boolean;
  /** Whether to end with all rows in the base table. */
  readonly finish: boolean;
  readonly signal: AbortSignal;
}

/** What came of it. */
export interface TableIngestResult {
  readonly directory: string;
  readonly sources: readonly SourceSummary[];
  /** Rows put by this run. */
  readonly rows: number;
  /** Rows left out, as an earlier run had put them. */
  readonly skippedRows: number;
  /** Entries of the log, and bytes of them, that this run wrote. */
  readonly entries: number;
  readonly bytes: number;
  /** Key columns; undefined when the table numbers its rows itself. */
  readonly key: readonly string[] | undefined;
  /** Rows of the sources, also of those left out, whose key was that of an earlier row; undefined without a key. */
  readonly duplicates: number | undefined;
  /** False when there may be more of them than were counted. */
  readonly exact: boolean;
  /** Whether all rows are in the base table. */
  readonly finished: boolean;
}

export class TableIngest {
  readonly #options: TableIngestOptions;
  readonly #walk: SourceWalk;
  #target: IntoTarget | undefined;
  #pipeline: PutPipeline | undefined;
  #tally: KeyTally | undefined;
  #bytes = 0;
  #rows = 0;
  #durableRows = 0;
  #skippedRows = 0;
  #isFinishing = false;

  constructor(options: TableIngestOptions) {
    this.#options = options;
    this.#walk = new SourceWalk(options);
  }

  /** Rows put so far. */
  get rows(): number {
    return this.#rows;
  }

  /** Rows of them that survive a loss of power. */
  get durableRows(): number {
    return this.#durableRows;
  }

  /** Whether all is read and durable, and on its way into the base table. */
  get isFinishing(): boolean {
    return this.#isFinishing;
  }

  /** Bytes of memory that rows put so far take. */
  get bytes(): number {
    const stats = this.#target?.stats();
    return stats === undefined ? this.#bytes : stats.written.bytes + stats.unflushedBytes;
  }

  get source(): { readonly number: number; readonly name: string } {
    return this.#walk.source;
  }

  get fraction(): number | undefined {
    return this.#walk.fraction;
  }

  /**
   * Reads all sources to their end, or to the limit; resolves when all rows are durable. To be called once. Whatever happens, what was
   * put is durable, and the table is closed, when it settles.
   *
   * @throws UsageError or CorruptError for what is wrong with a source; what opening the table and putting into it throws
   */
  async run(): Promise<TableIngestResult> {
    const { into } = this.#options;
    const identities = await this.#identities();
    const found = await findTable(this.#options);
    const expected = found && { schema: sourceSchema(found), name: into };
    try {
      let number = 0;
      for await (const input of this.#walk.inputs(expected)) {
        const target = this.#target ?? (await this.#open(found, input.schema, identities));
        await this.#read(input, target, identities[number++]);
      }
      if (this.#target === undefined) throw new UsageError("there is nothing to read; expected at least one file");
      await this.#pipeline?.settled();
      if (this.#options.finish) {
        this.#isFinishing = true;
        await this.#target.finish();
      }
      return this.#result(this.#target);
    } finally {
      await this.#close();
    }
  }

  async #identities(): Promise<(SourceIdentity | undefined)[]> {
    const { sources, resume } = this.#options;
    const identities: (SourceIdentity | undefined)[] = [];
    for (const source of sources) {
      if (resume) await assertReadableAgain(source);
      identities.push(await identityOf(source));
    }
    assertGivenOnce(identities.filter((identity) => identity !== undefined));
    return identities;
  }

  async #open(
    found: LanceTable | undefined,
    schema: Schema,
    identities: readonly (SourceIdentity | undefined)[],
  ): Promise<IntoTarget> {
    const { into, resume } = this.#options;
    const target = await IntoTarget.open(found, schema, this.#options);
    this.#target = target; // to be closed whatever comes
    const known = identities.filter((identity) => identity !== undefined);
    checkSources(known, target.counters, into, resume);
    this.#pipeline = new PutPipeline(
      target,
      (rows) => {
        this.#rows += rows;
      },
      (rows) => {
        this.#durableRows += rows;
      },
    );
    if (target.key !== undefined) this.#tally = new KeyTally(schema, target.key);
    return target;
  }

  async #read(input: Input, target: IntoTarget, identity: SourceIdentity | undefined): Promise<void> {
    const done = identity === undefined ? 0n : (target.counters.get(identity.counter) ?? 0n);
    let ordinal = 0;
    for await (const batch of this.#walk.batches()) {
      const first = ordinal;
      this.#tally?.add(batch, input.name, first);
      const skipped = Math.min(batch.numRows, Math.max(0, Number(done) - first));
      this.#skippedRows += skipped;
      ordinal += batch.numRows;
      if (skipped === batch.numRows) continue;
      const rest = skipped === 0 ? batch : batch.slice(skipped);
      await named(input.name, () => this.#pipeline?.add(rest, (rows) => countersOf(identity, first + skipped + rows)));
    }
  }

  #result(target: IntoTarget): TableIngestResult {
    const { written } = target.stats();
    return {
      directory: target.directory,
      sources: this.#walk.summaries,
      rows: this.#rows,
      skippedRows: this.#skippedRows,
      entries: written.entries,
      bytes: written.bytes,
      key: target.key,
      duplicates: this.#tally?.duplicates,
      exact: this.#tally?.isExact ?? true,
      finished: this.#isFinishing,
    };
  }

  async #close(): Promise<void> {
    const target = this.#target;
    if (target === undefined) return;
    // What put them fails tells its caller; here they only have to be done with.
    await this.#pipeline?.settled().catch(() => {});
    this.#bytes = this.bytes;
    this.#target = undefined;
    await target.close();
  }
}

function countersOf(identity: SourceIdentity | undefined, rows: number): ReadonlyMap<string, bigint> {
  return new Map(identity === undefined ? [] : [[identity.counter, BigInt(rows)]]);
}

/** Puts the name of the source before what is wrong with one of its batches. */
async function named(name: string, work: () => Promise<void> | undefined): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${name}: ${error.message}`, { cause: error });
  }
}
