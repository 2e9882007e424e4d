/**
 * The objects of a MemoryStore, in two images: what can be seen, and what would survive a loss of power.
 *
 * Invariants
 * 1. Bytes in an image never change. A key whose bytes are the very same array in both images is durable; any other is not.
 * 2. Each call takes effect at once and wholly; when things happen is decided above.
 *
 * @module
 */
import type { ListedObject } from "./object-store.js";

/** What becomes of what was not made durable: chance decides, or one and the same for all. */
export type Fate = "random" | "lost" | "torn" | "kept";

export class MemoryDisk {
  readonly #visible = new Map<string, Uint8Array>();
  readonly #durable = new Map<string, Uint8Array>();
  /** Bytes kept of objects that will be found torn, although they are thought durable. */
  readonly #lies = new Map<string, number>();
  #life = 0;

  /** Counts the losses of power. What began in another life does not go on. */
  get life(): number {
    return this.#life;
  }

  read(key: string): Uint8Array | undefined {
    return this.#visible.get(key);
  }

  /** Makes the object visible, in place of the one there may be; not durable. @param bytes kept, not copied */
  write(key: string, bytes: Uint8Array): void {
    this.#visible.set(key, bytes);
    this.#lies.delete(key);
  }

  /** Removes the object from sight; a loss of power may bring it back. */
  remove(key: string): void {
    this.#visible.delete(key);
    this.#lies.delete(key);
  }

  /** Makes what is visible of the key durable, be it that there is nothing. */
  makeDurable(key: string): void {
    const bytes = this.#visible.get(key);
    if (bytes === undefined) this.#durable.delete(key);
    else this.#durable.set(key, bytes);
  }

  /** Has the object be found with so many bytes after a loss of power, whatever was made durable of it. */
  lieAbout(key: string, bytes: number): void {
    this.#lies.set(key, bytes);
  }

  /** The visible objects whose keys start with `prefix` and come after `after`, in order. */
  list(prefix: string, after: string, limit: number): ListedObject[] {
    const found: ListedObject[] = [];
    for (const key of this.#visible.keys()) {
      if (key.startsWith(prefix) && key > after) found.push({ key });
    }
    return found.sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, limit);
  }

  /** The keys of which a loss of power may change what is seen, in order. */
  unsynced(): string[] {
    const keys = [...new Set([...this.#visible.keys(), ...this.#durable.keys()])];
    return keys.filter((key) => this.#visible.get(key) !== this.#durable.get(key) || this.#lies.has(key)).sort();
  }

  /**
   * What a loss of power would leave, as a disk of its own; this one stays as it is.
   *
   * An object that is not durable is found as it was when it last was (absent, when it never was), or torn, or whole. Torn, it has
   * fewer of its bytes, perhaps none. Whether a removed one is back is open in the same way.
   */
  afterPowerLoss(fate: Fate, random: () => number): MemoryDisk {
    const left = new MemoryDisk();
    for (const [key, bytes] of this.#durable) left.#durable.set(key, bytes);
    for (const key of this.unsynced()) {
      const bytes = this.#survivor(key, fate, random);
      if (bytes === undefined) left.#durable.delete(key);
      else left.#durable.set(key, bytes);
    }
    for (const [key, bytes] of left.#durable) left.#visible.set(key, bytes);
    return left;
  }

  /** Becomes what a loss of power would leave, and begins another life. */
  losePower(fate: Fate, random: () => number): void {
    const left = this.afterPowerLoss(fate, random);
    this.#visible.clear();
    this.#durable.clear();
    this.#lies.clear();
    for (const [key, bytes] of left.#durable) {
      this.#visible.set(key, bytes);
      this.#durable.set(key, bytes);
    }
    this.#life++;
  }

  #survivor(key: string, fate: Fate, random: () => number): Uint8Array | undefined {
    const seen = this.#visible.get(key);
    const lie = this.#lies.get(key);
    if (lie !== undefined) return seen?.slice(0, lie);
    const chosen = fate === "random" ? pick(random) : fate;
    if (chosen === "lost") return this.#durable.get(key);
    if (chosen === "kept" || seen === undefined) return seen;
    return seen.slice(0, Math.floor(random() * seen.byteLength));
  }
}

function pick(random: () => number): "lost" | "torn" | "kept" {
  const chance = random() * 3;
  if (chance < 1) return "lost";
  return chance < 2 ? "torn" : "kept";
}
