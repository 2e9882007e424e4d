/**
 * `pennon flush` as a command.
 *
 * @module
 */
import pc from "picocolors";
import { openTable } from "../../table/open-table.js";
import { oneLine } from "../one-line.js";
import { counted, size } from "../quantities.js";
import { findShard } from "../shard-path.js";
import { runUpkeep, type UpkeepFlags } from "./upkeep.js";

/** @returns the exit code */
export function runFlush(path: string, { json = false }: UpkeepFlags): Promise<number> {
  return runUpkeep(async ({ signal, show }) => {
    findShard(path);
    show({ stage: "reading the log", rows: 0 });
    const table = await openTable(path, { signal });
    try {
      const { rows } = table.stats();
      show({ stage: "flushing", rows });
      await table.pauseMaintenance();
      if (rows > 0) await table.flush();
      const { directory, flushed } = table.stats();
      const { ssTables, bytes } = flushed;
      if (json) return `${JSON.stringify({ directory, rows: flushed.rows, ssTables, bytes })}\n`;
      const what =
        ssTables === 0
          ? "nothing to flush: no rows are in the log alone"
          : `${counted(flushed.rows, "row")} in ${counted(ssTables, "SSTable")}, ${size(bytes)}`;
      return `${pc.bold(oneLine(path))}: ${what}\n`;
    } finally {
      await table.close();
    }
  });
}
