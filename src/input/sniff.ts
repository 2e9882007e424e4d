/**
 * Finding the format of a source: the first bytes decide; the extension only where they cannot (text without a mark of its own).
 *
 * | first bytes | format |
 * |---|---|
 * | `ARROW1`, or FF FF FF FF | Arrow IPC file, Arrow IPC stream |
 * | `PAR1` | Parquet |
 * | `{` or `[` after blanks | NDJSON, or one array of objects |
 * | other text | by extension; without a known one CSV, when its first line holds a delimiter |
 *
 * @module
 */

import { extname } from "node:path";
import { CorruptError, UsageError } from "../errors.js";
import type { InputFormat } from "./input.js";

/** How many bytes the decision may look at. */
export const SNIFF_BYTES = 64 * 1024;

/** Delimiters that a CSV file may use, in order of preference. */
export const DELIMITERS = [",", ";", "\t", "|"] as const;

const FORMAT_BY_EXTENSION: Readonly<Record<string, InputFormat>> = {
  ".arrow": "arrow",
  ".arrows": "arrow",
  ".feather": "arrow",
  ".ipc": "arrow",
  ".parquet": "parquet",
  ".pq": "parquet",
  ".csv": "csv",
  ".tsv": "csv",
  ".tab": "csv",
  ".txt": "csv",
  ".json": "ndjson",
  ".ndjson": "ndjson",
  ".jsonl": "ndjson",
};

/** True when the bytes start as a gzip member does. */
export function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b && head[2] === 8;
}

/**
 * The format of a source by its first bytes and its name.
 *
 * @throws UsageError when it cannot be told; CorruptError when the name says a binary format and the bytes disagree.
 */
export function sniffFormat(head: Uint8Array, name: string): InputFormat {
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString("latin1");
  if (text.startsWith("ARROW1") || text.startsWith("\xff\xff\xff\xff")) return "arrow";
  if (text.startsWith("PAR1")) return "parquet";
  if (text.startsWith("PARE")) throw new UsageError(`${name}: is an encrypted Parquet file, which cannot be read`);
  if (text.startsWith("FEA1")) {
    throw new UsageError(`${name}: is a Feather version 1 file; write it again as Feather version 2 (Arrow IPC)`);
  }
  const byName = FORMAT_BY_EXTENSION[extname(name.toLowerCase().replace(/\.gz$/, ""))];
  const content = text.replace(/^\xef\xbb\xbf/, "").trimStart();
  if (content === "" && byName !== "arrow" && byName !== "parquet") {
    throw new UsageError(`${name}: holds nothing but blanks`);
  }
  // Before version 0.15 a stream began with the length of its schema, without a mark.
  if (byName === "arrow" && isLegacyStream(head)) return "arrow";
  if (byName === "arrow" || byName === "parquet") {
    const expected =
      byName === "arrow" ? "an Arrow IPC file or stream (ARROW1, or FF FF FF FF)" : "a Parquet file (PAR1)";
    throw new CorruptError(`${name}: does not begin as ${expected} does`);
  }
  if (content.startsWith("{") || content.startsWith("[")) return "ndjson";
  if (byName !== undefined) return byName;
  const firstLine = content.slice(0, content.search(/[\r\n]|$/));
  if (!text.includes("\0") && DELIMITERS.some((delimiter) => firstLine.includes(delimiter))) return "csv";
  throw new UsageError(
    `${name}: unknown format; expected Arrow IPC, Parquet, CSV or NDJSON (name the format if it is one of these)`,
  );
}

function isLegacyStream(head: Uint8Array): boolean {
  const length = head.length < 8 ? 0 : new DataView(head.buffer, head.byteOffset).getInt32(0, true);
  return length > 0 && length < SNIFF_BYTES && length % 4 === 0;
}
