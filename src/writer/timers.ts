/**
 * Time, as the writer takes it: replaced in simulations by a clock that is moved by hand.
 *
 * @module
 */
export interface Timers {
  /** Milliseconds on a clock that only moves forward. */
  now(): number;
  /** Calls `callback` once after `delayMs`; does not keep the process alive. Returns what {@link clear} takes. */
  set(callback: () => void, delayMs: number): unknown;
  /** Forgets a timer; `undefined` and timers that have fired are fine. */
  clear(timer: unknown): void;
  /** Resolves after `delayMs`; keeps the process alive. */
  sleep(delayMs: number): Promise<void>;
}

/** The clock of this machine. */
export const systemTimers: Timers = {
  now: () => performance.now(),
  set: (callback, delayMs) => setTimeout(callback, delayMs).unref(),
  clear: (timer) => {
    if (timer instanceof Object) clearTimeout(timer as NodeJS.Timeout);
  },
  sleep: (delayMs) =>
    new Promise((resolve) => {
      setTimeout(resolve, delayMs);
    }),
};
