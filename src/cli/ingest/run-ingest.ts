/**
 * `pennon ingest` as a command: from its flags to what is printed, with progress and interruption.
 *
 * @module
 */
import { UsageError } from "../../errors.js";
import type { InputFormat } from "../../input/input.js";
import { EXIT, failureOf, Interruption } from "../failure.js";
import { listenForSignals } from "../interruption.js";
import { oneLine } from "../one-line.js";
import { print } from "../print.js";
import { counted, size } from "../quantities.js";
import { Ingest } from "./ingest.js";
import { sourcesOf } from "./open-sources.js";
import { ProgressBar } from "./progress.js";
import { reportJson, reportText } from "./report.js";

/** The options of the command, their values checked. */
export interface IngestFlags {
  readonly readers: number;
  readonly batchRows: number;
  readonly limit?: number;
  readonly format?: InputFormat;
  readonly storeBytes: number;
  readonly verify: boolean;
  readonly json?: boolean;
  /** Module that the reader threads run, in place of this package's; no option sets it. */
  readonly readerScript?: URL;
}

/**
 * Runs the command and prints what comes of it.
 *
 * @returns the exit code
 * @throws what is wrong with the input, see `failureOf`
 */
export async function runIngest(files: readonly string[], flags: IngestFlags): Promise<number> {
  const sources = sourcesOf(files);
  const { readers, verify: verified, json = false } = flags;
  const interruption = new AbortController();
  const stopListening = listenForSignals(interruption);
  const start = performance.now();
  const ingest = new Ingest({ ...flags, sources, signal: interruption.signal });
  const bar = process.stderr.isTTY && !json ? new ProgressBar(ingest, process.stderr, sources.length) : undefined;
  // At once, so that the cursor is back even if a second signal ends the process.
  interruption.signal.addEventListener("abort", () => bar?.stop());
  try {
    const result = await ingest.run();
    bar?.stop();
    const seconds = (performance.now() - start) / 1000;
    const { rows, batches, bytes } = ingest;
    const figures = { rows, batches, bytes, seconds, readers, verified };
    await print(json ? reportJson(result, figures) : reportText(result, figures, process.stdout.columns));
    if (result.disagreement === undefined) return EXIT.OK;
    process.stderr.write(`pennon: the threads do not agree: ${oneLine(result.disagreement)}\n`);
    return EXIT.FAILED;
  } catch (error) {
    bar?.stop();
    const { reason } = interruption.signal;
    if (!(interruption.signal.aborted && reason instanceof Interruption)) throw error;
    // What the abort made fail elsewhere says less than the abort itself.
    const { rows, batches, bytes } = ingest;
    const soFar = `${counted(rows, "row")} in ${counted(batches, "batch", "batches")}, ${size(bytes)}`;
    process.stderr.write(`${failureOf(new UsageError(`${reason.message} after ${soFar}`), false).message}\n`);
    return reason.exitCode;
  } finally {
    bar?.stop();
    stopListening();
  }
}
