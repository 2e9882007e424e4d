/**
 * The suite `wal`: what a durable put costs, alone and in company, what it leaves of the caller's thread, and how soon a log is open again.
 */
// @ts-check
import { BenchDisk } from "./wal-disk.mjs";
import { groupCases } from "./wal-group.mjs";
import { ingestCase } from "./wal-ingest.mjs";
import { loneCase } from "./wal-lone.mjs";
import { loopCase } from "./wal-loop.mjs";
import { objectCase } from "./wal-objects.mjs";
import { replayCases } from "./wal-replay.mjs";

const disk = new BenchDisk();

/** @type {import("./run.mjs").Suite} */
export const walSuite = {
  cases: [
    loneCase(disk),
    ...groupCases(disk),
    objectCase(disk),
    loopCase(disk),
    ingestCase(disk),
    ...replayCases(disk),
  ],
  close: () => disk.remove(),
};
