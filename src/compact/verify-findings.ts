/**
 * What a verification finds.
 *
 * @module
 */

/** `error`: rows are lost, doubled or cannot be read. `warning`: nothing is wrong with any row, and something wants a look. */
export type Severity = "error" | "warning";

export interface Finding {
  readonly severity: Severity;
  /** File or directory, relative to the table's directory. */
  readonly file: string;
  /** What is wrong, and what was expected. */
  readonly problem: string;
  /** What to do about it. */
  readonly advice: string;
}

/** How far a verification is. */
export interface VerifyProgress {
  /** What is being looked at. */
  readonly stage: string;
  /** Rows read so far, of all that are to be read; undefined until that is known. */
  readonly rows: number;
  readonly totalRows: number | undefined;
}

/** Advice that fits many findings. */
export const ADVICE = {
  repair: "`pennon repair` says what can be done",
  restore: "restore the file from a copy of the table",
  collect: "`pennon gc` removes it once it is an hour old",
  open: "open the table with Pennon once",
} as const;
