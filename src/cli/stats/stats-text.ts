/**
 * The output of `pennon stats` for people: a block for the table, and one for each shard.
 *
 * @module
 */
import pc from "picocolors";
import type { MemWalIndex, ShardingField } from "../../lance/mem-wal-index.js";
import type { ShardManifest } from "../../lance/shard-manifest.js";
import type { Owner } from "../../table/owner.js";
import { oneLine } from "../one-line.js";
import { counted, grouped, size } from "../quantities.js";
import { type ShardStats, ssTableCounts, unknownBytes } from "./shard-stats.js";

const LABEL_WIDTH = 12;
const MOST_LISTED = 10;

type Line = readonly [label: string, text: string];

/** @param index undefined for a table without a write spec. @param directory of the table, undefined for a shard without one */
export function statsText(
  name: string,
  directory: string | undefined,
  index: MemWalIndex | undefined,
  shards: readonly ShardStats[],
): string {
  const table: Line[] = directory === undefined ? [] : [["table", directory], ...specLines(index)];
  if (shards.length === 0) table.push(["log", "none: it gets one when it is first opened for writing"]);
  const blocks = [table, ...shards.map(shardLines)].filter((lines) => lines.length > 0);
  return `${pc.bold(oneLine(name))}\n${blocks.map(block).join("\n")}`;
}

function block(lines: readonly Line[]): string {
  return lines.map(([label, text]) => `  ${pc.dim(label.padEnd(LABEL_WIDTH))}${oneLine(text)}\n`).join("");
}

function specLines(index: MemWalIndex | undefined): Line[] {
  if (index === undefined) return [["write spec", "none: LanceDB writes to it without a log"]];
  const { shardingSpecs, maintainedIndexes, writerConfigDefaults, tableVersion } = index;
  const fields = shardingSpecs.flatMap((spec) => spec.fields).map(fieldText);
  const lines: Line[] = [
    ["version", `${tableVersion} of the base table`],
    ["write spec", fields.length === 0 ? "no sharding" : fields.join(", ")],
  ];
  if (maintainedIndexes.length > 0) lines.push(["indexes", `kept up to date: ${maintainedIndexes.join(", ")}`]);
  const config = [...writerConfigDefaults].map(([key, value]) => `${key}=${value}`);
  config.forEach((text, i) => {
    lines.push([i === 0 ? "config" : "", text]);
  });
  return lines;
}

function fieldText({ transform, expression, parameters }: ShardingField): string {
  const values = [...parameters].map(([key, value]) => `${key}=${value}`).join(", ");
  return `${transform ?? expression ?? "unknown"}${values === "" ? "" : ` (${values})`}`;
}

function shardLines(shard: ShardStats): Line[] {
  const { shardId, directory, owner, manifest, log, next } = shard;
  const { replayed, all } = log;
  const lines: Line[] = [
    ["shard", shardId],
    ["directory", directory],
    ["owner", ownerText(owner)],
    ...manifestLines(manifest),
    ...mergedLines(shard),
    [
      "log",
      `${counted(replayed.entries, "entry", "entries")} to replay, ${counted(replayed.rows, "row")} in ${counted(replayed.batches, "batch", "batches")}, ${size(replayed.bytes)}; the next is ${grouped(next)}`,
    ],
  ];
  if (all.entries > replayed.entries) {
    lines.push(["", `${counted(all.entries - replayed.entries, "entry", "entries")} before, that SSTables cover`]);
  }
  [...log.counters].slice(0, MOST_LISTED).forEach(([name, value], i) => {
    lines.push([i === 0 ? "counters" : "", `${name} = ${value}`]);
  });
  if (log.counters.size > MOST_LISTED) lines.push(["", `… ${log.counters.size - MOST_LISTED} more`]);
  const problem = log.problem(manifest);
  if (problem !== undefined)
    lines.push(["damage", `${problem}; pennon wal lists them, pennon repair says what can be done`]);
  return lines;
}

function mergedLines(shard: ShardStats): Line[] {
  const { mergedThrough = 0, manifest } = shard;
  if (manifest === undefined || (mergedThrough === 0 && manifest.ssTables.length === 0)) return [];
  const { unmerged, retained } = ssTableCounts(shard);
  const through =
    mergedThrough === 0 ? "nothing yet" : `generations 1 to ${grouped(mergedThrough)} into the base table`;
  return [["merged", `${through}; ${grouped(unmerged)} not yet, ${grouped(retained)} kept for readers of before`]];
}

function ownerText(owner: Owner | undefined): string {
  if (owner === undefined) return "none: nobody on this machine has it open for writing";
  const { pid, since, epoch, answers } = owner;
  const parts = [pid === undefined ? "a process" : `process ${pid}`];
  if (since !== undefined) parts.push(`since ${since}`);
  if (epoch !== undefined) parts.push(`epoch ${epoch}`);
  if (!answers) parts.push("does not answer: stopped, or busy");
  return parts.join(", ");
}

function manifestLines(manifest: ShardManifest | undefined): Line[] {
  if (manifest === undefined) return [["manifest", "none"]];
  const { version, writerEpoch, status, replayAfter, lastSeen, ssTables, currentGeneration } = manifest;
  const lines: Line[] = [
    [
      "manifest",
      `version ${version}, epoch ${writerEpoch}, ${typeof status === "number" ? `status ${status}` : status}`,
    ],
    ["covered", replayAfter === 0 ? "no entry by SSTables" : `entries 1 to ${grouped(replayAfter)} by SSTables`],
    ["last seen", lastSeen === 0 ? "no entry" : `entry ${grouped(lastSeen)}, when it was written`],
    [
      "SSTables",
      `${ssTables.length === 0 ? "none" : grouped(ssTables.length)}; the next is generation ${currentGeneration}`,
    ],
  ];
  for (const { generation, path, physicalRows } of ssTables.slice(-MOST_LISTED)) {
    const rows = physicalRows === undefined ? "" : `, ${counted(physicalRows, "row")}`;
    lines.push(["", `generation ${generation} in ${path}${rows}`]);
  }
  const unknown = unknownBytes(manifest);
  if (unknown > 0)
    lines.push(["", `${counted(unknown, "byte")} of fields that this version does not know; they are kept`]);
  return lines;
}
