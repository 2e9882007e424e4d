/**
 * A process of its own to measure the memory of: `memory.child.mjs resident BYTES` or `memory.child.mjs allocation KIND COUNT`. Prints
 * one JSON object of numbers.
 */
// @ts-check
import { getHeapStatistics } from "node:v8";
import { collect, median } from "./measure.mjs";
import { BatchStore } from "./pennon.mjs";
import { mixedBatch, mixedSchema, pairBatch, pairSchema } from "./sources.mjs";

const LARGE_ROWS = 8192;
const SMALL_ROWS = 100;
const MIB = 2 ** 20;

/**
 * Appends until the rows take `dataBytes`; memory before and after, with pages touched ahead as users have them.
 *
 * @param {number} dataBytes
 */
function resident(dataBytes) {
  const batch = mixedBatch(LARGE_ROWS);
  const store = BatchStore.create({ schema: mixedSchema, bytes: dataBytes + dataBytes / 8 });
  const before = process.memoryUsage.rss();
  let data = 0;
  while (data < dataBytes) data += store.append(batch).bytes;
  const total = process.memoryUsage.rss();
  return { data, before, total };
}

const kinds = {
  pairs: () => ({ schema: pairSchema, batches: [pairBatch(SMALL_ROWS)] }),
  mixed: () => ({ schema: mixedSchema, batches: [mixedBatch(SMALL_ROWS)] }),
  slices: () => {
    const whole = mixedBatch(SMALL_ROWS + 8);
    return { schema: mixedSchema, batches: [1, 3, 5, 7].map((odd) => whole.slice(odd, odd + SMALL_ROWS)) };
  },
};

/**
 * Bytes of heap that an append allocates, in the first and in the second half of `count` appends, and what is left of them after a
 * collection.
 *
 * @param {keyof typeof kinds} kind
 * @param {number} count
 */
function allocation(kind, count) {
  const { schema, batches } = kinds[kind]();
  const store = BatchStore.create({ schema, bytes: count * 6 * 1024 + MIB, capacity: count, prefault: false });
  /** @param {number} appends */
  const append = (appends) => {
    const start = getHeapStatistics().used_heap_size;
    for (let i = 0; i < appends; i++) {
      const batch = batches[i % batches.length];
      if (batch !== undefined) store.append(batch);
    }
    return (getHeapStatistics().used_heap_size - start) / appends;
  };
  // Until the engine has compiled all of it: a compilation counts as an allocation.
  for (let round = 0; round < 3; round++) {
    append(count);
    store.recycle();
    collect();
  }
  const kept = [];
  const halves = { first: 0, second: 0 };
  for (let round = 0; round < 3; round++) {
    const before = getHeapStatistics().used_heap_size;
    halves.first = append(count / 2);
    halves.second = append(count / 2);
    collect();
    kept.push((getHeapStatistics().used_heap_size - before) / count);
    store.recycle();
  }
  return { ...halves, retained: median(kept) };
}

const [task, ...options] = process.argv.slice(2);
const [first = "", second = ""] = options;
const figures =
  task === "resident" ? resident(Number(first)) : allocation(/** @type {keyof typeof kinds} */ (first), Number(second));
console.log(JSON.stringify(figures));
