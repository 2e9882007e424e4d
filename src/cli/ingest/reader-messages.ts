/**
 * What the main thread and a reader thread say to each other. Of batches a reader learns from shared memory alone; how far it has
 * come it tells now and then, for people to see.
 *
 * ```
 * main → reader    store, store, …, end
 * reader → main    progress, progress, …, drained, progress, …, drained, …, result
 * ```
 *
 * @module
 */
import type { StoreHandle } from "../../store/handle.js";
import type { ColumnStatistics } from "./column-tally.js";

/** To a reader: another store to follow to its end, or that there is none. */
export type ToReader = { readonly kind: "store"; readonly handle: StoreHandle } | { readonly kind: "end" };

/** From a reader: how many batches it has been through; it has closed the oldest store it was given; or all it has found. */
export type FromReader =
  | { readonly kind: "progress"; readonly batches: number }
  | { readonly kind: "drained" }
  | { readonly kind: "result"; readonly columns: readonly ColumnStatistics[] };

export function isToReader(value: unknown): value is ToReader {
  return hasKind(value) && ((value.kind === "store" && "handle" in value) || value.kind === "end");
}

export function isFromReader(value: unknown): value is FromReader {
  if (!hasKind(value)) return false;
  if (value.kind === "progress") return "batches" in value && typeof value.batches === "number";
  return value.kind === "drained" || (value.kind === "result" && "columns" in value && Array.isArray(value.columns));
}

function hasKind(value: unknown): value is { readonly kind: unknown } {
  return typeof value === "object" && value !== null && "kind" in value;
}
