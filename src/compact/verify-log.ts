/**
 * Verifies the log of a shard: what is to be replayed is whole, without gaps, in the order of the epochs, and fits the table.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import { surveyLog } from "../lance/log-survey.js";
import { WAL_PREFIX, walKey } from "../lance/names.js";
import type { ShardManifest } from "../lance/shard-manifest.js";
import type { ObjectStore } from "../storage/object-store.js";
import { ADVICE, type Finding } from "./verify-findings.js";

/** @param manifest the newest of the shard. @param shard directory of the shard, relative to the table's */
export async function* verifyLog(
  store: ObjectStore,
  shard: string,
  manifest: ShardManifest,
  schema: Schema | undefined,
  signal?: AbortSignal,
): AsyncGenerator<Finding, void, undefined> {
  const { replayAfter, lastSeen, writerEpoch } = manifest;
  let newest = 0;
  let epoch = 0;
  for await (const found of surveyLog(store, { replayAfter, lastSeen, schema, signal })) {
    if (found.kind === "missing") {
      const many = found.to - found.from > 1 ? ` to ${found.to - 1}` : "";
      const problem = `entry ${found.from}${many} is missing, though there are or were later ones`;
      yield { severity: "error", file: `${shard}/${walKey(found.from)}`, problem, advice: ADVICE.repair };
      continue;
    }
    const file = `${shard}/${found.key}`;
    newest = found.position;
    if (found.damage !== undefined) {
      yield found.covered
        ? { severity: "warning", file, problem: found.damage, advice: "SSTables hold its rows: nothing is lost" }
        : { severity: "error", file, problem: found.damage, advice: ADVICE.repair };
    }
    const { inspection } = found;
    // The fence of a claimant that was overtaken may come late.
    if (inspection === undefined || inspection.sentinel) continue;
    if (inspection.writerEpoch < epoch || (!found.covered && inspection.writerEpoch > writerEpoch)) {
      const expected = inspection.writerEpoch < epoch ? `${epoch} at least, as before` : `${writerEpoch} at most`;
      const problem = `its writer had epoch ${inspection.writerEpoch}; expected ${expected}`;
      yield { severity: "error", file, problem, advice: ADVICE.repair };
    }
    epoch = Math.max(epoch, inspection.writerEpoch);
  }
  if (replayAfter > Math.max(newest, lastSeen)) {
    const problem = `SSTables are said to cover entries up to ${replayAfter}, and the newest that was seen is ${Math.max(newest, lastSeen)}`;
    yield { severity: "error", file: `${shard}/${WAL_PREFIX}`, problem, advice: ADVICE.repair };
  }
  if (replayAfter > 0 && manifest.currentGeneration === 1) {
    const problem = `entries up to ${replayAfter} are said to be covered, and there never was an SSTable`;
    yield { severity: "error", file: `${shard}/${WAL_PREFIX}`, problem, advice: ADVICE.repair };
  }
}
