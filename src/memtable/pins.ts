/**
 * The pins of a pool: which threads read in which arenas. See `pool-layout.ts` for the words and the protocol.
 *
 * A reader claims a block of pin words and writes in it alone. Whoever knows that a thread has ended may clear its blocks.
 *
 * @module
 */
import { threadId } from "node:worker_threads";
import { FullError, UsageError } from "../errors.js";
import { elapsedMs } from "./clock.js";
import { CLEARING, MAX_READERS, pinWord, readerBlock } from "./pool-layout.js";

/** A pin that somebody holds. */
export interface Pin {
  /** Id of the thread, 0 for the main thread. */
  readonly thread: number;
  readonly generation: number;
  /** Milliseconds since the thread last took the memtable into a snapshot. */
  readonly ageMs: number;
}

/** What a pool needs of a worker to watch it. */
export interface WatchedWorker {
  readonly threadId: number;
  once(event: "exit", listener: () => void): unknown;
}

/** All pins of a pool, for its owner. */
export class Pins {
  readonly #words: Int32Array;
  readonly #slots: number;

  constructor(words: Int32Array, slots: number) {
    this.#words = words;
    this.#slots = slots;
  }

  /** True when any reader has a pin on `slot`, of whatever generation. */
  isPinned(slot: number): boolean {
    for (let reader = 0; reader < MAX_READERS; reader++) {
      if (Atomics.load(this.#words, pinWord(readerBlock(this.#slots, reader), slot)) !== 0) return true;
    }
    return false;
  }

  /** The pins on `slot`. */
  on(slot: number, now: number): Pin[] {
    const pins: Pin[] = [];
    for (let reader = 0; reader < MAX_READERS; reader++) {
      const block = readerBlock(this.#slots, reader);
      const generation = Atomics.load(this.#words, pinWord(block, slot));
      if (generation === 0) continue;
      const ageMs = elapsedMs(Atomics.load(this.#words, pinWord(block, slot) + 1), now);
      pins.push({ thread: Atomics.load(this.#words, block) - 1, generation, ageMs });
    }
    return pins;
  }

  /** How many readers have a block. */
  get readers(): number {
    let count = 0;
    for (let reader = 0; reader < MAX_READERS; reader++) {
      if (Atomics.load(this.#words, readerBlock(this.#slots, reader)) !== 0) count++;
    }
    return count;
  }

  /** See `MemtablePool.watch`. */
  watch(worker: WatchedWorker): void {
    const { threadId: thread } = worker; // afterwards it is -1
    if (thread < 0) {
      throw new UsageError("the worker has exited; watch it when it is started, or pass its former id to clearThread");
    }
    worker.once("exit", () => this.clearThread(thread));
  }

  /** Clears the pins of a thread that has ended, and frees its blocks. Thread ids are not used twice in a process. */
  clearThread(thread: number): void {
    for (let reader = 0; reader < MAX_READERS; reader++) {
      const block = readerBlock(this.#slots, reader);
      // Taken first: if two clear the same thread, the slower must not clear the pins of the block's next reader.
      if (Atomics.compareExchange(this.#words, block, thread + 1, CLEARING) !== thread + 1) continue;
      clearBlock(this.#words, block, this.#slots);
      Atomics.store(this.#words, block, 0);
    }
  }
}

/** The pins of one reader, in the thread that claimed them. */
export class ReaderPins {
  readonly #words: Int32Array;
  readonly #slots: number;
  readonly #block: number;

  /**
   * Claims a block of pins for this thread.
   *
   * @throws FullError when as many readers are attached as there are blocks
   */
  constructor(words: Int32Array, slots: number) {
    this.#words = words;
    this.#slots = slots;
    this.#block = claimBlock(words, slots);
  }

  /** Stores a pin; it holds once the slot is seen to be of `generation` after that. */
  pin(slot: number, generation: number, timeMs: number): void {
    const word = pinWord(this.#block, slot);
    Atomics.store(this.#words, word + 1, timeMs);
    Atomics.store(this.#words, word, generation);
  }

  /** Begins the lease of a pin anew. */
  renew(slot: number, timeMs: number): void {
    Atomics.store(this.#words, pinWord(this.#block, slot) + 1, timeMs);
  }

  unpin(slot: number): void {
    Atomics.store(this.#words, pinWord(this.#block, slot), 0);
  }

  /** Clears all pins and frees the block. */
  close(): void {
    clearBlock(this.#words, this.#block, this.#slots);
    Atomics.store(this.#words, this.#block, 0);
  }
}

function claimBlock(words: Int32Array, slots: number): number {
  for (let reader = 0; reader < MAX_READERS; reader++) {
    const block = readerBlock(slots, reader);
    if (Atomics.compareExchange(words, block, 0, threadId + 1) === 0) return block;
  }
  throw new FullError(
    `${MAX_READERS} readers are attached to the memtable pool, as many as it has room for; close one (of threads that were terminated, have the pool's owner clear the pins)`,
    "readers",
  );
}

function clearBlock(words: Int32Array, block: number, slots: number): void {
  for (let slot = 0; slot < slots; slot++) Atomics.store(words, pinWord(block, slot), 0);
}
