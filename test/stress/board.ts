/**
 * What the threads of a stress run tell each other, in shared words of its own: never through the store under test.
 *
 * ```
 * word  0 rounds begun   1 batches appended   2 done (1)   3 appending (1)
 *       16 + i  rounds in which reader i was attached at least once
 *       32 + i  rounds that reader i is through with
 *       48 + i  1 when reader i is no more
 * ```
 *
 * Readers are numbered from 0 to 15.
 *
 * @module
 */

/** Nothing in a stress run takes as long when all is well. */
const PATIENCE_MS = 120_000;
const LOOK_MS = 50;

const ROUNDS = 0;
const BATCHES = 1;
const DONE = 2;
const APPENDING = 3;
const ATTACHED = 16;
const THROUGH = 32;
const GONE = 48;

export class Board {
  /** To be posted to the other threads. */
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(buffer = new SharedArrayBuffer(256)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  get rounds(): number {
    return Atomics.load(this.#words, ROUNDS);
  }

  beginRound(): void {
    this.#add(ROUNDS, 1);
  }

  get batches(): number {
    return Atomics.load(this.#words, BATCHES);
  }

  addBatches(count: number): void {
    Atomics.add(this.#words, BATCHES, count);
  }

  get done(): boolean {
    return Atomics.load(this.#words, DONE) === 1;
  }

  finish(): void {
    this.#add(DONE, 1);
    Atomics.notify(this.#words, ROUNDS);
  }

  /** True while the writer is within an append. */
  get appending(): boolean {
    return Atomics.load(this.#words, APPENDING) === 1;
  }

  set appending(value: boolean) {
    Atomics.store(this.#words, APPENDING, value ? 1 : 0);
  }

  attached(reader: number, round: number): void {
    Atomics.store(this.#words, ATTACHED + reader, round + 1);
  }

  through(reader: number, round: number): void {
    Atomics.store(this.#words, THROUGH + reader, round + 1);
  }

  /** Reader `reader` was terminated. */
  gone(reader: number): void {
    Atomics.store(this.#words, GONE + reader, 1);
  }

  /** True when each of the living readers was attached in `round`. */
  allAttached(readers: number, round: number): boolean {
    return this.#all(readers, ATTACHED, round);
  }

  /** True when each of the living readers has ended `round`. */
  allThrough(readers: number, round: number): boolean {
    return this.#all(readers, THROUGH, round);
  }

  /** Blocks until `round` has begun; false when none will begin any more. */
  awaitRound(round: number): boolean {
    awaitSync(
      `the beginning of round ${round}`,
      () => this.rounds > round || this.done,
      () => {
        Atomics.wait(this.#words, ROUNDS, round, LOOK_MS);
      },
    );
    return this.rounds > round;
  }

  #add(word: number, count: number): void {
    Atomics.add(this.#words, word, count);
    Atomics.notify(this.#words, word);
  }

  #all(readers: number, first: number, round: number): boolean {
    for (let reader = 0; reader < readers; reader++) {
      const gone = Atomics.load(this.#words, GONE + reader) === 1;
      if (!gone && Atomics.load(this.#words, first + reader) <= round) return false;
    }
    return true;
  }
}

const nobody = new Int32Array(new SharedArrayBuffer(4));

/** Blocks this thread. */
export function sleepSync(ms: number): void {
  Atomics.wait(nobody, 0, 0, ms);
}

/** Blocks until `reached`, looking again after each `pause`; throws when that takes too long. */
export function awaitSync(what: string, reached: () => boolean, pause: () => void = () => sleepSync(1)): void {
  const deadline = Date.now() + PATIENCE_MS;
  while (!reached()) {
    if (Date.now() > deadline) throw new Error(`waited ${PATIENCE_MS} ms in vain for ${what}`);
    pause();
  }
}
