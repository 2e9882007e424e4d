/**
 * `pennon ingest`: its options and its help. What it does is loaded when it is run, so that `--help` and `--version` are quick.
 *
 * @module
 */
import { Command, Option } from "commander";
import type { IngestFlags } from "../ingest/run-ingest.js";
import { byteSize, wholeNumber } from "../option-values.js";

const EXAMPLES = `
Formats are told by the first bytes: Arrow IPC (file and stream), Parquet, CSV
with a header row, NDJSON; each may be gzipped. Several files must have the same
columns. For strings and binary min, max and mean are lengths in bytes. A store
that is full is replaced by another once its readers are done with it, so files
may be larger than memory.

Examples:
  $ pennon ingest flights.parquet
  $ pennon ingest --readers 4 --json part-1.arrow part-2.arrow
  $ zstdcat events.ndjson.zst | pennon ingest -
  $ pennon ingest --limit 1000 --batch-rows 100 earthquakes.csv

Exit code:
  0    done, and all threads agree
  1    the threads disagree, or one of them died
  2    wrong usage or bad input
  70   a defect of pennon
  130  interrupted (143 by SIGTERM)`;

/** @param done gets the exit code */
export function ingestCommand(done: (exitCode: number) => void): Command {
  return new Command("ingest")
    .summary("read files into a shared-memory store that several threads follow live")
    .description(
      "Reads files into a store in shared memory, batch by batch, while reader threads follow it and compute statistics of every column in place. At the end all threads must agree on them.",
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
        .default(256 * 2 ** 20, "256M")
        .argParser(byteSize(2 ** 16, 2 ** 32)),
    )
    .option("--no-verify", "do not hold what the readers find against the source")
    .option("--json", "print one JSON object instead of a table")
    .addHelpText("after", EXAMPLES)
    .action(async (files: string[], flags: IngestFlags) => {
      const { runIngest } = await import("../ingest/run-ingest.js");
      done(await runIngest(files, flags));
    });
}
