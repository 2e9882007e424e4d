/**
 * Looks rows up as of now. What the memtables know needs no file; only for the rest of the keys is a snapshot taken.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import { type FoundRow, findInMemtables, findRows } from "./find-rows.js";
import type { SnapshotSource } from "./snapshot-source.js";

/**
 * Reads the live rows with these keys: every row that could be read before the call is seen.
 *
 * @param keys as `findRows` takes them, whose errors are thrown too, and those of `SnapshotSource.capture`
 * @param read makes what is returned of a row, at once: its batch may be used anew afterwards
 * @returns for each key what `read` has made; undefined when there is no row
 */
export async function lookUp<T>(
  source: SnapshotSource,
  keys: readonly Data[],
  read: (found: FoundRow) => T,
  signal?: AbortSignal,
): Promise<(T | undefined)[]> {
  signal?.throwIfAborted();
  const captured = source.memtables();
  try {
    const findings = findInMemtables(source.table, captured.memtables, keys);
    if (!findings.includes(undefined)) return findings.map((found) => (isRow(found) ? read(found) : undefined));
  } finally {
    captured.release();
  }
  // Rows may have moved on meanwhile, so all keys are looked for anew.
  const snapshot = await source.capture(signal);
  try {
    const rows = await findRows(snapshot, keys);
    return rows.map((found) => (found === undefined ? undefined : read(found)));
  } finally {
    snapshot.release();
  }
}

function isRow(found: FoundRow | "deleted" | undefined): found is FoundRow {
  return found !== undefined && found !== "deleted";
}
