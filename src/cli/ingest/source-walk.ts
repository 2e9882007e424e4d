/**
 * A walk through the rows of several sources, one source after the other, all with the schema of the first.
 *
 * @module
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { RecordBatch } from "apache-arrow";
import type { Input, InputFormat, InputSource } from "../../input/input.js";
import { type Expected, openSource } from "./open-sources.js";

/** What to read, and how. */
export interface WalkOptions {
  readonly sources: readonly InputSource[];
  /** Most rows of a batch. */
  readonly batchRows: number;
  /** Rows to read at most, of all sources together. @default all */
  readonly limit?: number;
  /** Format of the sources. @default told by their bytes */
  readonly format?: InputFormat;
  /** Ends the walk with its reason. */
  readonly signal?: AbortSignal;
}

/** One source that has been read. */
export interface SourceSummary {
  readonly name: string;
  readonly format: InputFormat;
  readonly rows: number;
}

/** Longest time that the thread does not look at signals and messages. */
const TURN_MS = 20;

export class SourceWalk {
  readonly #options: WalkOptions;
  readonly #summaries: SourceSummary[] = [];
  #input: Input | undefined;
  #rows = 0;
  #sourceRows = 0;
  #turnEnd = 0;

  constructor(options: WalkOptions) {
    this.#options = options;
  }

  /** The sources that have been read. */
  get summaries(): readonly SourceSummary[] {
    return this.#summaries;
  }

  /** Number of the source that is being read, from 1, and its name. */
  get source(): { readonly number: number; readonly name: string } {
    return { number: this.#summaries.length + 1, name: this.#input?.name ?? "" };
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

  /**
   * Opens one source after the other, and closes it when the next is asked for. To be called once.
   *
   * @param schema that all must have, and whose it is. @default that of the first
   * @throws UsageError or CorruptError for what is wrong with a source; the signal's reason
   */
  async *inputs(schema?: Expected): AsyncGenerator<Input, void, undefined> {
    const { sources, signal, format, batchRows } = this.#options;
    const options = { batchRows, ...(format && { format }), ...(signal && { signal }) };
    let expected = schema;
    for (const source of sources) {
      const input = await openSource(source, options, expected);
      expected ??= { schema: input.schema, name: input.name };
      this.#input = input;
      this.#sourceRows = 0;
      try {
        yield input;
      } finally {
        await input.close();
      }
      this.#summaries.push({ name: input.name, format: input.format, rows: this.#sourceRows });
      if (this.#rowsLeft() <= 0) return;
    }
  }

  /** The batches of the source at hand, up to the limit. */
  async *batches(): AsyncGenerator<RecordBatch, void, undefined> {
    if (this.#input === undefined || this.#rowsLeft() <= 0) return;
    for await (const batch of this.#input.batches()) {
      const left = this.#rowsLeft();
      const part = batch.numRows > left ? batch.slice(0, left) : batch;
      yield part;
      this.#rows += part.numRows;
      this.#sourceRows += part.numRows;
      if (this.#rowsLeft() <= 0) return;
      await this.#turn();
    }
  }

  #rowsLeft(): number {
    return (this.#options.limit ?? Number.POSITIVE_INFINITY) - this.#rows;
  }

  /** Lets timers, signals and messages in; a source that is in memory would never wait for anything else. */
  async #turn(): Promise<void> {
    if (performance.now() < this.#turnEnd) return;
    await nextTurn();
    this.#turnEnd = performance.now() + TURN_MS;
    this.#options.signal?.throwIfAborted();
  }
}
