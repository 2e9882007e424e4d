/**
 * In which order a writer has taken its steps. Before it acknowledges anything it must have looked for a newer epoch, after its last
 * write and before there was one.
 *
 * @module
 */
import { MANIFEST_PREFIX, WAL_PREFIX } from "../../src/lance/names.js";
import type { StoreStep } from "../../src/storage/memory-view.js";

export class OrderOfSteps {
  /** Of each actor: when it first looked at the manifests since it last wrote to the log, or made that durable. */
  readonly #looks = new Map<string, number>();
  /** When the epochs could first be seen, ascending. */
  readonly #epochs: { readonly epoch: number; readonly at: number }[] = [];

  /**
   * @param at on a clock that counts steps
   * @returns whether there may be a newer epoch now
   */
  took({ actor, op, key, phase }: StoreStep, at: number): boolean {
    if (phase === "reply") return false;
    if ((op === "putIfAbsent" || op === "sync") && key.startsWith(WAL_PREFIX)) this.#looks.delete(actor);
    if (op === "head" && key.startsWith(MANIFEST_PREFIX) && !this.#looks.has(actor)) this.#looks.set(actor, at);
    return op === "putIfAbsent" && phase === "request" && key.startsWith(MANIFEST_PREFIX);
  }

  /** The newest epoch there is. */
  sees(epoch: number, at: number): void {
    if (epoch > (this.#epochs.at(-1)?.epoch ?? 0)) this.#epochs.push({ epoch, at });
  }

  /** Epochs that were not durable are gone. */
  powerLost(): void {
    this.#epochs.length = 0;
  }

  /** Why this actor, of this epoch, may not acknowledge an entry now. */
  problemOf(actor: string, epoch: number): string | undefined {
    const look = this.#looks.get(actor);
    if (look === undefined) return "without a look at the epochs after writing";
    const newer = this.#epochs.find((other) => other.epoch > epoch);
    return newer !== undefined && newer.at <= look ? `having looked when epoch ${newer.epoch} was there` : undefined;
  }
}
