/**
 * `pennon compact` as a command.
 *
 * @module
 */
import pc from "picocolors";
import { openTable } from "../../table/open-table.js";
import { oneLine } from "../one-line.js";
import { counted, grouped, size } from "../quantities.js";
import { findShard } from "../shard-path.js";
import { runUpkeep, type UpkeepFlags } from "./upkeep.js";

/** @returns the exit code */
export function runCompact(path: string, { json = false }: UpkeepFlags): Promise<number> {
  return runUpkeep(async ({ signal, show }) => {
    findShard(path);
    show({ stage: "reading the log", rows: 0 });
    const table = await openTable(path, { signal });
    try {
      const { rows } = table.stats();
      await table.pauseMaintenance();
      show({ stage: "flushing", rows });
      if (rows > 0) await table.flush();
      signal.throwIfAborted();
      show({ stage: "merging", rows });
      const result = await table.compact();
      const { directory } = table;
      if (json) return `${JSON.stringify({ directory, ...result })}\n`;
      const { generations, rowsUpserted, rowsDeleted, bytesWritten } = result;
      const what =
        generations.length === 0
          ? "nothing to merge: every row is in the base table"
          : `merged ${counted(generations.length, "SSTable")}: ${counted(rowsUpserted, "row")} put, ${grouped(rowsDeleted)} deleted, ${size(bytesWritten)}`;
      return `${pc.bold(oneLine(path))}: ${what}\n`;
    } finally {
      await table.close();
    }
  });
}
