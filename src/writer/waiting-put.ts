/**
 * A put, or a delete, from the call until its promise settles.
 *
 * @module
 */
import { OutcomeUnknownError, UsageError } from "../errors.js";
import type { Counters } from "./counters.js";
import type { Position } from "./position.js";

/**
 * What must be true of rows before their put resolves. `disk`: they survive a loss of power. `os`: they survive the end of this process.
 * `memory`: reads through this writer see them.
 */
export type Durability = "disk" | "os" | "memory";

/** @throws UsageError unless it is one of the three */
export function checkDurability(durability: Durability): void {
  if (durability !== "disk" && durability !== "os" && durability !== "memory") {
    throw new UsageError(`durability is ${JSON.stringify(durability)}; expected "disk", "os" or "memory"`);
  }
}

export class WaitingPut {
  readonly durability: Durability;
  readonly counters: Counters | undefined;
  readonly promise: Promise<Position>;
  readonly #resolve: (position: Position) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;
  #settled = false;
  #position: Position | undefined;

  /** @param onAbort called once when the signal aborts before the put has settled */
  constructor(
    durability: Durability,
    counters: Counters | undefined,
    signal: AbortSignal | undefined,
    onAbort: (put: WaitingPut) => void,
  ) {
    this.durability = durability;
    this.counters = counters;
    let resolve = (_: Position): void => {};
    let reject = (_: unknown): void => {};
    this.promise = new Promise((onResolve, onReject) => {
      resolve = onResolve;
      reject = onReject;
    });
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    this.#onAbort = () => onAbort(this);
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Where the rows are, once they are appended. */
  get position(): Position | undefined {
    return this.#position;
  }

  /** Says where the rows are. With durability `memory` that is all that was waited for. */
  appended(position: Position): void {
    this.#position = position;
    if (this.durability === "memory") this.resolve(position);
  }

  resolve(position: Position): void {
    if (this.#settle()) this.#resolve(position);
  }

  reject(reason: unknown): void {
    if (this.#settle()) this.#reject(reason);
  }

  /** Ends the put, none of whose rows is anywhere yet. */
  rejectAborted(): void {
    this.reject(this.#signal?.reason);
  }

  /** Ends the wait, not the put: its rows are appended already. */
  abandon(): void {
    const cause: unknown = this.#signal?.reason;
    this.reject(
      new OutcomeUnknownError("the wait was aborted after the rows had been appended; they may become durable", {
        cause,
        position: this.#position,
      }),
    );
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    return true;
  }
}
