/**
 * The writing thread: fills one store after the other, three in turn, in small memories that are recycled as soon as their readers are
 * through.
 */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { ConflictError } from "../../src/errors.js";
import { BatchStore } from "../../src/store/batch-store.js";
import { awaitSync, Board, sleepSync } from "./board.js";
import { Content, SCHEMAS } from "./content.js";
import { fill } from "./fill.js";
import { mix } from "./run.js";

/** What the worker is given. */
export interface WriterInput {
  readonly seed: number;
  /** Batches to append, at least. */
  readonly batches: number;
  readonly mostRows: number;
  readonly readers: number;
  readonly board: SharedArrayBuffer;
  /** One port for each reader. */
  readonly handles: readonly MessagePort[];
}

/** What it answers. */
export interface WriterResult {
  readonly batches: number;
  readonly groups: number;
  readonly rounds: number;
  readonly recycled: number;
  /** Times memory could not be recycled because a reader was attached. */
  readonly conflicts: number;
  /** Stores that were dropped because a terminated reader stayed attached. */
  readonly dropped: number;
  /** Groups that were refused at their last batch. */
  readonly refused: number;
}

/** One memory for each schema, of different sizes: in the large one, small batches leave slots where rows will be. */
const ARENA_BYTES: readonly number[] = [1 << 17, 3 << 20, 1 << 19];

function run({ seed, batches, mostRows, readers, board: words, handles }: WriterInput): WriterResult {
  const board = new Board(words);
  const stores: (BatchStore | undefined)[] = [];
  const result = { batches: 0, groups: 0, rounds: 0, recycled: 0, conflicts: 0, dropped: 0, refused: 0 };

  /** The memory of the round, emptied, or a new one when a terminated reader keeps it. */
  function emptied(round: number): BatchStore {
    const place = round % SCHEMAS.length;
    const store = stores[place];
    const before = round - SCHEMAS.length;
    if (store !== undefined) {
      awaitSync(`all readers in round ${before}`, () => board.allAttached(readers, before));
      let dropped = false;
      awaitSync(`all readers to be through with round ${before}`, () => {
        const through = board.allThrough(readers, before);
        try {
          store.recycle();
        } catch (error) {
          if (!(error instanceof ConflictError)) throw error;
          result.conflicts++;
          dropped = through;
          return through;
        }
        result.recycled++;
        return true;
      });
      if (!dropped) return store;
      store.close();
      result.dropped++;
    }
    const schema = SCHEMAS[place];
    if (schema === undefined) throw new RangeError(`round ${round} has no schema`);
    const created = BatchStore.create({ schema, bytes: ARENA_BYTES[place] ?? 1 << 20 });
    stores[place] = created;
    return created;
  }

  /** Lets readers come up to the tail now and then. */
  function pause(): void {
    if (mix(seed, result.groups) % 120 === 0) sleepSync(1);
  }

  while (result.batches < batches) {
    const round = result.rounds;
    const store = emptied(round);
    const handle = store.handle();
    for (const port of handles) port.postMessage(handle);
    board.beginRound();
    fill(store, new Content(seed, round, mostRows), 0, mix(seed, round), {
      ended(appended) {
        if (appended === 0) result.refused++;
        else result.groups++;
        result.batches += appended;
        board.addBatches(appended);
        pause();
      },
    });
    store.finish();
    result.rounds++;
  }
  awaitSync("the readers to end", () => board.allThrough(readers, result.rounds - 1));
  board.finish();
  for (const port of handles) port.close();
  for (const store of stores) store?.close();
  return result;
}

parentPort?.postMessage(run(workerData));
