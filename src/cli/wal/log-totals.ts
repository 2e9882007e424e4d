/**
 * What a log holds in all, added up while it is surveyed.
 *
 * @module
 */
import { COLUMNS_ADVICE } from "../../lance/entry-frame.js";
import type { SurveyFinding } from "../../lance/log-survey.js";
import type { ShardManifest } from "../../lance/shard-manifest.js";
import { counted } from "../quantities.js";

/** Entries of some kind, and what is in them. */
export interface Totals {
  entries: number;
  rows: number;
  batches: number;
  bytes: number;
}

export class LogTotals {
  /** All entries that are there; what is behind the SSTables, and so is replayed. */
  readonly all: Totals = { entries: 0, rows: 0, batches: 0, bytes: 0 };
  readonly replayed: Totals = { entries: 0, rows: 0, batches: 0, bytes: 0 };
  readonly checksums = { ok: 0, absent: 0, wrong: 0 };
  fences = 0;
  damaged = 0;
  /** Entries that are sound and have other columns than the table. */
  strange = 0;
  missing = 0;
  /** Newest position that is there, 0 in an empty log. */
  newest = 0;
  /** Of the newest entry that has any. */
  counters: ReadonlyMap<string, bigint> = new Map();
  #highestEpoch = 0;

  add(finding: SurveyFinding): void {
    if (finding.kind === "missing") {
      this.missing += finding.to - finding.from;
      return;
    }
    const { inspection, bytes, covered, position } = finding;
    for (const totals of covered ? [this.all] : [this.all, this.replayed]) {
      totals.entries++;
      totals.rows += inspection?.rows ?? 0;
      totals.batches += inspection?.batches ?? 0;
      totals.bytes += bytes;
    }
    this.newest = Math.max(this.newest, position);
    if (finding.damage !== undefined) {
      if (finding.sound) this.strange++;
      else this.damaged++;
    }
    if (inspection === undefined) return;
    this.checksums[inspection.checksum]++;
    if (inspection.sentinel) this.fences++;
    if (!covered) this.#highestEpoch = Math.max(this.#highestEpoch, inspection.writerEpoch);
    if (finding.damage === undefined && inspection.own !== undefined) this.counters = inspection.own.counters;
  }

  /** What is wrong with the log, in a few words; undefined when nothing is. */
  problem(manifest: ShardManifest | undefined): string | undefined {
    const parts: string[] = [];
    if (this.damaged > 0) parts.push(`${counted(this.damaged, "entry is", "entries are")} damaged`);
    if (this.missing > 0) parts.push(`${counted(this.missing, "entry is", "entries are")} missing`);
    if (this.strange > 0) {
      const entries = counted(this.strange, "sound entry has", "sound entries have");
      parts.push(`${entries} other columns than the table (${COLUMNS_ADVICE})`);
    }
    const epoch = manifest?.writerEpoch ?? 0;
    if (this.#highestEpoch > epoch) {
      parts.push(
        `entries have epoch ${this.#highestEpoch}, the manifest ${manifest === undefined ? "is missing" : epoch}`,
      );
    }
    return parts.length === 0 ? undefined : parts.join(", ");
  }
}

/** Counters as JSON: numbers, or text where a number would round. */
export function plainCounters(counters: ReadonlyMap<string, bigint>): Record<string, number | string> {
  const plain = ([name, value]: [string, bigint]): [string, number | string] => [
    name,
    value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : String(value),
  ];
  return Object.fromEntries([...counters].map(plain));
}
