/**
 * `pennon wal`: its options and its help. What it does is loaded when it is run.
 *
 * @module
 */
import { Command } from "commander";
import type { WalFlags } from "../wal/run-wal.js";

const HELP = `
PATH is <database>/<table>, for the directory <database>/<table>.lance, or the
directory of a shard. Nothing is changed, and a writer may be at work.

Each entry has a line: its position, the epoch and the id of its writer ("fence"
for an entry without rows that fences older writers, "other" for one that is not
of Pennon, such as LanceDB's), its number among the writer's own, what is in it,
and what its checksum says (ok, wrong, none).

Examples:
  $ pennon wal db/flights
  $ pennon wal --json db/flights | jq '.entries[] | select(.damage)'

Exit code:
  0  every entry is there and sound
  1  entries are damaged or missing, or have other columns than the table
  2  wrong usage, or there is no such log`;

/** @param done gets the exit code */
export function walCommand(done: (exitCode: number) => void): Command {
  return new Command("wal")
    .summary("list the entries of a table's log and check every one")
    .description("Lists the entries of a table's write-ahead log, checks every checksum, and reports what is missing.")
    .argument("<path>", "a table or the directory of a shard")
    .option("--json", "print one JSON object, with one entry a line")
    .addHelpText("after", HELP)
    .action(async (path: string, flags: WalFlags) => {
      const { runWal } = await import("../wal/run-wal.js");
      done(await runWal(path, flags));
    });
}
