/**
 * `pennon compact`: its options and its help. What it does is loaded when it is run.
 *
 * @module
 */
import { Command } from "commander";
import type { UpkeepFlags } from "../upkeep/upkeep.js";

const HELP = `
PATH is <database>/<table>, for the directory <database>/<table>.lance.

Opens the table as a writer does, has the rows of its log become SSTables, and
merges all SSTables into the base table. A process that has the table open does
so by itself: this is for a table that nobody has open. Merged SSTables stay for
readers that opened the table before; pennon gc removes them an hour later.

Examples:
  $ pennon compact db/flights
  $ pennon compact --json db/flights

Exit code:
  0    done
  1    a process has the table open, or the storage fails
  2    wrong usage, there is no such table, or its log is damaged
  130  interrupted (143 by SIGTERM)`;

/** @param done gets the exit code */
export function compactCommand(done: (exitCode: number) => void): Command {
  return new Command("compact")
    .summary("merge all rows of a table into its base table")
    .description(
      "Makes SSTables of the rows that are only in a table's log, and merges all SSTables into the base table.",
    )
    .argument("<path>", "a table")
    .option("--json", "print one JSON object")
    .addHelpText("after", HELP)
    .action(async (path: string, flags: UpkeepFlags) => {
      const { runCompact } = await import("../upkeep/run-compact.js");
      done(await runCompact(path, flags));
    });
}
