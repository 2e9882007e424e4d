/**
 * What commands have in common that open a table to do something to it as a whole: progress, interruption, and errors in the terms of the
 * command line.
 *
 * @module
 */
import { ConflictError } from "../../errors.js";
import { EXIT, failureOf, Interruption } from "../failure.js";
import { listenForSignals } from "../interruption.js";
import { print } from "../print.js";
import { StageBar, type StageProgress } from "../stage-bar.js";

export interface UpkeepFlags {
  readonly json?: boolean;
}

/** What a command works with. */
export interface Upkeep {
  /** Aborts when the command is to end. */
  readonly signal: AbortSignal;
  readonly show: (progress: StageProgress) => void;
}

/**
 * Does the work, and prints what it returns.
 *
 * @returns the exit code
 */
export async function runUpkeep(work: (upkeep: Upkeep) => Promise<string>): Promise<number> {
  const interruption = new AbortController();
  const { signal } = interruption;
  const stopListening = listenForSignals(interruption);
  const bar = StageBar.onTerminal();
  // At once, so that the cursor is back even if a second signal ends the process.
  signal.addEventListener("abort", () => bar?.stop());
  try {
    const text = await work({ signal, show: (progress) => bar?.show(progress) });
    bar?.stop();
    await print(text);
    return EXIT.OK;
  } catch (error) {
    bar?.stop();
    if (signal.aborted && signal.reason instanceof Interruption) {
      process.stderr.write(`pennon: ${signal.reason.message}; the table is sound, and the command can be run again\n`);
      return signal.reason.exitCode;
    }
    const failure = failureOf(inOurTerms(error));
    process.stderr.write(`${failure.message}\n`);
    return failure.exitCode;
  } finally {
    bar?.stop();
    stopListening();
  }
}

/** The library's options and methods have other names here. */
function inOurTerms(error: unknown): unknown {
  if (!(error instanceof ConflictError)) return error;
  const message = error.message.replace(
    "close it there, or open with takeover: true to fence that writer",
    "that process flushes and merges by itself; close the table there first",
  );
  return new ConflictError(message, { cause: error });
}
