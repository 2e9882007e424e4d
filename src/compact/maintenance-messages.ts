/**
 * What a table and its maintenance thread say to each other. Requests have a number, under which they are answered; events come unasked.
 *
 * @module
 */
import type { Flushed, FlushPlan } from "../writer/flusher.js";
import type { PlainError } from "../writer/plain-error.js";
import type { CompactionResult } from "./compactor-options.js";
import type { GarbageReport } from "./garbage-options.js";
import type { MaintainedTable } from "./maintained-table.js";
import type { MaintenanceSettings } from "./maintenance-options.js";
import type { MaintenanceStatus } from "./maintenance-status.js";
import type { OptimizeOutcome } from "./optimize-outcome.js";

/** How the thread is started. */
export interface MaintenanceThreadData {
  readonly table: MaintainedTable;
  readonly settings: MaintenanceSettings;
}

/** What is asked of the thread. */
export type MaintenanceRequest =
  | { readonly kind: "flush"; readonly plan: FlushPlan }
  | { readonly kind: "compact" | "collect" | "optimize" | "pause" | "resume" | "status" | "close" };

/** What each request is answered with. */
export interface MaintenanceAnswers {
  readonly flush: Flushed;
  readonly compact: CompactionResult;
  readonly collect: GarbageReport;
  readonly optimize: OptimizeOutcome;
  readonly pause: undefined;
  readonly resume: undefined;
  readonly status: undefined;
  readonly close: undefined;
}

export type ToMaintenance =
  | (MaintenanceRequest & { readonly id: number })
  /** The oldest entry of the log that a follower needs. */
  | { readonly kind: "retain"; readonly from: number | undefined };

/** What happened unasked. */
export type MaintenanceEvent =
  | { readonly name: "compaction" | "collection"; readonly message: object }
  | { readonly name: "maintenance-error"; readonly message: { readonly task: string; readonly error: PlainError } };

export type FromMaintenance =
  | { readonly id: number; readonly ok: true; readonly value: MaintenanceAnswers[MaintenanceRequest["kind"]] }
  | { readonly id: number; readonly ok: false; readonly error: PlainError }
  | { readonly event: MaintenanceEvent }
  | { readonly status: MaintenanceStatus };
