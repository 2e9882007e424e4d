/**
 * The output of `pennon ingest --into`: a few lines for people, or one JSON object for programs.
 *
 * @module
 */
import { basename } from "node:path";
import pc from "picocolors";
import { oneLine } from "../one-line.js";
import { counted, grouped, short, size } from "../quantities.js";
import type { TableIngestResult } from "./table-ingest.js";

/** With a line break at the end. */
export function intoText(table: string, result: TableIngestResult, seconds: number): string {
  const { rows, skippedRows, entries, bytes, sources, key, duplicates, exact, finished } = result;
  const [only] = sources;
  const from =
    only !== undefined && sources.length === 1 ? oneLine(basename(only.name)) : counted(sources.length, "file");
  const lines = [
    `${pc.bold(counted(rows, "row"))} into ${oneLine(table)}, ${size(bytes)}, from ${from}`,
    pc.dim(
      `${seconds.toFixed(2)} s (${short(rows / seconds)} rows/s, ${size(bytes / seconds)}/s), ${counted(entries, "entry", "entries")} of the log${entries === 0 ? "" : ` of ${size(bytes / entries)}`}`,
    ),
  ];
  if (skippedRows > 0) lines.push(`${counted(skippedRows, "row")} left out: an earlier run had put them`);
  if (key === undefined) lines.push("Every row has a number of its own, _row_id");
  else if (duplicates !== undefined) lines.push(duplicatesText(duplicates, exact, key));
  lines.push(`${pc.green("✓")} durable${finished ? ", all in the base table" : ""}`);
  return `${lines.join("\n")}\n`;
}

/** One JSON object on one line, with a line break at the end. */
export function intoJson(table: string, result: TableIngestResult, seconds: number): string {
  const { directory, rows, skippedRows, entries, bytes, sources, key, duplicates, exact, finished } = result;
  const report = {
    table,
    directory,
    rows,
    skippedRows,
    entries,
    bytes,
    seconds: Number(seconds.toFixed(3)),
    key: key ?? null,
    ...(duplicates === undefined ? {} : { duplicates, duplicatesExact: exact }),
    durable: true,
    finished,
    sources,
  };
  return `${JSON.stringify(report)}\n`;
}

function duplicatesText(duplicates: number, exact: boolean, key: readonly string[]): string {
  const name = oneLine(key.join(", "));
  const least = exact ? "" : ", at least";
  if (duplicates === 0) return `No two rows have the same ${name}${exact ? "" : ", as far as was counted"}`;
  return `${grouped(duplicates)}${least} ${duplicates === 1 ? "row replaces an earlier one" : "rows replace earlier ones"} with the same ${name}`;
}
