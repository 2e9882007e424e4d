/**
 * Upserts rows into a base table, past its log, as one commit of LanceDB.
 *
 * LanceDB's public `mergeInsert(…).execute` takes tables apart and writes them with apache-arrow, which leaves out buffers that Lance
 * demands (see arrow/ipc-file.ts). Below it lies the call of the native module that takes an Arrow file as it is; that one is used. It is
 * there in the one version that we speak, and its absence is a clear error.
 *
 * @module
 */
import type { Table } from "@lancedb/lancedb";
import { UsageError } from "../errors.js";

/** What a merge did. */
export interface MergedRows {
  readonly inserted: number;
  readonly updated: number;
}

/** The native module's objects, as far as they are used. */
interface NativeTable {
  mergeInsert(on: string[]): NativeMerge;
}
interface NativeMerge {
  whenMatchedUpdateAll(): NativeMerge;
  whenNotMatchedInsertAll(): NativeMerge;
  useLsm(enable: boolean): NativeMerge;
  setTimeout(timeoutMs: number): void;
  execute(file: Buffer): Promise<{ readonly numInsertedRows: number; readonly numUpdatedRows: number }>;
}

/**
 * @param table at the version that the rows are compared with
 * @param primaryKey its key columns
 * @param file an Arrow IPC file of rows whose keys differ, in plain memory; must not change before the promise settles
 * @param timeoutMs after so long LanceDB gives up, wherever it is, also when the process stood still meanwhile
 * @throws UsageError when this LanceDB cannot do it; else LanceDB's own errors: then the rows may be in the table, or not
 */
export async function mergeRows(
  table: Table,
  primaryKey: readonly string[],
  file: Uint8Array,
  timeoutMs: number,
): Promise<MergedRows> {
  const merge = nativeOf(table).mergeInsert([...primaryKey]);
  const upsert = merge.whenMatchedUpdateAll().whenNotMatchedInsertAll().useLsm(false);
  upsert.setTimeout(timeoutMs);
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const { numInsertedRows, numUpdatedRows } = await upsert.execute(bytes);
  return { inserted: numInsertedRows, updated: numUpdatedRows };
}

function nativeOf(table: Table): NativeTable {
  const { inner }: { inner?: unknown } = { ...table };
  if (isNative(inner)) return inner;
  throw new UsageError(
    "the installed package @lancedb/lancedb takes no Arrow files; expected the version that Pennon names as its peer",
  );
}

function isNative(value: unknown): value is NativeTable {
  if (typeof value !== "object" || value === null) return false;
  const { mergeInsert }: { mergeInsert?: unknown } = value;
  return typeof mergeInsert === "function";
}
