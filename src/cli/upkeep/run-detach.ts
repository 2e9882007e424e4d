/**
 * `pennon detach` as a command.
 *
 * @module
 */
import pc from "picocolors";
import { detachTable } from "../../table/detach-table.js";
import { oneLine } from "../one-line.js";
import { counted, grouped } from "../quantities.js";
import { findTableOrShard } from "../shard-path.js";
import { runUpkeep, type UpkeepFlags } from "./upkeep.js";

export interface DetachFlags extends UpkeepFlags {
  readonly takeover?: boolean;
}

const STAGES = { open: "reading the log", flush: "flushing", merge: "merging", remove: "removing the log" };

/** @returns the exit code */
export function runDetach(path: string, { json = false, takeover = false }: DetachFlags): Promise<number> {
  return runUpkeep(async ({ signal, show }) => {
    findTableOrShard(path);
    const onStep = (step: keyof typeof STAGES): void => show({ stage: STAGES[step], rows: 0 });
    const result = await detachTable(path, { takeover, signal, onStep });
    if (json) return `${JSON.stringify(result)}\n`;
    const { detached, rowsUpserted, rowsDeleted } = result;
    const what = detached
      ? `a plain Lance table now; merged ${counted(rowsUpserted, "row")}, deleted ${grouped(rowsDeleted)}`
      : "is a plain Lance table already";
    return `${pc.bold(oneLine(path))}: ${what}\n`;
  });
}
