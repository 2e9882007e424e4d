/**
 * `pennon adopt` as a command.
 *
 * @module
 */
import pc from "picocolors";
import { openLanceTable } from "../../table/lance-catalog.js";
import { oneLine } from "../one-line.js";
import { findTableOrShard } from "../shard-path.js";
import { runUpkeep, type UpkeepFlags } from "./upkeep.js";

export interface AdoptFlags extends UpkeepFlags {
  readonly key: readonly string[];
}

/** @returns the exit code */
export function runAdopt(path: string, { json = false, key }: AdoptFlags): Promise<number> {
  return runUpkeep(async ({ signal, show }) => {
    findTableOrShard(path);
    const onRows = (rows: number, totalRows: number): void => show({ stage: "checking keys", rows, totalRows });
    const { tableDirectory: directory, primaryKey } = await openLanceTable({ path, primaryKey: key, signal, onRows });
    if (json) return `${JSON.stringify({ directory, primaryKey })}\n`;
    return `${pc.bold(oneLine(path))}: ready to be written to, by the key ${oneLine(primaryKey.join(", "))}\n`;
  });
}
