/**
 * Handles of memtables: plain data that can be posted to other threads.
 *
 * @module
 */
import { UsageError } from "../errors.js";
import type { StoreHandle } from "../store/handle.js";

/** A memtable, as plain data: `worker.postMessage(memtable.handle())`, then `Memtable.attach(handle)` there. */
export interface MemtableHandle {
  readonly kind: "pennon.Memtable";
  readonly store: StoreHandle;
  /** Names of the key columns, in the order of the key. */
  readonly primaryKey: readonly string[];
  /** As in `MemtableOptions`. */
  readonly ordered: boolean;
  readonly maxRows: number;
}

/** @throws UsageError unless `value` is a handle */
export function checkMemtableHandle(value: unknown): MemtableHandle {
  if (isHandle(value)) return value;
  throw new UsageError("the value is not a memtable's handle; expected the result of Memtable.handle()");
}

function isHandle(value: unknown): value is MemtableHandle {
  if (typeof value !== "object" || value === null) return false;
  const { kind, store, primaryKey, ordered, maxRows }: Partial<Record<keyof MemtableHandle, unknown>> = value;
  return (
    kind === "pennon.Memtable" &&
    typeof store === "object" &&
    Array.isArray(primaryKey) &&
    typeof ordered === "boolean" &&
    typeof maxRows === "number"
  );
}
