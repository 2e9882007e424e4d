/**
 * `pennon flush`: its options and its help. What it does is loaded when it is run.
 *
 * @module
 */
import { Command } from "commander";
import type { UpkeepFlags } from "../upkeep/upkeep.js";

const HELP = `
PATH is <database>/<table>, for the directory <database>/<table>.lance.

Opens the table as a writer does, and has the rows of its log become SSTables,
which any LanceDB reads. A process that has the table open does so by itself,
once a minute or when a memtable is full: this is for a table that nobody has
open.

Examples:
  $ pennon flush db/flights
  $ pennon flush --json db/flights

Exit code:
  0    done
  1    a process has the table open, or the storage fails
  2    wrong usage, there is no such table, or its log is damaged
  130  interrupted (143 by SIGTERM)`;

/** @param done gets the exit code */
export function flushCommand(done: (exitCode: number) => void): Command {
  return new Command("flush")
    .summary("have the rows of a table's log become SSTables, which LanceDB reads")
    .description("Makes SSTables of the rows that are only in a table's log.")
    .argument("<path>", "a table")
    .option("--json", "print one JSON object")
    .addHelpText("after", HELP)
    .action(async (path: string, flags: UpkeepFlags) => {
      const { runFlush } = await import("../upkeep/run-flush.js");
      done(await runFlush(path, flags));
    });
}
