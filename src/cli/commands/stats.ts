/**
 * `pennon stats`: its options and its help. What it does is loaded when it is run.
 *
 * @module
 */
import { Command } from "commander";
import type { StatsFlags } from "../stats/run-stats.js";

const HELP = `
PATH is <database>/<table>, for the directory <database>/<table>.lance, or the
directory of a shard. Nothing is changed, and a writer may be at work.

Examples:
  $ pennon stats db/flights
  $ pennon stats --json db/flights | jq .log

Exit code:
  0  done
  2  wrong usage, or there is no such table`;

/** @param done gets the exit code */
export function statsCommand(done: (exitCode: number) => void): Command {
  return new Command("stats")
    .summary("show who writes to a table, its manifest, and what its log holds")
    .description("Shows a table's write spec, the owner, manifest and SSTables of its shard, and what its log holds.")
    .argument("<path>", "a table or the directory of a shard")
    .option("--json", "print one JSON object")
    .addHelpText("after", HELP)
    .action(async (path: string, flags: StatsFlags) => {
      const { runStats } = await import("../stats/run-stats.js");
      done(await runStats(path, flags));
    });
}
