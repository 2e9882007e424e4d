/**
 * `pennon repair`: its options and its help. What it does is loaded when it is run.
 *
 * @module
 */
import { Command } from "commander";
import type { RepairFlags } from "../repair/run-repair.js";

const HELP = `
PATH is <database>/<table>, for the directory <database>/<table>.lance, or the
directory of a shard.

A log in which an entry is damaged or missing cannot be opened. Repair shows
which entries these are and what is lost with them, and changes nothing. With
--yes it claims the shard, copies each damaged entry into a directory of its own
in the shard's, and puts an entry without rows in its place, so that all others
are read, in their order. Nothing is deleted. An entry that is sound and has
other columns than the table is left alone, unless --drop-sound says so: change
the table's columns back instead. It refuses while a process has the
table open for writing.

Examples:
  $ pennon repair db/flights
  $ pennon repair --yes db/flights

Exit code:
  0  nothing to repair, or repaired
  1  there is something to repair, or the table is in use
  2  wrong usage, or there is no such log`;

/** @param done gets the exit code */
export function repairCommand(done: (exitCode: number) => void): Command {
  return new Command("repair")
    .summary("set damaged entries of a table's log aside, after showing what is lost")
    .description("Makes a log with damaged or missing entries one that opens again, with all rows that are left.")
    .argument("<path>", "a table or the directory of a shard")
    .option("--yes", "do it; without, only say what would be done")
    .option("--drop-sound", "with --yes: also set aside entries that only have other columns than the table")
    .option("--json", "print one JSON object")
    .addHelpText("after", HELP)
    .action(async (path: string, flags: RepairFlags) => {
      const { runRepair } = await import("../repair/run-repair.js");
      done(await runRepair(path, flags));
    });
}
