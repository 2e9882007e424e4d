/**
 * What a collection has found so far: what may go, in the order in which it goes, and what stays and why. Bounded by what one run removes.
 *
 * @module
 */
import type { GarbageItem, GarbageKind, KeptItems } from "./garbage-options.js";

export class GarbagePlan {
  readonly items: GarbageItem[] = [];
  readonly #kept = new Map<string, { kind: GarbageKind; count: number; reason: string }>();
  readonly #most: number;
  #more = false;

  /** @param most items that one run removes */
  constructor(most: number) {
    this.#most = most;
  }

  /** Whether there is more than one run removes. */
  get more(): boolean {
    return this.#more;
  }

  /** False when the run has enough to do: the item is left for the next one. */
  remove(item: GarbageItem): boolean {
    if (this.items.length >= this.#most) {
      this.#more = true;
      return false;
    }
    this.items.push(item);
    return true;
  }

  keep(kind: GarbageKind, reason: string, count = 1): void {
    if (count === 0) return;
    const key = `${kind} ${reason}`;
    const found = this.#kept.get(key);
    if (found === undefined) this.#kept.set(key, { kind, reason, count });
    else found.count += count;
  }

  kept(): KeptItems[] {
    return [...this.#kept.values()];
  }
}
