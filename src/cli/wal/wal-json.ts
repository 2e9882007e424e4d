/**
 * The output of `pennon wal --json`: one JSON object, of which each entry is one line, so that a log of any length can be printed
 * while it is read.
 *
 * @module
 */
import type { SurveyFinding } from "../../lance/log-survey.js";
import type { ShardManifest } from "../../lance/shard-manifest.js";
import type { ShardPlace } from "../shard-path.js";
import { type LogTotals, plainCounters } from "./log-totals.js";

/** Up to the first entry. */
export function walJsonHeading(place: ShardPlace, manifest: ShardManifest | undefined): string {
  const { writerEpoch = null, version = null, replayAfter = 0, lastSeen = 0 } = manifest ?? {};
  const heading = {
    shard: place.shardId,
    directory: place.shardDirectory,
    manifest: manifest === undefined ? null : { version, epoch: writerEpoch, replayAfter, lastSeen },
  };
  return `${JSON.stringify(heading).slice(0, -1)},"entries":[`;
}

/** One entry, or several that are missing, with what parts it from the one before. */
export function walJsonLine(finding: SurveyFinding, first: boolean): string {
  return `${first ? "" : ","}\n${JSON.stringify(plain(finding))}`;
}

/** From behind the last entry to the end. */
export function walJsonSummary(totals: LogTotals, problem: string | undefined): string {
  const { all, replayed, fences, damaged, strange, missing, checksums, counters } = totals;
  const summary = {
    totals: { ...all, fences, damaged, otherColumns: strange, missing, checksums },
    replay: replayed,
    counters: plainCounters(counters),
    sound: problem === undefined,
    ...(problem === undefined ? {} : { problem }),
  };
  return `\n],${JSON.stringify(summary).slice(1)}\n`;
}

function plain(finding: SurveyFinding): object {
  if (finding.kind === "missing") {
    return { kind: "missing", first: finding.from, last: finding.to - 1, count: finding.to - finding.from };
  }
  const { position, key, bytes, covered, inspection, damage } = finding;
  const { writerEpoch, sentinel, own, batches, rows, dictionaries, checksum } = inspection ?? {};
  return {
    kind: sentinel === true ? "fence" : "entry",
    position,
    file: key,
    bytes,
    covered,
    ...(inspection === undefined ? {} : { epoch: writerEpoch, batches, rows, dictionaries, checksum }),
    ...(own === undefined
      ? {}
      : { writer: own.writerId, sequence: own.sequence, durable: own.durable, counters: plainCounters(own.counters) }),
    ...(damage === undefined ? {} : { damage }),
  };
}
