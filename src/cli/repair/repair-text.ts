/**
 * The output of `pennon repair` for people.
 *
 * @module
 */
import pc from "picocolors";
import { COLUMNS_ADVICE } from "../../lance/entry-frame.js";
import { isSound, type Repaired, type RepairPlan } from "../../lance/repair.js";
import { oneLine } from "../one-line.js";
import { counted, grouped, size } from "../quantities.js";
import type { ShardPlace } from "../shard-path.js";

/** Damaged entries that are shown one by one. */
const MOST_SHOWN = 100;

/** What was found, and what of it is lost. */
export function planText(place: ShardPlace, plan: RepairPlan): string {
  const name = oneLine(place.name);
  const { damaged, missing, epochAhead, kept, keptBehind } = plan;
  const whole = `${counted(kept.entries, "entry", "entries")} with ${counted(kept.rows, "row")}`;
  if (isSound(plan)) return `${pc.green("✓")} ${name}: nothing to repair; ${whole} to replay are sound\n`;

  const lines = [`${pc.bold(name)}: shard ${place.shardId}`, ""];
  for (const { position, key, bytes, damage, sound, covered, rows, batches } of damaged.slice(0, MOST_SHOWN)) {
    const state = sound ? "is sound, and not of this table" : "is damaged";
    lines.push(`${pc.red(`Entry ${grouped(position)} ${state}`)}: ${oneLine(damage)}`, `  ${key}, ${size(bytes)}`);
    if (sound) lines.push(`  ${COLUMNS_ADVICE}`);
    const counts = `${counted(rows, "row")} in ${counted(batches, "batch", "batches")} can be counted in it`;
    const loss = batches === 0 ? "its rows cannot be counted" : counts;
    lines.push(`  ${covered ? "SSTables hold its rows: nothing is lost with it" : loss}`);
  }
  if (damaged.length > MOST_SHOWN) lines.push(`… and ${grouped(damaged.length - MOST_SHOWN)} more damaged entries`);
  for (const { from, to } of missing) {
    const entries =
      to - from === 1 ? `Entry ${grouped(from)} is` : `Entries ${grouped(from)} to ${grouped(to - 1)} are`;
    lines.push(
      `${pc.red(`${entries} missing`)}: nobody knows how many rows were in ${to - from === 1 ? "it" : "them"}`,
    );
  }
  if (epochAhead !== undefined) {
    lines.push(
      `${pc.red("The manifest is behind")}: entries have epoch ${epochAhead}, so LanceDB does not open the log`,
    );
  }
  lines.push("", lostLine(plan));
  const behind =
    keptBehind.entries === 0
      ? ""
      : `, among them ${counted(keptBehind.entries, "entry", "entries")} with ${counted(keptBehind.rows, "row")} behind the first damage`;
  lines.push(`Kept: ${whole}, in order${behind}`);
  return `${lines.join("\n")}\n`;
}

/** What `--yes` would do. */
export function todoText(plan: RepairPlan): string {
  const steps = ["claim the shard, which fences every other writer"];
  if (plan.missing.length > 0) steps.unshift("fill the missing positions with entries without rows");
  if (plan.damaged.length > 0) {
    steps.push(
      "copy the damaged entries to a directory quarantine-… in the shard's directory, and put entries without rows in their places",
    );
  }
  const flags = plan.damaged.some(({ sound }) => sound) ? "--yes --drop-sound" : "--yes";
  return `\n${[`Nothing was changed. With ${flags} it would`, ...steps.map((step) => `  - ${step}`)].join("\n")}\n`;
}

/** What was done. */
export function doneText(place: ShardPlace, { epoch, quarantine }: Repaired): string {
  const [record = ""] = quarantine;
  const aside =
    quarantine.length === 0
      ? ""
      : `\n  what was set aside is in ${oneLine(place.shardDirectory)}/${record.replace(/\/[^/]*$/, "")}`;
  return `\n${pc.green("✓")} repaired, as epoch ${epoch}; every entry of the log is sound${aside}\n`;
}

function lostLine({ damaged, missing }: RepairPlan): string {
  const needed = damaged.filter(({ covered }) => !covered);
  const rows = needed.reduce((sum, entry) => sum + entry.rows, 0);
  if (needed.length === 0 && missing.length === 0) return "Lost: nothing";
  const count = needed.length + missing.reduce((sum, { from, to }) => sum + to - from, 0);
  const many = rows === 0 ? "how many is not known" : `${grouped(rows)} or more`;
  return `Lost: the rows of ${counted(count, "entry", "entries")}, ${many}`;
}
