/**
 * MemtablePool: the owner's side of a fixed pool of arenas, in which the memtables of a shard come and go.
 *
 * One thread at a time owns a pool: it activates memtables and fills them, freezes, releases, and empties arenas that nobody pins. All
 * others read through `PoolReader`. See `pool-layout.ts` for the bytes, the order of events, and why no reader ever sees memory that is
 * used again.
 *
 * Bounds: as many memtables as there are arenas; nothing is allocated after creation. An arena keeps the pages it once touched, and the
 * free arena of the lowest number is taken first, so resident memory is that of the most arenas that were in use at once.
 *
 * @module
 */
import { ConflictError, FullError, UsageError } from "../errors.js";
import { claimId } from "../store/control.js";
import { layOutMemtables } from "./lay-out-memtables.js";
import { Memtable } from "./memtable.js";
import type { MemtableHandle } from "./memtable-handle.js";
import { Pins, type WatchedWorker } from "./pins.js";
import { PoolControl } from "./pool-control.js";
import { checkPoolHandle, type PoolHandle } from "./pool-handle.js";
import { MAX_GENERATION, SLOT_STATE, type SlotState } from "./pool-layout.js";
import { checkPoolOptions, type OwnerOptions, type PoolOptions } from "./pool-options.js";
import { type PoolStats, poolStats, whyFull } from "./pool-stats.js";

/** A memtable that is active or frozen. */
export interface LiveMemtable {
  readonly generation: number;
  readonly memtable: Memtable;
}

export class MemtablePool {
  readonly #control: PoolControl;
  readonly #arenas: readonly MemtableHandle[];
  readonly #options: OwnerOptions;
  readonly #id = claimId();
  readonly #pins: Pins;
  /** The writers of the arenas that this owner has had to do with, by slot. */
  readonly #memtables: (Memtable | undefined)[] = [];
  #live: readonly LiveMemtable[] = [];
  #expectedRows: number;
  /** The writer of the arena in a slot. */
  readonly #memtable = (slot: number): Memtable => {
    const known = this.#memtables[slot];
    if (known !== undefined) return known;
    const arena = this.#arenas[slot];
    if (arena === undefined) throw new UsageError(`the memtable pool has no slot ${slot}`);
    const memtable = Memtable.attachPinnedWriter(arena, { ...this.#options, expectedRows: this.#expectedRows });
    this.#memtables[slot] = memtable;
    return memtable;
  };

  private constructor(control: PoolControl, arenas: readonly MemtableHandle[], options: OwnerOptions) {
    this.#control = control;
    this.#arenas = arenas;
    this.#options = options;
    this.#expectedRows = options.expectedRows ?? 0;
    this.#pins = new Pins(control.words, control.slots);
    control.claimOwner(this.#id, options.takeover ?? false);
    try {
      this.#mend();
      this.#relist();
    } catch (error) {
      this.closeOwner();
      throw error;
    }
  }

  /**
   * Allocates a pool; this thread is its owner. No memtable is active yet.
   *
   * @throws UsageError when an option is out of its bounds, or the memory is not to be had
   */
  static create(options: PoolOptions): MemtablePool {
    const { slots, leaseMs } = checkPoolOptions(options);
    const arenas = layOutMemtables(options, slots);
    const { prefault = true, expectedRows = 0 } = options;
    return new MemtablePool(PoolControl.create(slots, leaseMs), arenas, { prefault, expectedRows });
  }

  /**
   * The owner of an existing pool, whose former owner has called `closeOwner`, or has ended. Its live memtables are as they were; the active
   * one can be appended to.
   *
   * @throws ConflictError when the pool has an owner and `takeover` is not set
   */
  static attachOwner(handle: PoolHandle, options: OwnerOptions = {}): MemtablePool {
    const { control, arenas } = checkPoolHandle(handle);
    return new MemtablePool(new PoolControl(control), arenas, options);
  }

  /** This pool as plain data, to be posted to other threads: one handle, for good. */
  handle(): PoolHandle {
    return { kind: "pennon.MemtablePool", control: this.#control.memory, arenas: this.#arenas };
  }

  /** The memtables that are active or frozen, oldest first. Only the last can be active. */
  get live(): readonly LiveMemtable[] {
    return this.#live;
  }

  /**
   * Makes an empty memtable the active one. From then on every snapshot, in every thread, has it.
   *
   * When no arena is free, those are emptied that were released and that nobody pins any more; call {@link reclaim} before, at an idle
   * moment, to have it done by then.
   *
   * @param generation the next one: 1 more than the one before; where no memtable is live, any from there to 2^31 - 2
   * @param options `expectedRows`, see `MemtableOptions`: for this memtable, unless its arena was emptied before, and for later ones
   * @throws UsageError when it is not the next, or the memtable before is not frozen
   * @throws FullError when no arena is free: the message says whether memtables wait for their flush, or which threads pin them.
   * Nothing has changed then, and the same call can succeed later.
   * @throws ConflictError when another thread has taken the ownership over
   */
  activate(generation: number, options: { readonly expectedRows?: number } = {}): Memtable {
    this.#assertOwner();
    this.#expectedRows = options.expectedRows ?? this.#expectedRows;
    const control = this.#control;
    const end = Math.max(control.first, control.end);
    if (!(Number.isInteger(generation) && generation >= 1 && generation <= MAX_GENERATION)) {
      throw new UsageError(`generation is ${String(generation)}; expected a whole number from 1 to ${MAX_GENERATION}`);
    }
    const newest = this.#live.at(-1);
    if (generation < end || (newest !== undefined && generation !== end)) {
      throw new UsageError(`generation ${generation} cannot be activated; expected ${end}, the next of this pool`);
    }
    if (newest !== undefined && control.state(control.slotOf(newest.generation)) === SLOT_STATE.ACTIVE) {
      throw new UsageError(`generation ${newest.generation} is still active; freeze it before the next is activated`);
    }
    const slot = this.#usableSlot();
    const memtable = this.#memtable(slot);
    control.setSlotOf(generation, slot);
    control.setState(slot, SLOT_STATE.ACTIVE);
    control.setGeneration(slot, generation);
    if (newest === undefined) control.first = generation; // past the end, where no snapshot finds anything until that follows
    control.end = generation + 1;
    this.#relist();
    return memtable;
  }

  /**
   * Ends appending to the active memtable: threads that follow it come to its end. Reading goes on.
   *
   * @throws UsageError when `generation` is not the active one
   */
  freeze(generation: number): void {
    this.#assertOwner();
    const slot = this.#slotIn(generation, SLOT_STATE.ACTIVE, "frozen", "the active one");
    this.#memtable(slot).store.finish();
    this.#control.setState(slot, SLOT_STATE.FROZEN);
  }

  /**
   * Takes the oldest memtable, which is frozen and whose rows are published elsewhere, out of the live ones: no later snapshot has it. Its
   * arena is emptied by {@link reclaim} or {@link activate} once no snapshot holds it.
   *
   * @throws UsageError when `generation` is not the oldest live one, or not frozen
   */
  release(generation: number): void {
    this.#assertOwner();
    const control = this.#control;
    if (generation !== control.first) {
      throw new UsageError(`generation ${generation} cannot be released; expected ${control.first}, the oldest`);
    }
    const slot = this.#slotIn(generation, SLOT_STATE.FROZEN, "released", "a frozen one");
    control.first = generation + 1;
    this.#takeOut(slot);
    this.#relist();
  }

  /**
   * Empties arenas that were released and that nobody pins any more. Emptying one takes as long as it takes to clear its index; call this
   * between appends, for one arena at a time.
   *
   * @param most arenas to empty at most
   * @returns arenas that were emptied
   */
  reclaim(most: number = Number.POSITIVE_INFINITY): number {
    this.#assertOwner();
    let emptied = 0;
    for (let slot = 0; slot < this.#control.slots && emptied < most; slot++) {
      if (this.#reclaimed(slot)) emptied++;
    }
    return emptied;
  }

  /** What the arenas are in use for, now. */
  stats(): PoolStats {
    return poolStats(this.#control, this.#pins, this.#memtable);
  }

  /**
   * Has the pins of a worker cleared when it exits, however it ends.
   *
   * @throws UsageError when it has exited
   */
  watch(worker: WatchedWorker): void {
    this.#pins.watch(worker);
  }

  /**
   * Clears the pins of a thread that is known to have ended.
   *
   * @param threadId its id, as `node:worker_threads` counts them
   */
  clearThread(threadId: number): void {
    this.#pins.clearThread(threadId);
  }

  /** Gives the ownership up, so that another thread can take it. Memtables stay as they are, and readers go on. */
  closeOwner(): void {
    for (const memtable of this.#memtables) memtable?.close();
    this.#memtables.length = 0;
    this.#live = [];
    this.#control.releaseOwner(this.#id);
  }

  /** As {@link closeOwner}, for good: nothing will be appended any more. Readers in other threads come to the end of the active memtable. */
  close(): void {
    if (this.#control.isOwner(this.#id)) {
      const newest = this.#live.at(-1);
      if (newest !== undefined && !newest.memtable.store.finished) this.freeze(newest.generation);
    }
    this.closeOwner();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #assertOwner(): void {
    if (this.#control.isOwner(this.#id)) return;
    throw new ConflictError("this handle does not own the memtable pool: it was closed, or another thread took over");
  }

  /** Ends what a former owner may have been at when it was terminated. See `pool-layout.ts`, 5. */
  #mend(): void {
    const control = this.#control;
    for (let slot = 0; slot < control.slots; slot++) {
      const generation = control.generation(slot);
      const state = control.state(slot);
      const isLive =
        generation >= control.first &&
        generation < control.end &&
        control.slotOf(generation) === slot &&
        generation !== 0;
      if (!isLive && (generation !== 0 || state === SLOT_STATE.ACTIVE || state === SLOT_STATE.FROZEN)) {
        this.#takeOut(slot);
      } else if (state === SLOT_STATE.ACTIVE && this.#memtable(slot).store.finished) {
        control.setState(slot, SLOT_STATE.FROZEN);
      }
    }
  }

  /** Last of all the generation goes: from then on no pin on the slot can come to hold. */
  #takeOut(slot: number): void {
    this.#control.setState(slot, SLOT_STATE.RELEASED);
    this.#control.setGeneration(slot, 0);
  }

  #relist(): void {
    const { first, end } = this.#control;
    const live: LiveMemtable[] = [];
    for (let generation = first; generation < end; generation++) {
      live.push({ generation, memtable: this.#memtable(this.#control.slotOf(generation)) });
    }
    this.#live = live;
  }

  /** The lowest slot that is free or can be made so: one that was in use before has its pages already. */
  #usableSlot(): number {
    const control = this.#control;
    for (let slot = 0; slot < control.slots; slot++) {
      if (control.state(slot) === SLOT_STATE.FREE || this.#reclaimed(slot)) return slot;
    }
    throw new FullError(whyFull(control, this.#pins), "memtables");
  }

  /** Empties the arena of a slot if it was released and nobody can be reading there; false when not. */
  #reclaimed(slot: number): boolean {
    if (this.#control.state(slot) !== SLOT_STATE.RELEASED || this.#pins.isPinned(slot)) return false;
    const memtable = this.#memtable(slot);
    if (memtable.store.readers > 0) return false; // somebody attached to the store itself, past the pool
    memtable.recycle({ expectedRows: this.#expectedRows });
    this.#control.setState(slot, SLOT_STATE.FREE);
    return true;
  }

  /** @throws UsageError unless the memtable of `generation` is live and in `state` */
  #slotIn(generation: number, state: SlotState, action: string, expected: string): number {
    const control = this.#control;
    const slot = control.slotOf(generation);
    if (control.generation(slot) === generation && control.state(slot) === state) return slot;
    throw new UsageError(`generation ${generation} cannot be ${action}; expected ${expected} of the live memtables`);
  }
}
