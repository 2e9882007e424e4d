/**
 * What every reader of rows looks like: the source it is opened on, its options, and the stream of record batches it gives.
 *
 * Each format (Arrow IPC, Parquet, CSV, NDJSON) has one opener that returns an {@link Input}; nothing outside this folder
 * knows which one it holds. Bounds that are not options are named here.
 *
 * @module
 */

import type { Readable } from "node:stream";
import type { RecordBatch, Schema } from "apache-arrow";
import { UsageError } from "../errors.js";

/** The formats that can be read. */
export type InputFormat = "arrow" | "parquet" | "csv" | "ndjson";

/** Where the bytes come from. A path may be a file or a pipe; a stream is read once and destroyed at close. */
export type InputSource = { readonly path: string } | { readonly stream: Readable; readonly name: string };

/** Options of `openInput`. */
export interface InputOptions {
  /** The format; found from the first bytes, then from the file's extension, when left out. */
  readonly format?: InputFormat;
  /** Most rows of one batch, 1 to 1,000,000. @default 8192 */
  readonly batchRows?: number;
  /**
   * The schema the batches must have. For CSV and NDJSON it replaces inference (columns are matched by name); for Arrow and
   * Parquet, which carry their own, it must agree with the file's.
   */
  readonly schema?: Schema;
  /** Ends reading: pending and later reads reject with its reason. */
  readonly signal?: AbortSignal;
  /** Most bytes of one Arrow message or one Parquet column chunk, compressed or not. @default 1 GiB */
  readonly maxMessageBytes?: number;
  /** Most bytes of a Parquet stream that are kept in a temporary file (Parquet is read from its end). @default 16 GiB */
  readonly maxSpoolBytes?: number;
}

/** The options with their defaults filled in and checked. */
export interface ReadSettings {
  readonly batchRows: number;
  readonly schema: Schema | undefined;
  readonly signal: AbortSignal | undefined;
  readonly maxMessageBytes: number;
  readonly maxSpoolBytes: number;
}

/** An open source of rows. */
export interface Input {
  /** The path, or the name given with the stream: every error names it. */
  readonly name: string;
  readonly format: InputFormat;
  readonly schema: Schema;
  /** Rows of the whole source, where the format tells them up front (Parquet). */
  readonly totalRows?: number;
  /** Bytes of the whole source as stored, when it is a regular file. */
  readonly totalBytes?: number;
  /** Bytes read so far, as stored (before gunzip): with `totalBytes`, the progress. */
  bytesRead(): number;
  /**
   * The rows, in order, as batches of at most `batchRows` rows. Can be consumed once. Leaving the loop early closes the input.
   *
   * @throws UsageError for a row that does not fit, CorruptError for bytes that are not what they claim to be.
   */
  batches(): AsyncIterable<RecordBatch>;
  /** Frees every handle and temporary file. May be called at any time, and twice. */
  close(): Promise<void>;
}

const DEFAULT_BATCH_ROWS = 8192;
const MAX_BATCH_ROWS = 1_000_000;
const GIB = 1024 ** 3;
const MAX_MESSAGE_BYTES = 2 ** 31 - 1;

/** Fills in the defaults and checks the bounds. */
export function readSettings(options: InputOptions): ReadSettings {
  return {
    batchRows: within("batchRows", options.batchRows ?? DEFAULT_BATCH_ROWS, 1, MAX_BATCH_ROWS),
    schema: options.schema,
    signal: options.signal,
    maxMessageBytes: within("maxMessageBytes", options.maxMessageBytes ?? GIB, 1024, MAX_MESSAGE_BYTES),
    maxSpoolBytes: within("maxSpoolBytes", options.maxSpoolBytes ?? 16 * GIB, 1024, Number.MAX_SAFE_INTEGER),
  };
}

function within(option: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`${option} is ${value}; expected a whole number from ${least} to ${most}`);
}
