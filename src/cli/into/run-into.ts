/**
 * `pennon ingest --into` as a command: from its flags to what is printed, with progress and interruption.
 *
 * @module
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { ConflictError, CorruptError, FullError, UsageError } from "../../errors.js";
import type { InputFormat, InputSource } from "../../input/input.js";
import { EXIT, failureOf, Interruption } from "../failure.js";
import { sourcesOf } from "../ingest/open-sources.js";
import { ProgressBar } from "../ingest/progress.js";
import { listenForSignals } from "../interruption.js";
import { print } from "../print.js";
import { counted, short, size } from "../quantities.js";
import { intoJson, intoText } from "./into-report.js";
import { TableIngest } from "./table-ingest.js";

/** The options of the command, their values checked. */
export interface IntoFlags {
  readonly into: string;
  readonly key: readonly string[];
  readonly resume: boolean;
  readonly memory: number;
  readonly takeover: boolean;
  readonly finish: boolean;
  readonly batchRows: number;
  readonly limit?: number;
  readonly format?: InputFormat;
  readonly json?: boolean;
}

/**
 * Runs the command and prints what comes of it.
 *
 * @returns the exit code
 */
export async function runInto(files: readonly string[], flags: IntoFlags): Promise<number> {
  const sources = sourcesOf(files);
  const { into, json = false, memory: memoryBytes } = flags;
  const interruption = new AbortController();
  const stopListening = listenForSignals(interruption);
  const flushes = new FlushSizes();
  const start = performance.now();
  const ingest = new TableIngest({ ...flags, sources, memoryBytes, signal: interruption.signal });
  const shown = {
    get rows() {
      return ingest.rows;
    },
    get bytes() {
      return ingest.bytes;
    },
    get fraction() {
      return ingest.fraction;
    },
    get source() {
      return ingest.source;
    },
    gauges: () => [
      `WAL lag ${short(Math.max(0, ingest.rows - ingest.durableRows)).padStart(5)}`,
      `flush ${size(flushes.last).padStart(7)}`,
      ...(ingest.isFinishing ? ["merging"] : []),
    ],
  };
  const bar = process.stderr.isTTY && !json ? new ProgressBar(shown, process.stderr, sources.length) : undefined;
  // At once, so that the cursor is back even if a second signal ends the process.
  interruption.signal.addEventListener("abort", () => bar?.stop());
  try {
    const result = await ingest.run();
    bar?.stop();
    const seconds = (performance.now() - start) / 1000;
    await print(json ? intoJson(into, result, seconds) : intoText(into, result, seconds));
    return EXIT.OK;
  } catch (error) {
    bar?.stop();
    const { aborted, reason } = interruption.signal;
    // What the abort made fail elsewhere says less than the abort itself.
    const interrupted = aborted && reason instanceof Interruption ? reason : undefined;
    const failure = failureOf(interrupted === undefined ? inOurTerms(error) : new UsageError(interrupted.message));
    const badInput = interrupted === undefined && (error instanceof UsageError || error instanceof CorruptError);
    process.stderr.write(`${failure.message}${soFar(ingest, sources, into, badInput)}\n`);
    return interrupted?.exitCode ?? failure.exitCode;
  } finally {
    bar?.stop();
    flushes.stop();
    stopListening();
  }
}

/** The library's options have other names here. */
function inOurTerms(error: unknown): unknown {
  if (error instanceof ConflictError) {
    const message = error.message.replace("or open with takeover: true to", "or give --takeover to");
    return new ConflictError(message, { cause: error });
  }
  if (!(error instanceof FullError)) return error;
  const message = error.message
    .replace("open with a larger maxMemoryBytes", "give more with --memory")
    .replaceAll("maxMemoryBytes", "--memory");
  return new FullError(message, error.bound, { cause: error });
}

/**
 * What is safe already, and how to go on.
 *
 * @param badInput true when the input is what went wrong: corrected, it is another file, which --resume does not know
 */
function soFar({ durableRows }: TableIngest, sources: readonly InputSource[], into: string, badInput: boolean): string {
  if (durableRows === 0) return "";
  const resumable = sources.every((source) => "path" in source) ? "; --resume goes on behind them" : "";
  const corrected =
    "; correct the input, then put all of it into a new table, or into this one if it has a key, or only what follows these rows";
  const again = badInput ? corrected : resumable;
  return ` (${counted(durableRows, "row is", "rows are")} durable in ${into}${again})`;
}

/** Listens for the entries that are written to the log. */
class FlushSizes {
  last = 0;
  readonly #onFlush = (message: unknown): void => {
    if (typeof message === "object" && message !== null && "bytes" in message && typeof message.bytes === "number") {
      this.last = message.bytes;
    }
  };

  constructor() {
    subscribe("pennon:flush", this.#onFlush);
  }

  stop(): void {
    unsubscribe("pennon:flush", this.#onFlush);
  }
}
