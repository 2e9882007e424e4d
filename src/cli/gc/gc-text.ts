/**
 * The output of `pennon gc` for people.
 *
 * @module
 */
import pc from "picocolors";
import type { GarbageItem, GarbageKind, KeptItems } from "../../compact/garbage-options.js";
import { oneLine } from "../one-line.js";
import { counted, grouped, size } from "../quantities.js";
import type { CollectedShard, GcFlags } from "./run-gc.js";

/** Files that a dry run shows one by one. */
const MOST_SHOWN = 1_000;

const KINDS: Readonly<Record<GarbageKind, readonly [one: string, many: string]>> = {
  entry: ["entry of the log", "entries of the log"],
  ssTable: ["file of merged SSTables", "files of merged SSTables"],
  orphan: ["file of SSTables that are not listed", "files of SSTables that are not listed"],
  manifest: ["old version of the manifest", "old versions of the manifest"],
  temporary: ["temporary file", "temporary files"],
};

export function gcText(name: string, shards: readonly CollectedShard[], flags: GcFlags): string {
  if (shards.length === 0) return `${oneLine(name)}: no log, nothing to remove\n`;
  return shards.map((shard) => shardText(name, shard, flags)).join("\n");
}

function shardText(name: string, { shardId, report }: CollectedShard, { dryRun = false }: GcFlags): string {
  const { removed, unlisted, kept, more } = report;
  const lines = [`${pc.bold(oneLine(name))}: shard ${shardId}`];
  if (unlisted.length > 0) {
    lines.push(`${dryRun ? "Would drop" : "Dropped"} ${counted(unlisted.length, "merged SSTable")} from the manifest`);
  }
  for (const [kind, [one, many]] of Object.entries(KINDS)) {
    const items = removed.filter((item) => item.kind === kind && !item.isDirectory);
    if (items.length === 0) continue;
    lines.push(`${dryRun ? "Would remove" : "Removed"} ${counted(items.length, one, many)}, ${size(bytesOf(items))}`);
  }
  if (removed.length === 0) lines.push(dryRun ? "Nothing to remove" : "Nothing was removed");
  if (dryRun) {
    for (const { key, bytes, reason } of removed.slice(0, MOST_SHOWN)) {
      lines.push(`  ${oneLine(key)}  ${size(bytes)}  ${reason}`);
    }
    if (removed.length > MOST_SHOWN) lines.push(`  … and ${grouped(removed.length - MOST_SHOWN)} more`);
  }
  for (const items of kept) lines.push(pc.dim(keptLine(items)));
  if (more) lines.push("There is more to remove; run it again");
  return `${lines.join("\n")}\n`;
}

function keptLine({ kind, count, reason }: KeptItems): string {
  const what = { entry: "entries", ssTable: "merged SSTables", orphan: "directories", manifest: "manifests" };
  return `Kept ${grouped(count)} ${kind === "temporary" ? "temporary files" : what[kind]}: ${reason}`;
}

function bytesOf(items: readonly GarbageItem[]): number {
  return items.reduce((sum, { bytes }) => sum + bytes, 0);
}
