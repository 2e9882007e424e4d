/**
 * Scans a snapshot: of each key the newest row, unless it was deleted. Newest tiers come first, and within a memtable newest batches.
 *
 * @module
 */
import type { RecordBatch, Schema } from "apache-arrow";
import { BatchGatherer } from "../arrow/batch-gatherer.js";
import { UsageError } from "../errors.js";
import { liveRows } from "./live-rows.js";
import type { Snapshot } from "./snapshot.js";

/** What is scanned for. */
export interface ScanOptions {
  /** Names of the columns wanted, in the order wanted. @default all */
  readonly select?: readonly string[];
  /** Rows at most. @default all */
  readonly limit?: number;
  /** Ends the scan: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** How a scan is carried out. */
export interface ScanConduct {
  /** Rows of a batch at most. @default 65,536 */
  readonly batchRows?: number;
  /** Copies large batches of memtables too: they stay valid when the snapshot is released. @default false */
  readonly copy?: boolean;
  /** Ends the scan, as the caller's own signal does. */
  readonly closed?: AbortSignal;
}

const DEFAULT_BATCH_ROWS = 65_536;

/**
 * The rows as record batches of the table's schema. They are views on the memory of memtables where those have large batches, valid until
 * the snapshot is released.
 *
 * @throws UsageError when `select` or `limit` is not what it should be, before anything is read
 * @throws GoneError when files of the snapshot were removed, which happens to one that is held longer than they are kept
 * @throws FullError when the keys of SSTables that are not merged do not fit into memory; StorageError when LanceDB fails
 */
export function scanSnapshot(
  snapshot: Snapshot,
  options: ScanOptions = {},
  conduct: ScanConduct = {},
): AsyncGenerator<RecordBatch, void> {
  return batches(snapshot, scanPlan(snapshot.table.schema, options, conduct));
}

/** Checks a scan before there is a snapshot. @throws UsageError as {@link scanSnapshot} */
export function checkScanOptions(schema: Schema, options: ScanOptions): void {
  scanPlan(schema, options, {});
}

/** A scan that has been checked. */
interface ScanPlan {
  readonly gatherer: BatchGatherer;
  readonly limit: number;
  readonly signals: readonly AbortSignal[];
}

/** @throws UsageError as {@link scanSnapshot} */
function scanPlan(schema: Schema, options: ScanOptions, conduct: ScanConduct): ScanPlan {
  const { select, limit = Number.POSITIVE_INFINITY, signal } = options;
  const { batchRows = DEFAULT_BATCH_ROWS, copy = false, closed } = conduct;
  if (limit !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(limit) && limit >= 0)) {
    throw new UsageError(`limit is ${String(limit)}; expected a whole number, 0 or more`);
  }
  if (!(Number.isSafeInteger(batchRows) && batchRows > 0)) {
    throw new UsageError(`batchRows is ${String(batchRows)}; expected a whole number, 1 or more`);
  }
  const gatherer = new BatchGatherer(schema, select, { batchRows, copy });
  const signals = [signal, closed].filter((one) => one !== undefined);
  return { gatherer, limit, signals };
}

async function* batches(snapshot: Snapshot, plan: ScanPlan): AsyncGenerator<RecordBatch, void> {
  const { gatherer, limit, signals } = plan;
  for (const signal of signals) signal.throwIfAborted();
  const done = snapshot.use();
  try {
    const columns = gatherer.schema.fields.map(({ name }) => name);
    for await (const { batch, rows } of liveRows(snapshot, { columns, limit, signals })) {
      yield* gatherer.add(batch.columns(), batch.rows, rows);
    }
    yield* gatherer.flush();
  } finally {
    done();
  }
}
