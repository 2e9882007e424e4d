/**
 * Work in slices: what takes long in this thread gives way to others every millisecond.
 *
 * @module
 */
import { setImmediate } from "node:timers/promises";

/** How long others may have to wait. */
const SLICE_MS = 1;

export class TimeSlice {
  #began = performance.now();

  /** Resolves in the next turn of the event loop when this slice is over, else at once. */
  giveWay(): Promise<void> | undefined {
    if (performance.now() - this.#began < SLICE_MS) return undefined;
    return this.#next();
  }

  async #next(): Promise<void> {
    await setImmediate();
    this.#began = performance.now();
  }
}
