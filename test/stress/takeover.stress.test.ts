import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { ConflictError } from "../../src/errors.js";
import { BatchStore } from "../../src/store/batch-store.js";
import type { StoreHandle } from "../../src/store/handle.js";
import { Random } from "../arrow-random-data.js";
import { Board } from "./board.js";
import { Content, SCHEMAS } from "./content.js";
import { seed, seeded, short } from "./run.js";
import type { TakeoverInput } from "./takeover.fixture.js";
import { type Threads, withThreads } from "./threads.js";
import { sharedBuffer, Verifier } from "./verify.js";

const WRITERS = short ? 20 : 300;
const MOST_ROWS = 120;
/** One memory for each schema. */
const ARENA_BYTES: readonly number[] = [1 << 18, 1 << 19, 3 << 20];
/** For a thread to start and append something. */
const PATIENCE_MS = 60_000;

/** The memory for a round: that of the last round with the same schema, or a new one when a terminated thread keeps it. */
class Memories {
  readonly #handles: (StoreHandle | undefined)[] = [];
  recycled = 0;
  dropped = 0;

  take(round: number): StoreHandle {
    const place = round % SCHEMAS.length;
    const handle = this.#recycle(this.#handles[place]) ?? this.#create(round, ARENA_BYTES[place] ?? 1 << 20);
    this.#handles[place] = handle;
    return handle;
  }

  #recycle(former: StoreHandle | undefined): StoreHandle | undefined {
    if (former === undefined) return undefined;
    const writer = BatchStore.attachWriter(former, { takeover: true });
    try {
      writer.recycle();
      this.recycled++;
      return writer.handle();
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      this.dropped++;
      return undefined;
    } finally {
      writer.close();
    }
  }

  #create(round: number, bytes: number): StoreHandle {
    const { schema } = new Content(seed, round, MOST_ROWS);
    const store = BatchStore.create({ schema, bytes });
    const handle = store.handle();
    store.close();
    return handle;
  }
}

/** Lets a writer run for a moment and terminates it, wherever it is. */
async function terminateOne(threads: Threads, input: TakeoverInput, random: Random): Promise<void> {
  const board = new Board(input.board);
  const { rounds, batches } = board;
  const { worker } = await threads.start<never>("takeover.fixture.ts", input);
  let failure: unknown;
  worker.once("error", (error) => {
    failure = error;
  });
  // Some do not even come to their first append.
  if (random.chance(0.1)) await sleep(random.below(150));
  else {
    const deadline = Date.now() + PATIENCE_MS;
    while (failure === undefined && board.rounds === rounds) {
      if (Date.now() > deadline) throw new Error(`no writer attached in ${PATIENCE_MS} ms`);
      await sleep(1);
    }
    const enough = batches + random.below(400);
    while (failure === undefined && board.batches < enough && Date.now() <= deadline) {
      if (finished(input.handle)) break;
      await sleep(0);
    }
  }
  await worker.terminate();
  if (failure !== undefined) throw failure;
}

function finished(handle: StoreHandle): boolean {
  const store = BatchStore.attach(handle);
  try {
    return store.finished;
  } finally {
    store.close();
  }
}

it(`${WRITERS} writers are terminated in the midst of appends, and each next one goes on`, async () => {
  await seeded(() =>
    withThreads(async (threads) => {
      const random = new Random(seed);
      const memories = new Memories();
      const board = new Board();
      let round = 0;
      let handle = memories.take(round);
      let verified = 0;
      let total = 0;
      let withinAppend = 0;
      for (let writer = 0; writer < WRITERS; writer++) {
        board.appending = false;
        const input = { seed, round, mostRows: MOST_ROWS, handle, board: board.buffer, writer };
        await terminateOne(threads, input, random);
        if (board.appending) withinAppend++;

        const store = BatchStore.attach(handle);
        const verifier = new Verifier(store, new Content(seed, round, MOST_ROWS), sharedBuffer(handle));
        const whole = store.finished;
        const length = verifier.length();
        verifier.snapshot();
        for (const batch of store.iterate({ from: whole ? 0 : verified })) verifier.batch(batch);
        verifier.ipc(whole ? 0 : verified, length);
        total += length - verified;
        verified = length;
        store.close();
        if (!whole) continue;
        round++;
        handle = memories.take(round);
        verified = 0;
      }
      const { recycled, dropped } = memories;
      console.log(JSON.stringify({ seed, rounds: round, batches: total, withinAppend, recycled, dropped }));
      expect(total).toBeGreaterThan(WRITERS);
      if (short) return;
      expect(withinAppend).toBeGreaterThan(0);
      expect(recycled).toBeGreaterThan(0);
    }),
  );
});
