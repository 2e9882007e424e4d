/**
 * The control words of a pool that its owner writes, each read and written atomically and nowhere else. See `pool-layout.ts` for the
 * order of events.
 *
 * @module
 */
import { ConflictError, UsageError } from "../errors.js";
import {
  controlBytes,
  MAX_SLOTS,
  POOL_LAYOUT_VERSION,
  POOL_MAGIC,
  POOL_WORD,
  SLOT_STATE,
  SLOT_WORD,
  type SlotState,
  slotLine,
  tableStart,
} from "./pool-layout.js";

/** The states by their numbers. */
const STATES: readonly SlotState[] = [SLOT_STATE.FREE, SLOT_STATE.ACTIVE, SLOT_STATE.FROZEN, SLOT_STATE.RELEASED];

export class PoolControl {
  readonly memory: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly slots: number;
  readonly leaseMs: number;
  readonly #table: number;

  /** @throws UsageError when the memory holds no pool of this layout */
  constructor(memory: SharedArrayBuffer) {
    const words = new Int32Array(memory);
    const slots = words[POOL_WORD.SLOTS] ?? 0;
    const fits = slots >= 1 && slots <= MAX_SLOTS && memory.byteLength === controlBytes(slots);
    if (words[POOL_WORD.MAGIC] !== POOL_MAGIC || !fits) {
      throw new UsageError("the memory of this handle holds no memtable pool; expected the result of pool.handle()");
    }
    if (words[POOL_WORD.VERSION] !== POOL_LAYOUT_VERSION) {
      throw new UsageError(
        `the pool has layout version ${words[POOL_WORD.VERSION]}, this copy of pennon reads ${POOL_LAYOUT_VERSION}; use one version of pennon in all threads`,
      );
    }
    this.memory = memory;
    this.words = words;
    this.slots = slots;
    this.leaseMs = words[POOL_WORD.LEASE_MS] ?? 0;
    this.#table = tableStart(slots);
  }

  /** The control memory of a new pool: all slots are free. */
  static create(slots: number, leaseMs: number): PoolControl {
    const memory = new SharedArrayBuffer(controlBytes(slots));
    const words = new Int32Array(memory);
    words[POOL_WORD.VERSION] = POOL_LAYOUT_VERSION;
    words[POOL_WORD.SLOTS] = slots;
    words[POOL_WORD.LEASE_MS] = leaseMs;
    words[POOL_WORD.MAGIC] = POOL_MAGIC;
    return new PoolControl(memory);
  }

  // --- owner ---------------------------------------------------------------------------------------------------------

  /** @throws ConflictError when another owns the pool and `takeover` is false */
  claimOwner(id: number, takeover: boolean): void {
    if (takeover) {
      Atomics.store(this.words, POOL_WORD.OWNER, id);
    } else if (Atomics.compareExchange(this.words, POOL_WORD.OWNER, 0, id) !== 0) {
      throw new ConflictError(
        "the memtable pool already has an owner; have it call closeOwner first, or pass takeover: true when its thread is known to have ended",
      );
    }
  }

  isOwner(id: number): boolean {
    return Atomics.load(this.words, POOL_WORD.OWNER) === id;
  }

  releaseOwner(id: number): void {
    Atomics.compareExchange(this.words, POOL_WORD.OWNER, id, 0);
  }

  // --- live memtables ------------------------------------------------------------------------------------------------

  /** Generation of the oldest live memtable; there is none when it is `end` or more. */
  get first(): number {
    return Atomics.load(this.words, POOL_WORD.FIRST);
  }

  set first(generation: number) {
    Atomics.store(this.words, POOL_WORD.FIRST, generation);
  }

  /** Generation behind the newest live memtable. */
  get end(): number {
    return Atomics.load(this.words, POOL_WORD.END);
  }

  set end(generation: number) {
    Atomics.store(this.words, POOL_WORD.END, generation);
  }

  /** The slot in which the memtable of `generation` is, if that is live. */
  slotOf(generation: number): number {
    return Atomics.load(this.words, this.#table + (generation % this.slots));
  }

  setSlotOf(generation: number, slot: number): void {
    Atomics.store(this.words, this.#table + (generation % this.slots), slot);
  }

  // --- slots ---------------------------------------------------------------------------------------------------------

  /** Generation that may be pinned in `slot`, 0 for none. */
  generation(slot: number): number {
    return Atomics.load(this.words, slotLine(slot) + SLOT_WORD.GENERATION);
  }

  setGeneration(slot: number, generation: number): void {
    Atomics.store(this.words, slotLine(slot) + SLOT_WORD.GENERATION, generation);
  }

  state(slot: number): SlotState {
    const state = STATES[Atomics.load(this.words, slotLine(slot) + SLOT_WORD.STATE)];
    if (state === undefined) throw new UsageError(`slot ${slot} of the memtable pool is in no state that is known`);
    return state;
  }

  setState(slot: number, state: SlotState): void {
    Atomics.store(this.words, slotLine(slot) + SLOT_WORD.STATE, state);
  }
}
