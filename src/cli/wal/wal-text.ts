/**
 * The output of `pennon wal` for people. Widths are fixed, as the lines of a log of any length are printed while it is read.
 *
 * ```
 *   position   epoch  writer     sequence  batches       rows      bytes  checksum
 *          1       1  fence             -        0          0      256 B  ok
 *          2       1  0f3a9c21          1        3      1,000    36.9 kB  ok
 *          3       2  other             -        1        100    4.10 kB  none
 *          4       ?  ?                 ?        0          0      700 B  ?         damaged
 *             wal/0010….arrow: bytes 0 to 700: the file is cut off in its schema message
 *     5 - 6   missing
 * ```
 *
 * @module
 */
import pc from "picocolors";
import type { MissingEntries, SurveyedEntry, SurveyFinding } from "../../lance/log-survey.js";
import type { ShardManifest } from "../../lance/shard-manifest.js";
import { oneLine } from "../one-line.js";
import { counted, grouped, size } from "../quantities.js";
import type { ShardPlace } from "../shard-path.js";
import type { LogTotals } from "./log-totals.js";

const WRITER_DIGITS = 8;
const MOST_COUNTERS = 10;

/** The lines before the entries. */
export function walHeading(place: ShardPlace, manifest: ShardManifest | undefined): string {
  const covered = manifest?.replayAfter ?? 0;
  const state =
    manifest === undefined
      ? "no manifest"
      : `epoch ${manifest.writerEpoch}, ${covered === 0 ? "no SSTables" : `SSTables cover entries 1 to ${grouped(covered)}`}`;
  const titles = cells("position", "epoch", "writer", "sequence", "batches", "rows", "bytes", "checksum", "");
  return `${pc.bold(oneLine(place.name))}: shard ${place.shardId}, ${state}\n\n${pc.bold(titles)}\n`;
}

/** The lines of one entry, or of several that are missing. */
export function walLines(finding: SurveyFinding): string {
  return finding.kind === "missing" ? missingLine(finding) : entryLines(finding);
}

/** The lines behind the entries. */
export function walSummary(totals: LogTotals): string {
  const { all, replayed, checksums, fences, counters } = totals;
  const lines = [
    `${pc.bold(counted(all.entries, "entry", "entries"))}, ${counted(all.rows, "row")} in ${counted(all.batches, "batch", "batches")}, ${size(all.bytes)}${fences > 0 ? `; ${counted(fences, "fence")}` : ""}`,
    `Checksums: ${grouped(checksums.ok)} right, ${grouped(checksums.wrong)} wrong, ${grouped(checksums.absent)} absent (entries of LanceDB have none)`,
  ];
  if (replayed.entries < all.entries) {
    lines.push(`To replay: ${counted(replayed.entries, "entry", "entries")}, ${counted(replayed.rows, "row")}`);
  }
  const shown = [...counters].slice(0, MOST_COUNTERS).map(([name, value]) => `${oneLine(name)} = ${value}`);
  if (counters.size > MOST_COUNTERS) shown.push(`… ${counters.size - MOST_COUNTERS} more`);
  if (shown.length > 0) lines.push(`Counters: ${shown.join(", ")}`);
  return `\n${lines.join("\n")}\n`;
}

function missingLine({ from, to }: MissingEntries): string {
  const positions = to - from === 1 ? grouped(from) : `${grouped(from)} - ${grouped(to - 1)}`;
  return pc.red(`${positions.padStart(10)}  missing\n`);
}

function entryLines({ position, key, bytes, inspection, damage, sound }: SurveyedEntry): string {
  const place = grouped(position);
  if (inspection === undefined) {
    const line = cells(place, "?", "?", "?", "?", "?", size(bytes), "?", "damaged");
    return pc.red(`${line}\n${damageLine(key, damage)}`);
  }
  const { writerEpoch, sentinel, own, batches, rows, checksum } = inspection;
  const line = cells(
    place,
    String(writerEpoch),
    sentinel ? "fence" : (own?.writerId.slice(0, WRITER_DIGITS) ?? "other"),
    own === undefined ? "-" : grouped(own.sequence),
    grouped(batches),
    grouped(rows),
    size(bytes),
    checksum === "absent" ? "none" : checksum,
    damage === undefined ? "" : sound ? "other columns" : "damaged",
  );
  return damage === undefined ? `${line}\n` : pc.red(`${line}\n${damageLine(key, damage)}`);
}

function damageLine(key: string, damage: string | undefined): string {
  return `            ${oneLine(`${key}: ${damage ?? ""}`)}\n`;
}

function cells(
  position: string,
  epoch: string,
  writer: string,
  sequence: string,
  batches: string,
  rows: string,
  bytes: string,
  checksum: string,
  state: string,
): string {
  const cells = [
    position.padStart(10),
    epoch.padStart(6),
    writer.padEnd(WRITER_DIGITS),
    sequence.padStart(9),
    batches.padStart(7),
    rows.padStart(9),
    bytes.padStart(7),
    checksum.padEnd(8),
    state,
  ];
  return cells.join("  ").trimEnd();
}
