/**
 * How the command fails: one line on standard error and an exit code, never a stack trace.
 *
 * @module
 */
import { PennonError } from "../errors.js";
import { oneLine } from "./one-line.js";

/** Exit codes of the command. */
export const EXIT = {
  OK: 0,
  /** The threads do not agree, or one of them died. */
  FAILED: 1,
  /** The command line or the input is wrong. */
  BAD_INPUT: 2,
  /** A defect of ours; as EX_SOFTWARE of sysexits.h. */
  INTERNAL: 70,
  /** 128 + SIGINT. */
  INTERRUPTED: 130,
} as const;

/** Thrown to stop: by SIGINT or SIGTERM. */
export class Interruption extends Error {
  override readonly name = "Interruption";
  readonly exitCode: number;

  constructor(signal: "SIGINT" | "SIGTERM") {
    super(`stopped by ${signal}`);
    this.exitCode = signal === "SIGINT" ? EXIT.INTERRUPTED : 143;
  }
}

/** What to print and how to exit because of `error`. */
export interface Failure {
  /** Without a line break at its end. */
  readonly message: string;
  readonly exitCode: number;
}

/** @param debug true to print stack traces (`PENNON_DEBUG=1`) */
export function failureOf(error: unknown, debug = process.env["PENNON_DEBUG"] === "1"): Failure {
  const text = oneLine(error instanceof Error ? error.message : String(error));
  const stack = debug && error instanceof Error ? `\n${error.stack ?? ""}${causes(error)}` : "";
  if (error instanceof PennonError) {
    const exitCode = error.code === "Usage" || error.code === "Corrupt" ? EXIT.BAD_INPUT : EXIT.FAILED;
    return { message: `pennon: ${text}${stack}`, exitCode };
  }
  // What the operating system refuses (no space left, an input/output error) has a code, and its text says what and where.
  if (error instanceof Error && "syscall" in error) {
    return { message: `pennon: ${text}${stack}`, exitCode: EXIT.BAD_INPUT };
  }
  const hint = debug ? "" : " (PENNON_DEBUG=1 shows where)";
  return {
    message: `pennon: internal error, please report it: ${text}${hint}${stack}`,
    exitCode: EXIT.INTERNAL,
  };
}

function causes(error: Error): string {
  const parts: string[] = [];
  let { cause } = error;
  while (cause instanceof Error && parts.length < 10) {
    parts.push(`\ncaused by ${cause.stack ?? cause.message}`);
    cause = cause.cause;
  }
  return parts.join("");
}
