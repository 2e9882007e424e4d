/**
 * `pennon adopt`: its options and its help. What it does is loaded when it is run.
 *
 * @module
 */
import { Command, Option } from "commander";
import type { AdoptFlags } from "../upkeep/run-adopt.js";

const HELP = `
PATH is <database>/<table>, for the directory <database>/<table>.lance.

Reads the key column of all rows: no value may be null, and no two the same.
Then the column is made not nullable, and the table gets its primary key and its
write spec; its rows stay where they are. It can be ended and run again at any
moment. The key is int32, int64, utf8 or binary, and a single column: LanceDB
can set no other in a table that is there. Rows that others add with LanceDB's
add() are not checked.

Examples:
  $ pennon adopt db/flights --key id

Exit code:
  0    done, or it was a table of Pennon already
  1    it has another key, or the storage fails
  2    wrong usage, there is no such table, or rows that cannot have this key
  130  interrupted (143 by SIGTERM)`;

/** @param done gets the exit code */
export function adoptCommand(done: (exitCode: number) => void): Command {
  return new Command("adopt")
    .summary("make a table of LanceDB one that Pennon writes to")
    .description(
      "Checks the keys of a LanceDB table and gives it the primary key and the write spec that Pennon needs.",
    )
    .argument("<path>", "a table")
    .addOption(
      new Option("--key <column>", "the key column")
        .argParser((column: string, before: readonly string[] = []) => [...before, column])
        .makeOptionMandatory(),
    )
    .option("--json", "print one JSON object")
    .addHelpText("after", HELP)
    .action(async (path: string, flags: AdoptFlags) => {
      const { runAdopt } = await import("../upkeep/run-adopt.js");
      done(await runAdopt(path, flags));
    });
}
