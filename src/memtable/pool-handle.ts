/**
 * Handles of pools: plain data that stands for a pool and can be posted to any number of threads, once.
 *
 * @module
 */
import { UsageError } from "../errors.js";
import type { MemtableHandle } from "./memtable-handle.js";

/** A pool, as plain data: `worker.postMessage(pool.handle())`, then `PoolReader.attach(handle)` there. */
export interface PoolHandle {
  readonly kind: "pennon.MemtablePool";
  /** The control words; a structured clone of it is the same memory. */
  readonly control: SharedArrayBuffer;
  /** The arena of each slot. What is in it says the control memory, not the generation in here. */
  readonly arenas: readonly MemtableHandle[];
}

/** @throws UsageError unless `value` is a handle of a pool */
export function checkPoolHandle(value: unknown): PoolHandle {
  if (isPoolHandle(value)) return value;
  throw new UsageError("the value is not a memtable pool's handle; expected the result of pool.handle()");
}

function isPoolHandle(value: unknown): value is PoolHandle {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    value.kind === "pennon.MemtablePool" &&
    "control" in value &&
    value.control instanceof SharedArrayBuffer &&
    "arenas" in value &&
    Array.isArray(value.arenas)
  );
}
