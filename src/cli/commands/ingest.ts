/**
 * `pennon ingest`: its options and its help. What it does is loaded when it is run, so that `--help` and `--version` are quick.
 *
 * @module
 */
import { Command, Option } from "commander";
import { UsageError } from "../../errors.js";
import type { IngestFlags } from "../ingest/run-ingest.js";
import type { IntoFlags } from "../into/run-into.js";
import { byteSize, wholeNumber } from "../option-values.js";

/** The options as commander hands them over: those of both forms. */
type Flags = IngestFlags &
  Omit<IntoFlags, "into" | "key"> & { readonly into?: string; readonly key?: readonly string[] };

const MIB = 2 ** 20;

const EXAMPLES = `
Formats are told by the first bytes: Arrow IPC (file and stream), Parquet, CSV
with a header row, NDJSON; each may be gzipped. Several files must have the same
columns. For strings and binary min, max and mean are lengths in bytes. A store
that is full is replaced by another once its readers are done with it, so files
may be larger than memory.

With --into the rows go into a Lance table instead, which is created when there
is none, and are durable when the command ends. With --key a row replaces an
earlier one with the same key; without, each row gets a number, _row_id. Stopped
or killed in the middle and started again with --resume, it goes on behind the
rows that are durable, and ends with exactly the rows of the files. Rows flow on
into the table's base by themselves, while it is open; with --finish the command
ends when the last of them are there, for every reader of Lance.

Examples:
  $ pennon ingest flights.parquet
  $ pennon ingest --readers 4 --json part-1.arrow part-2.arrow
  $ zstdcat events.ndjson.zst | pennon ingest -
  $ pennon ingest --limit 1000 --batch-rows 100 earthquakes.csv
  $ pennon ingest flights.parquet --into db/flights
  $ pennon ingest users.csv --into db/users --key id --resume
  $ pennon ingest flights.parquet --into db/flights --finish

Exit code:
  0    done, and all threads agree
  1    the threads disagree, one of them died, or the table is in use or full
  2    wrong usage or bad input
  70   a defect of pennon
  130  interrupted (143 by SIGTERM)`;

/** @param done gets the exit code */
export function ingestCommand(done: (exitCode: number) => void): Command {
  return new Command("ingest")
    .summary("read files into a shared-memory store that several threads follow live, or into a table")
    .description(
      "Reads files into a store in shared memory, batch by batch, while reader threads follow it and compute statistics of every column in place. At the end all threads must agree on them. With --into: reads files into a Lance table.",
    )
    .argument("<file...>", "Arrow IPC, Parquet, CSV or NDJSON files; - is standard input")
    .addOption(new Option("--readers <n>", "reader threads, 0 to 64").default(2).argParser(wholeNumber(0, 64)))
    .addOption(
      new Option("--batch-rows <n>", "most rows of a batch, 1 to 1000000")
        .default(8192)
        .argParser(wholeNumber(1, 1_000_000)),
    )
    .addOption(new Option("--limit <n>", "stop after so many rows").argParser(wholeNumber(0, Number.MAX_SAFE_INTEGER)))
    .addOption(
      new Option("--format <format>", "format of all files, when their bytes do not tell it").choices([
        "arrow",
        "parquet",
        "csv",
        "ndjson",
      ]),
    )
    .addOption(
      new Option("--store-bytes <size>", "shared memory for each of two stores, 64K to 4G")
        .default(256 * MIB, "256M")
        .argParser(byteSize(2 ** 16, 2 ** 32)),
    )
    .option("--no-verify", "do not hold what the readers find against the source")
    .option("--json", "print one JSON object instead of a table")
    .addOption(
      new Option("--into <table>", "put the rows into <database>/<table>, durably").conflicts([
        "readers",
        "storeBytes",
        "verify",
      ]),
    )
    .addOption(
      new Option("--key <column>", "key column of the table; may be given several times").argParser(
        (column: string, before: readonly string[] = []) => [...before, column],
      ),
    )
    .option("--resume", "go on behind the rows that an earlier run has put")
    .addOption(
      new Option("--memory <size>", "memory for the rows of the table, 64M to 1024G (default: 1G)").argParser(
        byteSize(64 * MIB, 2 ** 40),
      ),
    )
    .option("--finish", "end with all rows in the base table: flush, merge and collect")
    .option("--takeover", "fence a process that has the table open for writing, and go on")
    .addHelpText("after", EXAMPLES)
    .action(async (files: string[], flags: Flags) => {
      const { into, key = [], resume = false, memory = 1024 * MIB, takeover = false, finish = false } = flags;
      if (into !== undefined) {
        const { runInto } = await import("../into/run-into.js");
        done(await runInto(files, { ...flags, into, key, resume, memory, takeover, finish }));
        return;
      }
      for (const option of ["key", "resume", "memory", "takeover", "finish"] as const) {
        if (flags[option] !== undefined)
          throw new UsageError(`--${option} needs --into, the table to put the rows into`);
      }
      const { runIngest } = await import("../ingest/run-ingest.js");
      done(await runIngest(files, flags));
    });
}
