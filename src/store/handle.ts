/**
 * Handles: plain data that stands for a store and can be posted to other threads.
 *
 * @module
 */
import { UsageError } from "../errors.js";
import type { ArenaMemory } from "./arena.js";

/** A store, as plain data: `worker.postMessage(store.handle())`, then `BatchStore.attach(handle)` there. */
export interface StoreHandle {
  readonly kind: "pennon.BatchStore";
  /** The shared memory; a structured clone of it is the same memory. */
  readonly memory: ArenaMemory;
  /** Which use of the memory is meant: after it has been recycled the handle is refused. */
  readonly generation: number;
}

/** @throws UsageError unless `value` is a handle */
export function checkHandle(value: unknown): StoreHandle {
  if (isHandle(value)) return value;
  throw new UsageError("the value is not a store's handle; expected the result of BatchStore.handle()");
}

function isHandle(value: unknown): value is StoreHandle {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    value.kind === "pennon.BatchStore" &&
    "memory" in value &&
    typeof value.memory === "object" &&
    value.memory !== null &&
    "generation" in value &&
    typeof value.generation === "number"
  );
}
