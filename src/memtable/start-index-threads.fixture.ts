/** Fills a memtable while other threads look keys up in it. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { Field, Int64, Schema } from "apache-arrow";
import { batchOf } from "../../test/arrow-arbitrary.js";
import { Random } from "../../test/arrow-random-data.js";
import { bundle } from "../../test/bundle.js";
import { keyOfRow, longData, type ProberInput, type ProberResult } from "./index-threads.fixture.js";
import { Memtable } from "./memtable.js";

const PROBERS = 3;
/** Longest time that a thread may take for a round. */
const LIMIT_MS = 20_000;
/** How often the writer waits until every prober has done another round: so all sizes of the index are looked at. */
const STOPS = 60;

const schema = new Schema([new Field("id", new Int64(), false)]);

/** What came of a run. */
export interface IndexRun {
  readonly probers: readonly ProberResult[];
  /** Tables that the index had. */
  readonly tables: number;
}

/**
 * Inserts `rows` rows in batches of 1 to `mostRows`, from a small index on, which grows.
 *
 * @param ascending keys of so many rows ascend, and the memtable is made for that
 */
export async function fillBesideProbers(
  rows: number,
  mostRows: number,
  seed: number,
  ascending = 0,
): Promise<IndexRun> {
  const memtable = Memtable.create({
    schema,
    primaryKey: ["id"],
    bytes: 64 * rows + (1 << 24),
    batches: rows,
    maxRows: rows,
    ordered: ascending > 0,
    prefault: false,
  });
  const path = await bundle(new URL("./index-threads.fixture.ts", import.meta.url));
  const counters = new Int32Array(new SharedArrayBuffer(4 * PROBERS));
  const over = new Int32Array(new SharedArrayBuffer(4));
  const workers = Array.from({ length: PROBERS }, (_, prober) => {
    const input: ProberInput = { handle: memtable.handle(), rows, ascending, prober, counters, over };
    return new Worker(path, { workerData: input });
  });
  try {
    const answers = workers.map(async (worker): Promise<ProberResult> => {
      const [answer] = await once(worker, "message");
      return answer;
    });
    const all = Promise.all(answers);
    all.catch(() => {}); // looked at below
    const random = new Random(seed);
    const sizes = new Set<number>();
    let stop = 0;
    for (let row = 0; row < rows; ) {
      const count = Math.min(1 + random.below(mostRows), rows - row);
      const keys = Array.from({ length: count }, (_, i) => keyOfRow(row + i, ascending));
      memtable.append([batchOf(schema, count, [longData(keys)])]);
      row += count;
      sizes.add(memtable.indexBytes >>> 12);
      if (row < (rows * stop) / STOPS) continue;
      stop++;
      await Promise.race([all, nextRounds(counters)]);
    }
    Atomics.store(over, 0, 1);
    return { probers: await all, tables: sizes.size };
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
    memtable.close();
  }
}

/** Resolves when each prober has ended a round that it began after now. */
async function nextRounds(counters: Int32Array): Promise<void> {
  const end = Date.now() + LIMIT_MS;
  for (let prober = 0; prober < PROBERS; prober++) {
    const goal = Atomics.load(counters, prober) + 2;
    for (;;) {
      const done = Atomics.load(counters, prober);
      if (done >= goal) break;
      if (Date.now() > end) throw new Error(`prober ${prober} has not done a round in ${LIMIT_MS} ms`);
      const wait = Atomics.waitAsync(counters, prober, done, 1_000);
      if (wait.async) await wait.value;
    }
  }
}
