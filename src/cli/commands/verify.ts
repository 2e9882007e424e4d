/**
 * `pennon verify`: its options and its help. What it does is loaded when it is run.
 *
 * @module
 */
import { Command } from "commander";
import type { VerifyFlags } from "../verify/run-verify.js";

const HELP = `
PATH is <database>/<table>, for the directory <database>/<table>.lance.

Reads every tier of a table and holds them against each other: manifests follow
each other without gaps, entries of the log are whole and in order, SSTables can
be read, have one row for each key, and agree with their indexes and filters,
the base table has each key once, and LanceDB returns each live key exactly
once. Changes nothing, and may run while a process has the table open. It needs
LanceDB, and reads all keys of the table twice.

Examples:
  $ pennon verify db/flights
  $ pennon verify --json db/flights

Exit code:
  0  nothing is wrong
  1  something is: a line for each finding says what, where and what to do
  2  wrong usage, or there is no such table`;

/** @param done gets the exit code */
export function verifyCommand(done: (exitCode: number) => void): Command {
  return new Command("verify")
    .summary("read every tier of a table and check it against the others")
    .description("Checks that a table is whole: manifests, log, SSTables, base table, and each live key once.")
    .argument("<path>", "a table")
    .option("--json", "print one JSON object")
    .addHelpText("after", HELP)
    .action(async (path: string, flags: VerifyFlags) => {
      const { runVerify } = await import("../verify/run-verify.js");
      done(await runVerify(path, flags));
    });
}
