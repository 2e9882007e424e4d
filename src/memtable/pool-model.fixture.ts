/** A pool beside a plain model of it: what is live, who holds what, and how many arenas are in which state after each step. */
import { expect } from "vitest";
import { FullError } from "../errors.js";
import { fill, shape, smallPool, wrong } from "./pool.fixture.js";
import { MemtablePool } from "./pool.js";
import { PoolReader } from "./pool-reader.js";
import type { PoolSnapshot } from "./pool-snapshot.js";

/** One step; numbers choose among what there is. */
export type PoolStep =
  | { readonly step: "append"; readonly count: number }
  | { readonly step: "durable"; readonly count: number }
  | { readonly step: "freeze" | "activate" | "release" | "reclaim" | "handOn" | "takeOver" | "attach" }
  | { readonly step: "snapshot"; readonly reader: number; readonly durableOnly: boolean }
  | { readonly step: "letGo" | "close"; readonly which: number };

interface ModelMemtable {
  readonly generation: number;
  batches: number;
  durable: number;
  frozen: boolean;
}

interface Held {
  readonly reader: PoolReader;
  readonly snapshot: PoolSnapshot;
  readonly shape: readonly (readonly [number, number])[];
}

const SLOTS = 5;
const MOST_READERS = 4;
const MOST_BATCHES = 90;

export class PoolModel {
  #pool = smallPool({ slots: SLOTS });
  #next = 1;
  readonly #live: ModelMemtable[] = [];
  /** Generations that were released, and whose arenas were not emptied. */
  readonly #released = new Set<number>();
  readonly #readers: PoolReader[] = [];
  #held: Held[] = [];
  /** What came up, to see that the steps are worth something. */
  readonly outcomes = new Set<string>();

  run(step: PoolStep): void {
    switch (step.step) {
      case "append":
        this.#append(step.count);
        break;
      case "durable":
        this.#durable(step.count);
        break;
      case "freeze":
        this.#freeze();
        break;
      case "activate":
        this.#activate();
        break;
      case "release":
        this.#release();
        break;
      case "reclaim":
        this.#reclaim();
        break;
      case "handOn":
      case "takeOver":
        this.#changeOwner(step.step === "takeOver");
        break;
      case "attach":
        if (this.#readers.length < MOST_READERS) this.#readers.push(PoolReader.attach(this.#pool.handle()));
        break;
      case "snapshot":
        this.#snapshot(step.reader, step.durableOnly);
        break;
      case "letGo":
        this.#letGo(step.which);
        break;
      case "close":
        this.#closeReader(step.which);
        break;
    }
  }

  /** Compares all there is to see. */
  check(): void {
    for (const { snapshot, shape: before } of this.#held) {
      expect(shape(snapshot)).toEqual(before);
      expect(wrong(snapshot)).toBeUndefined();
    }
    const frozen = this.#live.filter((memtable) => memtable.frozen).length;
    const inUse = new Set([...this.#live.map(({ generation }) => generation), ...this.#released]);
    expect(this.#pool.stats()).toMatchObject({
      slots: SLOTS,
      frozen,
      active: this.#live.length - frozen,
      released: this.#released.size,
      free: SLOTS - this.#live.length - this.#released.size,
      pinned: [...inUse].filter((generation) => this.#isHeld(generation)).length,
      abandoned: 0,
      readers: this.#readers.length,
    });
    expect(this.#pool.live.map(({ generation, memtable }) => [generation, memtable.rows])).toEqual(
      this.#live.map(({ generation, batches }) => [generation, 20 * batches]),
    );
  }

  close(): void {
    for (const reader of this.#readers) reader.close();
    this.#pool.close();
  }

  #append(count: number): void {
    const active = this.#live.at(-1);
    if (active === undefined || active.frozen || active.batches + count > MOST_BATCHES) return;
    fill(this.#pool, count);
    active.batches += count;
  }

  /** Makes the next `count` batches durable, in order. */
  #durable(count: number): void {
    let left = count;
    for (const [i, memtable] of this.#live.entries()) {
      const more = Math.min(left, memtable.batches - memtable.durable);
      memtable.durable += more;
      left -= more;
      if (more > 0) this.#pool.live[i]?.memtable.store.advanceDurable(memtable.durable);
    }
  }

  #freeze(): void {
    const active = this.#live.at(-1);
    if (active === undefined || active.frozen) return;
    this.#pool.freeze(active.generation);
    active.frozen = true;
  }

  #activate(): void {
    const newest = this.#live.at(-1);
    if (newest !== undefined && !newest.frozen) {
      expect(() => this.#pool.activate(this.#next)).toThrow(/still active/);
      return;
    }
    const free = SLOTS - this.#live.length - this.#released.size;
    const usable = [...this.#released].filter((generation) => !this.#isHeld(generation));
    if (free === 0 && usable.length === 0) {
      expect(() => this.#pool.activate(this.#next)).toThrow(FullError);
      this.outcomes.add(this.#released.size === 0 ? "full of live" : "full of pins");
      return;
    }
    const before = this.#pool.stats().released;
    this.#pool.activate(this.#next);
    // Which of the usable arenas it takes is its own affair, but no more than one.
    const emptied = before - this.#pool.stats().released;
    expect(emptied === 0 || emptied === 1).toBe(true);
    if (emptied === 1) {
      expect(usable.length).toBeGreaterThan(0);
      this.#forgetEmptied(usable);
    }
    this.#live.push({ generation: this.#next++, batches: 0, durable: 0, frozen: false });
    this.outcomes.add(emptied === 1 ? "activated an emptied one" : "activated a free one");
  }

  /** Which of those not held was emptied makes no difference to the model. */
  #forgetEmptied(usable: readonly number[]): void {
    const [first] = usable;
    if (first !== undefined) this.#released.delete(first);
  }

  #release(): void {
    const [oldest] = this.#live;
    if (oldest === undefined || !oldest.frozen) return;
    this.#pool.release(oldest.generation);
    this.#live.shift();
    this.#released.add(oldest.generation);
    if (this.#isHeld(oldest.generation)) this.outcomes.add("released a held one");
  }

  #reclaim(): void {
    const usable = [...this.#released].filter((generation) => !this.#isHeld(generation));
    expect(this.#pool.reclaim()).toBe(usable.length);
    for (const generation of usable) this.#released.delete(generation);
  }

  #changeOwner(takeover: boolean): void {
    const former = this.#pool;
    const handle = former.handle();
    if (!takeover) former.closeOwner();
    this.#pool = MemtablePool.attachOwner(handle, { takeover, prefault: false });
    if (takeover) former.closeOwner();
  }

  #snapshot(index: number, durableOnly: boolean): void {
    const reader = this.#readers[index % Math.max(1, this.#readers.length)];
    if (reader === undefined) return;
    const snapshot = reader.snapshot({ durableOnly });
    const seen = shape(snapshot);
    expect(seen).toEqual(
      this.#live.map(({ generation, batches, durable }) => [generation, durableOnly ? durable : batches]),
    );
    expect(wrong(snapshot)).toBeUndefined();
    this.#held.push({ reader, snapshot, shape: seen });
  }

  #letGo(which: number): void {
    const [held] = this.#held.splice(which % Math.max(1, this.#held.length), 1);
    held?.snapshot.release();
  }

  #closeReader(which: number): void {
    const [reader] = this.#readers.splice(which % Math.max(1, this.#readers.length), 1);
    if (reader === undefined) return;
    reader.close();
    const mine = this.#held.filter((held) => held.reader === reader);
    this.#held = this.#held.filter((held) => held.reader !== reader);
    for (const { snapshot } of mine) snapshot.release(); // has nothing to give back any more
    this.outcomes.add(mine.length > 0 ? "closed with snapshots" : "closed");
  }

  #isHeld(generation: number): boolean {
    return this.#held.some(({ shape: held }) => held.some(([other]) => other === generation));
  }
}
