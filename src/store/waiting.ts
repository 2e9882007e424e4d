/**
 * Waiting for batches to be committed, and following them.
 *
 * Threads wait on the word `committed` itself. The writer notifies after it has stored the new length, but nothing here relies on
 * that: every wait is bounded by `RECHECK_MS` and looks at the words again, so a missed notify costs time and never a batch.
 *
 * A wait in progress is held by a timer, as a pending `Atomics.waitAsync` does not keep a Node process, or a worker, alive.
 *
 * @module
 */
import { ClosedError, GoneError, UsageError } from "../errors.js";
import type { Control } from "./control.js";

/** Longest time between two looks at the committed length. */
const RECHECK_MS = 500;
/** Time between two looks where the engine has no `Atomics.waitAsync`. */
const POLL_MS = 4;

export interface WaitOptions {
  /** Milliseconds to wait at most. @default no limit */
  readonly timeout?: number;
  /** Ends the wait: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Waits of one handle, so that closing the handle ends them. */
export class Waiting {
  readonly #control: Control;
  readonly #wakes = new Set<() => void>();
  #closed = false;

  constructor(control: Control) {
    this.#control = control;
  }

  /** Ends all waits with `ClosedError`. */
  close(): void {
    this.#closed = true;
    for (const wake of [...this.#wakes]) wake();
  }

  /** See `BatchStore.waitForLength`. */
  async until(length: number, options: WaitOptions): Promise<number> {
    const deadline = deadlineOf(options.timeout);
    const { generation } = this.#control;
    for (;;) {
      options.signal?.throwIfAborted();
      if (this.#closed) throw new ClosedError("the store handle was closed while waiting for batches");
      // Only to a wait of the writer's own handle: readers are closed before the memory is used anew.
      if (this.#control.generation !== generation)
        throw new GoneError("the store was recycled while waiting for batches");
      const finished = this.#control.finished;
      const committed = this.#control.committed; // after `finished`: what was published before it is in this length
      const left = deadline - performance.now();
      if (committed >= length || finished || left <= 0) return committed;
      await this.#changed(committed, Math.min(left, RECHECK_MS), options.signal);
    }
  }

  /** See `BatchStore.waitForLengthSync`. */
  untilSync(length: number, timeout: number | undefined): number {
    const control = this.#control;
    const deadline = deadlineOf(timeout);
    control.enterWait();
    try {
      for (;;) {
        const finished = control.finished;
        const committed = control.committed;
        const left = deadline - performance.now();
        if (committed >= length || finished || left <= 0) return committed;
        control.waitSync(committed, Math.min(left, RECHECK_MS));
      }
    } finally {
      control.leaveWait();
    }
  }

  /** Resolves when something may have changed: a notify, a close, an abort, or the time. */
  #changed(committed: number, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const control = this.#control;
    const { promise, resolve } = deferred();
    control.enterWait();
    const notified = control.waitAsync(committed, timeoutMs);
    const timer = setTimeout(resolve, notified === undefined ? Math.min(POLL_MS, timeoutMs) : timeoutMs);
    notified?.then(resolve, resolve);
    signal?.addEventListener("abort", resolve, { once: true });
    this.#wakes.add(resolve);
    return promise.finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", resolve);
      this.#wakes.delete(resolve);
      control.leaveWait();
    });
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

function deadlineOf(timeout: number | undefined): number {
  if (timeout === undefined) return Number.POSITIVE_INFINITY;
  if (!(timeout >= 0)) throw new UsageError(`timeout is ${String(timeout)}; expected milliseconds, 0 or more`);
  return performance.now() + timeout; // the clock on the wall may be set while we wait
}
