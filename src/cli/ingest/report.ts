/**
 * The output of `pennon ingest`: a table for people, or one JSON object for programs.
 *
 * @module
 */
import { basename } from "node:path";
import pc from "picocolors";
import { oneLine } from "../one-line.js";
import { counted, short, size } from "../quantities.js";
import { columnCells, columnReport } from "./column-report.js";
import type { IngestResult } from "./ingest.js";
import { type TableColumn, tableLines } from "./table.js";

/** What the report says besides the result. */
export interface IngestFigures {
  readonly rows: number;
  readonly batches: number;
  /** Bytes of the rows in memory, without padding. */
  readonly bytes: number;
  readonly seconds: number;
  readonly readers: number;
  readonly verified: boolean;
}

const COLUMNS: readonly TableColumn[] = [
  { title: "column", align: "left", most: 20 },
  { title: "type", align: "left", most: 13 },
  { title: "nulls", align: "right", most: 12 },
  { title: "min", align: "right", most: 20 },
  { title: "max", align: "right", most: 20 },
  { title: "mean", align: "right", most: 20 },
  { title: "checksum", align: "left", most: 8 },
];
/** A table is made to fit a terminal of this width, and no narrower one. */
const LEAST_WIDTH = 80;

/** The table and the lines around it, with a line break at the end; `width` is the terminal's, if there is one. */
export function reportText(result: IngestResult, figures: IngestFigures, width = Number.POSITIVE_INFINITY): string {
  const { rows, batches, bytes, seconds } = figures;
  const [only] = result.sources;
  const from =
    only !== undefined && result.sources.length === 1
      ? oneLine(basename(only.name))
      : counted(result.sources.length, "file");
  const heading = `${pc.bold(counted(rows, "row"))} in ${counted(batches, "batch", "batches")}, ${size(bytes)}, from ${from}`;
  const stores = result.stores > 1 ? `, through ${counted(result.stores, "store")}` : "";
  const time = `${seconds.toFixed(2)} s (${short(rows / seconds)} rows/s, ${size(bytes / seconds)}/s)${stores}`;
  const lines = [heading, pc.dim(time)];
  if (result.columns.length > 0) {
    const [titles = "", ...cells] = fitted(result, Math.max(width, LEAST_WIDTH));
    lines.push("", pc.bold(titles), ...cells, "");
  }
  const verdict = verdictText(result, figures);
  if (verdict !== "") lines.push(verdict);
  return `${lines.join("\n")}\n`;
}

/** One JSON object on one line, with a line break at the end. */
export function reportJson(result: IngestResult, figures: IngestFigures): string {
  const { fields } = result.schema;
  const report = {
    rows: figures.rows,
    batches: figures.batches,
    bytes: figures.bytes,
    stores: result.stores,
    seconds: Number(figures.seconds.toFixed(3)),
    readers: figures.readers,
    verified: figures.verified,
    // Nobody to compare with is not the same as agreement.
    agree: figures.readers + Number(figures.verified) < 2 ? null : result.disagreement === undefined,
    ...(result.disagreement === undefined ? {} : { disagreement: result.disagreement }),
    sources: result.sources,
    columns: result.columns.flatMap((column, i) => {
      const field = fields[i];
      return field === undefined ? [] : [columnReport(field, column)];
    }),
  };
  return `${JSON.stringify(report)}\n`;
}

function fitted(result: IngestResult, width: number): string[] {
  const cells = result.columns.flatMap((column, i) => {
    const field = result.schema.fields[i];
    return field === undefined ? [] : columnCells(field, column);
  });
  const rows = cells.map(({ name, type, nulls, min, max, mean, checksum }) => [
    name,
    type,
    nulls,
    min,
    max,
    mean,
    checksum,
  ]);
  const wide = tableLines(
    COLUMNS.map((column) => ({ ...column, most: column.title === "checksum" ? 8 : 48 })),
    rows,
  );
  if (wide.every((line) => [...line].length <= width)) return wide;
  const normal = tableLines(COLUMNS, rows);
  if (normal.every((line) => [...line].length <= width)) return normal;
  // Dates are the widest cells: their time of day goes.
  return tableLines(
    COLUMNS.map((column) => ({ ...column, most: NARROW[column.title] ?? column.most })),
    rows.map((row) => row.map((cell) => cell.replace(/^([-+]?\d{4,6}-\d\d-\d\d) \d\d:.*$/, "$1"))),
  );
}

const NARROW: Readonly<Record<string, number>> = { column: 16, nulls: 9, min: 10, max: 10, mean: 10 };

function verdictText(result: IngestResult, { readers, verified, rows }: IngestFigures): string {
  if (result.disagreement !== undefined || rows === 0) return "";
  const who = counted(readers, "reader");
  if (readers === 0) return verified ? "Computed by the writer; there were no readers." : "";
  if (verified) return `${pc.green("✓")} ${who} and the writer agree`;
  return readers === 1 ? "Computed by 1 reader." : `${pc.green("✓")} ${who} agree`;
}
