/**
 * What maintenance tells of itself.
 *
 * @module
 */
import type { CompactionResult } from "./compactor-options.js";
import type { GarbageReport } from "./garbage-options.js";

export type MaintenanceTaskName = "flush" | "compact" | "collect" | "optimize";

/** How often a task was done, and what it failed with last. */
export interface TaskStatus {
  readonly done: number;
  readonly failed: number;
  /** Milliseconds of all of them. */
  readonly milliseconds: number;
  /** Message of the last failure, and when it was, in milliseconds since 1970; undefined when the last run succeeded. */
  readonly lastError: { readonly message: string; readonly atMs: number } | undefined;
}

export interface MaintenanceStatus {
  readonly paused: boolean;
  readonly tasks: Readonly<Record<MaintenanceTaskName, TaskStatus>>;
  /** SSTables that are listed and not merged into the base table, bytes of their rows, age of the oldest. */
  readonly unmerged: { readonly ssTables: number; readonly bytes: number; readonly oldestAgeMs: number };
  /** SSTables that are merged and still listed, for readers that opened the table before. */
  readonly retained: number;
  /** Generations up to this one are in the base table. */
  readonly mergedThrough: number;
  /** Why the base table's own record of merges could not be written; undefined when it is. */
  readonly watermarkProblem: string | undefined;
  /** Rows put into the base table and removed from it by merges. */
  readonly merged: { readonly rows: number; readonly deleted: number; readonly commits: number };
  /** Files removed by collections, and their bytes. */
  readonly collected: { readonly files: number; readonly bytes: number };
  /** Bytes written to SSTables, and to the base table by merges. */
  readonly written: { readonly ssTables: number; readonly base: number };
}

const NEVER: TaskStatus = { done: 0, failed: 0, milliseconds: 0, lastError: undefined };

/** Before anything was done. */
export const IDLE_STATUS: MaintenanceStatus = {
  paused: false,
  tasks: { flush: NEVER, compact: NEVER, collect: NEVER, optimize: NEVER },
  unmerged: { ssTables: 0, bytes: 0, oldestAgeMs: 0 },
  retained: 0,
  mergedThrough: 0,
  watermarkProblem: undefined,
  merged: { rows: 0, deleted: 0, commits: 0 },
  collected: { files: 0, bytes: 0 },
  written: { ssTables: 0, base: 0 },
};

/** What happened. */
export interface StatusChange {
  readonly paused?: boolean;
  /** A task that was done, or failed with `error`. */
  readonly task?: MaintenanceTaskName;
  readonly milliseconds?: number;
  readonly error?: unknown;
  readonly ssTableBytes?: number;
  readonly compaction?: CompactionResult;
  readonly collection?: GarbageReport;
  readonly progress?: Pick<MaintenanceStatus, "unmerged" | "retained" | "mergedThrough">;
}

/** Keeps the status. */
export class StatusKeeper {
  #status = IDLE_STATUS;

  get current(): MaintenanceStatus {
    return this.#status;
  }

  change(change: StatusChange): MaintenanceStatus {
    const { paused = this.#status.paused, progress = {}, task, compaction, collection, ssTableBytes } = change;
    this.#status = { ...this.#status, ...progress, paused };
    if (task !== undefined) this.#countTask(task, change);
    if (compaction !== undefined) this.#countCompaction(compaction);
    if (collection !== undefined) this.#countCollection(collection);
    if (ssTableBytes !== undefined) this.#countWritten({ ssTables: ssTableBytes, base: 0 });
    return this.#status;
  }

  #countTask(task: MaintenanceTaskName, { milliseconds = 0, error }: StatusChange): void {
    const before = this.#status.tasks[task];
    const failed = error === undefined ? 0 : 1;
    const message = error instanceof Error ? error.message : String(error);
    const after = {
      done: before.done + 1 - failed,
      failed: before.failed + failed,
      milliseconds: before.milliseconds + milliseconds,
      lastError: failed === 1 ? { message, atMs: Date.now() } : undefined,
    };
    this.#status = { ...this.#status, tasks: { ...this.#status.tasks, [task]: after } };
  }

  #countCompaction({ rowsUpserted, rowsDeleted, commits, bytesWritten, watermark }: CompactionResult): void {
    const { merged } = this.#status;
    this.#countWritten({ ssTables: 0, base: bytesWritten });
    this.#status = {
      ...this.#status,
      merged: {
        rows: merged.rows + rowsUpserted,
        deleted: merged.deleted + rowsDeleted,
        commits: merged.commits + commits,
      },
      watermarkProblem: watermark?.written === false ? watermark.reason : undefined,
    };
  }

  #countCollection({ removed }: GarbageReport): void {
    const { files, bytes } = this.#status.collected;
    const more = removed.reduce((sum, item) => sum + item.bytes, 0);
    this.#status = { ...this.#status, collected: { files: files + removed.length, bytes: bytes + more } };
  }

  #countWritten({ ssTables, base }: MaintenanceStatus["written"]): void {
    const { written } = this.#status;
    this.#status = {
      ...this.#status,
      written: { ssTables: written.ssTables + ssTables, base: written.base + base },
    };
  }
}
