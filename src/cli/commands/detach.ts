/**
 * `pennon detach`: its options and its help. What it does is loaded when it is run.
 *
 * @module
 */
import { Command } from "commander";
import type { DetachFlags } from "../upkeep/run-detach.js";

const HELP = `
PATH is <database>/<table>, for the directory <database>/<table>.lance.

Merges all rows into the base table, removes the write spec and then the log,
_mem_wal. What is left is a plain Lance table that any LanceDB reads and writes;
it keeps its primary key. Cut short at any moment it has all its rows, and
pennon detach goes on. LanceDB handles that are open see nothing new until
checkoutLatest(). pennon adopt makes it a table of Pennon again.

Examples:
  $ pennon detach db/flights

Exit code:
  0    done, or it was a plain table already
  1    a process has the table open, or the storage fails
  2    wrong usage, there is no such table, or its log is damaged
  130  interrupted (143 by SIGTERM)`;

/** @param done gets the exit code */
export function detachCommand(done: (exitCode: number) => void): Command {
  return new Command("detach")
    .summary("merge all rows of a table and leave a plain Lance table")
    .description("Merges all rows into the base table and removes write spec and log: a plain Lance table is left.")
    .argument("<path>", "a table")
    .option("--takeover", "fence a process that has the table open for writing, and go on")
    .option("--json", "print one JSON object")
    .addHelpText("after", HELP)
    .action(async (path: string, flags: DetachFlags) => {
      const { runDetach } = await import("../upkeep/run-detach.js");
      done(await runDetach(path, flags));
    });
}
