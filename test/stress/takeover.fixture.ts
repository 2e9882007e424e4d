/**
 * A writing thread that is going to be terminated: takes the store over, goes on where the last one was, and never ends by itself.
 */
import { workerData } from "node:worker_threads";
import { BatchStore } from "../../src/store/batch-store.js";
import type { StoreHandle } from "../../src/store/handle.js";
import { Board, sleepSync } from "./board.js";
import { Content } from "./content.js";
import { fill } from "./fill.js";

/** What the worker is given. */
export interface TakeoverInput {
  readonly seed: number;
  readonly round: number;
  readonly mostRows: number;
  readonly handle: StoreHandle;
  readonly board: SharedArrayBuffer;
  /** Which of the run's writers this is. */
  readonly writer: number;
}

/** Longer than any writer lives. */
const FOREVER_MS = 3_600_000;

function run({ seed, round, mostRows, handle, board: words, writer }: TakeoverInput): void {
  const board = new Board(words);
  const store = BatchStore.attachWriter(handle, { takeover: true });
  board.beginRound();
  if (!store.finished) {
    fill(store, new Content(seed, round, mostRows), store.length, writer, {
      beginning() {
        board.appending = true;
      },
      ended(batches) {
        board.appending = false;
        board.addBatches(batches);
      },
    });
    board.appending = false;
    store.finish();
  }
  sleepSync(FOREVER_MS);
}

run(workerData);
