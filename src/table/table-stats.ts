/**
 * What a table tells of itself, put together from its writer and its maintenance.
 *
 * @module
 */
import { IDLE_STATUS } from "../compact/maintenance-status.js";
import type { SharedShard } from "./shared-shard.js";
import type { TableStats } from "./table-types.js";

export function tableStats(shared: SharedShard): TableStats {
  const { maintenance, table } = shared.current;
  const stats = shared.stats();
  const { memtables, written, putBytes } = stats;
  const status = maintenance?.status ?? IDLE_STATUS;
  const bytes = written.bytes + status.written.ssTables + status.written.base;
  return {
    directory: table.tableDirectory,
    rows: memtables.reduce((sum, { rows }) => sum + rows, 0),
    ...stats,
    maintenance: status,
    writeAmplification: putBytes === 0 ? 0 : bytes / putBytes,
  };
}
