/**
 * Time, as the writer takes it: replaced in simulations by a clock that is moved by hand.
 *
 * @module
 */
export interface Timers {
  /** Milliseconds on a clock that only moves forward. */
  now(): number;
  /**
   * Calls `callback` once after `delayMs`. Returns what {@link clear} takes.
   *
   * @param keepsAlive whether the process must not end before
   */
  set(callback: () => void, delayMs: number, keepsAlive: boolean): unknown;
  /** Forgets a timer; `undefined` and timers that have fired are fine. */
  clear(timer: unknown): void;
  /** Resolves after `delayMs`; keeps the process alive. */
  sleep(delayMs: number): Promise<void>;
}

/** The clock of this machine. */
export const systemTimers: Timers = {
  now: () => performance.now(),
  set: (callback, delayMs, keepsAlive) => {
    const timer = setTimeout(callback, delayMs);
    return keepsAlive ? timer : timer.unref();
  },
  clear: (timer) => {
    if (timer instanceof Object) clearTimeout(timer as NodeJS.Timeout);
  },
  sleep: (delayMs) =>
    new Promise((resolve) => {
      setTimeout(resolve, delayMs);
    }),
};
