/**
 * A thread that waits: for the next batch, for one far ahead, many at a time, blocking or not, following from anywhere, and giving up
 * now and then. Nothing it waits for may be lost.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { BatchStore } from "../../src/store/batch-store.js";
import type { StoreHandle } from "../../src/store/handle.js";
import { Random } from "../arrow-random-data.js";
import { Board } from "./board.js";
import { mix } from "./run.js";

/** How a thread waits. */
export type WaitingKind = "sync" | "async" | "follow";

/** What the worker is given. */
export interface WaitingInput {
  readonly seed: number;
  readonly thread: number;
  readonly kind: WaitingKind;
  /** Waits that are pending at once, where the kind allows it. */
  readonly atOnce: number;
  /** Batches that will be appended. */
  readonly batches: number;
  /** True when the writer waits for this thread after each batch. */
  readonly answering: boolean;
  readonly handle: StoreHandle;
  readonly board: SharedArrayBuffer;
}

/** What it answers. */
export interface WaitingResult {
  readonly waits: number;
  readonly aborted: number;
}

/** How far ahead of the length a thread waits at most. */
const AHEAD = 40;
const WAIT_MS = 20_000;

class Waiter {
  waits = 0;
  aborted = 0;
  readonly #store: BatchStore;
  readonly #input: WaitingInput;
  readonly #board: Board;
  readonly #random: Random;

  constructor(store: BatchStore, input: WaitingInput) {
    this.#store = store;
    this.#input = input;
    this.#board = new Board(input.board);
    this.#random = new Random(mix(input.seed, input.thread));
    this.#board.attached(input.thread, 0);
  }

  sync(): void {
    const store = this.#store;
    for (let seen = 0; seen < this.#input.batches; ) {
      const target = this.#target(seen);
      const length = store.waitForLengthSync(target, { timeout: WAIT_MS });
      seen = this.#reached(target, length);
    }
  }

  async async(): Promise<void> {
    const store = this.#store;
    for (let seen = 0; seen < this.#input.batches; ) {
      const target = this.#target(seen);
      if (!this.#input.answering && this.#random.chance(0.1)) {
        seen = Math.max(seen, await this.#giveUp(target));
        continue;
      }
      const length = await store.waitForLength(target, { timeout: WAIT_MS });
      seen = this.#reached(target, length);
    }
  }

  async follow(): Promise<void> {
    const { batches, answering } = this.#input;
    let next = 0;
    while (next < batches) {
      const controller = new AbortController();
      const stay = answering ? batches : 1 + this.#random.below(500);
      const begun = next;
      try {
        for await (const { position } of this.#store.follow({ from: next, signal: controller.signal })) {
          if (position !== next) throw new Error(`follow gave batch ${position} instead of ${next}`);
          next++;
          this.waits++;
          if (answering) this.#answer(next);
          if (next - begun >= stay) controller.abort();
        }
      } catch (error) {
        if (!controller.signal.aborted || error !== controller.signal.reason) throw error;
        this.aborted++;
        continue;
      }
      if (next < batches) throw new Error(`follow ended after ${next} of ${batches} batches`);
    }
  }

  /** A wait that is aborted after a moment, unless it ends before. */
  async #giveUp(target: number): Promise<number> {
    const controller = new AbortController();
    const { signal } = controller;
    const wait = this.#store.waitForLength(target, { signal }).then(
      (length) => this.#reached(target, length),
      (error) => {
        if (error !== signal.reason) throw error;
        this.aborted++;
        return 0;
      },
    );
    await sleep(this.#random.below(3));
    controller.abort();
    return await wait;
  }

  #target(seen: number): number {
    const ahead = this.#input.answering ? 1 : 1 + this.#random.below(AHEAD);
    return Math.min(seen + ahead, this.#input.batches);
  }

  #reached(target: number, length: number): number {
    if (length < target) {
      throw new Error(`waited for ${target} batches, got ${length}; ${this.#store.length} are there`);
    }
    this.waits++;
    if (this.#input.answering) this.#answer(length);
    return length;
  }

  #answer(length: number): void {
    this.#board.through(this.#input.thread, length - 1);
  }
}

async function run(input: WaitingInput): Promise<WaitingResult> {
  const store = BatchStore.attach(input.handle);
  const waiter = new Waiter(store, input);
  if (input.kind === "sync") waiter.sync();
  else if (input.kind === "async") await Promise.all(Array.from({ length: input.atOnce }, () => waiter.async()));
  else await Promise.all(Array.from({ length: input.atOnce }, () => waiter.follow()));
  store.close();
  return { waits: waiter.waits, aborted: waiter.aborted };
}

run(workerData).then((result) => parentPort?.postMessage(result));
