/**
 * Batches on their way into a memtable and the log, and the bounds that they must keep to.
 *
 * @module
 */
import type { RecordBatchLike } from "../arrow/shape.js";
import { FullError } from "../errors.js";
import { ENTRY_BOUNDS } from "../lance/wal-entry.js";
import type { WaitingPut } from "./waiting-put.js";

/** Batches that are appended together, and the puts they are of. */
export interface PutGroup {
  readonly batches: readonly RecordBatchLike[];
  readonly rows: number;
  readonly puts: readonly WaitingPut[];
}

/** @throws FullError when they are more than an entry of the log can hold */
export function assertFitsEntry({ batches, rows }: PutGroup): void {
  if (rows > ENTRY_BOUNDS.rows) {
    throw new FullError(
      `one put is atomic and must fit into one entry of the log: it has ${rows} rows, at most ${ENTRY_BOUNDS.rows} fit; put fewer rows at once`,
      "rows",
    );
  }
  if (batches.length > ENTRY_BOUNDS.batches) {
    throw new FullError(
      `one put is atomic and must fit into one entry of the log: it has ${batches.length} batches, at most ${ENTRY_BOUNDS.batches} fit; join them, or put fewer at once`,
      "batches",
    );
  }
}

/** Why the log cannot hold more, undefined when it can. */
export function logProblem(
  held: number,
  more: number,
  most: number,
  what: "rows" | "batches" | "bytes",
): FullError | undefined {
  if (held + more <= most) return undefined;
  return new FullError(
    `the log holds ${held} ${what} that no SSTable covers, at most ${most} may be there (LanceDB must be able to replay them), and nothing drains it`,
    what,
  );
}
