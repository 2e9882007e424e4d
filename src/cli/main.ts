#!/usr/bin/env node
/**
 * The `pennon` command.
 *
 * @module
 */
import { EXIT, failureOf } from "./failure.js";
import { oneLine } from "./one-line.js";
import { runProgram } from "./program.js";

/** The reader of our output went away, as `head` does when it has enough: there is nobody left to tell. */
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.OK);
  process.stderr.write(`pennon: standard output cannot be written: ${oneLine(error.message)}\n`);
  process.exit(EXIT.FAILED);
});
process.stderr.on("error", () => {});

process.on("uncaughtException", (error) => {
  const failure = failureOf(error);
  process.stderr.write(`${failure.message}\n`, () => process.exit(failure.exitCode));
});

void runProgram(process.argv.slice(2)).then((exitCode) => process.exit(exitCode));
