/**
 * The suite `memtable`: the primary-key index of a memtable, what it costs a put, and the way of the rows from there into the base table.
 */
// @ts-check
import { flushCase } from "./memtable-flush.mjs";
import { indexCases } from "./memtable-index.mjs";
import { putCase } from "./memtable-put.mjs";
import { upsertCase } from "./memtable-upsert.mjs";
import { BenchDisk } from "./wal-disk.mjs";

const disk = new BenchDisk();

/** @type {import("./run.mjs").Suite} */
export const memtableSuite = {
  cases: [...indexCases, putCase, flushCase(disk), upsertCase(disk)],
  close: () => disk.remove(),
};
