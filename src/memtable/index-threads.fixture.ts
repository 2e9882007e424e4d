/**
 * A worker that looks keys up in a memtable while another thread fills it, at random snapshots, and checks every answer. Which key a row
 * has follows from its number, so each thread has the model without being told.
 */
import { parentPort, workerData } from "node:worker_threads";
import { type Data, Int64, makeData } from "apache-arrow";
import { Random } from "../../test/arrow-random-data.js";
import { NOT_FOUND } from "../kernels/key-index.js";
import { Memtable } from "./memtable.js";
import type { MemtableHandle } from "./memtable-handle.js";

/** What the worker is given. */
export interface ProberInput {
  readonly handle: MemtableHandle;
  readonly rows: number;
  /** Rows whose keys ascend; none for a memtable that is not made for such. */
  readonly ascending: number;
  /** This worker's word of `counters`, and the seed of what it asks. */
  readonly prober: number;
  /** Of each worker, how many rounds it has done. */
  readonly counters: Int32Array;
  /** Word 0: 1 when no row will follow. */
  readonly over: Int32Array;
}

/** What it answers. */
export interface ProberResult {
  readonly answers: number;
  readonly wrong: number;
}

const LOOKUPS = 64;

/** The key of a row: first `ascending` that ascend, then new ones and old ones, some of them often. */
export function keyOfRow(row: number, ascending: number): number {
  if (row < ascending) return row;
  const hash = Math.imul(row + 1, 0x9e3779b1) >>> 7;
  if (row % 3 === 0) return row;
  return row % 3 === 1 ? hash % 97 : hash % (row + 1);
}

/** Data of int64 keys. */
export function longData(keys: readonly number[]): Data<Int64> {
  return makeData({ type: new Int64(), data: BigInt64Array.from(keys, (key) => BigInt(key) << 20n) });
}

/** The rows of each key, ascending. */
function versionsOf(rows: number, ascending: number): Map<number, number[]> {
  const versions = new Map<number, number[]>();
  for (let row = 0; row < rows; row++) {
    const key = keyOfRow(row, ascending);
    const known = versions.get(key);
    if (known === undefined) versions.set(key, [row]);
    else known.push(row);
  }
  return versions;
}

/** The last of some ascending rows below a bound. */
function newestBelow(rows: readonly number[] | undefined, bound: number): number {
  let low = 0;
  let high = rows?.length ?? 0;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows?.[middle] ?? 0) < bound) low = middle + 1;
    else high = middle;
  }
  return rows?.[low - 1] ?? NOT_FOUND;
}

function probe({ handle, rows: most, ascending, prober, counters, over }: ProberInput): ProberResult {
  const versions = versionsOf(most, ascending);
  const memtable = Memtable.attach(handle);
  const random = new Random(prober);
  const out = new Uint32Array(LOOKUPS);
  const newest = new Uint32Array(most);
  let answers = 0;
  let wrong = 0;
  const check = (found: number | undefined, expected: number): void => {
    answers++;
    if (found !== expected) wrong++;
  };
  for (let last = false; !last; ) {
    last = Atomics.load(over, 0) === 1;
    const { rows, batches } = memtable.snapshot();
    const bound = random.below(3) === 0 ? random.below(rows + 1) : rows;
    const keys = Array.from(out, () =>
      random.below(4) === 0 ? random.below(most) : keyOfRow(random.below(rows + 1), ascending),
    );
    memtable.find([longData(keys)], bound, out);
    keys.forEach((key, i) => {
      check(out[i], newestBelow(versions.get(key), bound));
    });
    const key = keyOfRow(random.below(rows + 1), ascending);
    check(memtable.findOne([BigInt(key) << 20n], bound), newestBelow(versions.get(key), bound));
    if (batches > 0) {
      const position = random.below(batches);
      const batch = memtable.store.get(position);
      const first = batch?.rowOffset ?? 0;
      const end = Math.min(first + (batch?.rows ?? 0), bound);
      const found = newest.subarray(0, memtable.newestRows(position, bound, newest));
      const expected: number[] = [];
      for (let row = first; row < end; row++) {
        if (newestBelow(versions.get(keyOfRow(row, ascending)), bound) === row) expected.push(row - first);
      }
      check(found.length, expected.length);
      expected.forEach((row, i) => {
        check(found[i], row);
      });
    }
    Atomics.add(counters, prober, 1);
    Atomics.notify(counters, prober);
  }
  memtable.close();
  return { answers, wrong };
}

parentPort?.postMessage(probe(workerData));
