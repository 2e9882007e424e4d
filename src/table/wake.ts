/**
 * Wakes a follower when a log may have moved.
 *
 * @module
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";

/** Longest time between two looks. */
const RECHECK_MS = 500;
/** Events after which there may be more, of whichever table. */
const WAKING = ["pennon:flush", "pennon:error", "pennon:fence"];

/** Wakes a follower when a log has moved, and twice a second in any case. */
export class Wake {
  readonly #signals: readonly AbortSignal[];
  #resolve: (() => void) | undefined;
  #moved = false;
  readonly #wake = (): void => {
    this.#moved = true;
    this.#resolve?.();
  };

  constructor(signals: readonly AbortSignal[]) {
    this.#signals = signals;
    for (const signal of signals) signal.addEventListener("abort", this.#wake);
    for (const name of WAKING) subscribe(name, this.#wake);
  }

  /** Resolves when something has happened since the last call. Keeps the process alive meanwhile. */
  async next(): Promise<void> {
    if (!this.#moved) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
        timer = setTimeout(resolve, RECHECK_MS);
      });
      clearTimeout(timer);
    }
    this.#resolve = undefined;
    this.#moved = false;
  }

  close(): void {
    for (const signal of this.#signals) signal.removeEventListener("abort", this.#wake);
    for (const name of WAKING) unsubscribe(name, this.#wake);
  }
}
