/**
 * `pennon gc`: its options and its help. What it does is loaded when it is run.
 *
 * @module
 */
import { Command } from "commander";
import type { GcFlags } from "../gc/run-gc.js";
import { duration } from "../option-values.js";

const HELP = `
PATH is <database>/<table>, for the directory <database>/<table>.lance, or the
directory of a shard.

Removes what no reader needs any more: entries of the log that SSTables cover,
SSTables that are merged into the base table, old versions of the shard's
manifest, and what a crash has left behind. It may run while a process has the
table open for writing, and fences nobody. A merged SSTable is first dropped
from the manifest and an hour later removed; how long things have not been
needed is counted from the first run that finds them so.

Examples:
  $ pennon gc --dry-run db/flights
  $ pennon gc db/flights
  $ pennon gc --retention 0 db/flights

Exit code:
  0  done
  1  another writer took the table over meanwhile, or the storage fails
  2  wrong usage, or there is no such table`;

/** @param done gets the exit code */
export function gcCommand(done: (exitCode: number) => void): Command {
  return new Command("gc")
    .summary("remove what no reader of a table needs any more")
    .description("Removes covered entries, merged SSTables, old manifests and leftovers of a table's log.")
    .argument("<path>", "a table or the directory of a shard")
    .option("--dry-run", "list what would be removed, and why; change nothing")
    .option("--retention <time>", "how long a merged SSTable stays readable: 90s, 15m, 1h, 7d", duration)
    .option("--json", "print one JSON object")
    .addHelpText("after", HELP)
    .action(async (path: string, flags: GcFlags) => {
      const { runGc } = await import("../gc/run-gc.js");
      done(await runGc(path, flags));
    });
}
