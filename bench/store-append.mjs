/**
 * Appending, against copying the same bytes and against the ways Node has to bring a batch to another thread.
 *
 * Memory is either untouched (an arena that was just allocated: the system commits each page when it is first written, which costs
 * more than to fill it) or touched (a store that is recycled).
 */
// @ts-check
/// <reference path="../src/kernels/webassembly.d.ts" />
import { setTimeout as sleep } from "node:timers/promises";
import { Table, tableToIPC } from "apache-arrow";
import { collect, inTurn, keep, timed, US_PER_MS } from "./measure.mjs";
import { BatchStore } from "./pennon.mjs";
import { atMostTimesPeer, result, timesFasterThanPeer } from "./result.mjs";
import { mixedBatch, mixedSchema, oddSlice, pairBatch, pairSchema, plainPieces, setPieces } from "./sources.mjs";
import { BenchThread } from "./thread.mjs";

const LARGE_ROWS = 8192;
const SMALL_ROWS = 100;
const ARENA_BYTES = 2 ** 26;
const WASM_PAGE_BYTES = 2 ** 16;

const wholes = [0, 1, 2, 3].map((seed) => mixedBatch(LARGE_ROWS, seed));
const slices = [1, 3, 5, 7].map((odd) => oddSlice(LARGE_ROWS, odd));
const pairs = Array.from({ length: 16 }, (_, seed) => pairBatch(SMALL_ROWS, seed));

/** @param {import("apache-arrow").Schema} schema @param {boolean} [prefault] */
function freshStore(schema, prefault = false) {
  collect(); // arenas of former rounds
  return BatchStore.create({ schema, bytes: ARENA_BYTES, prefault });
}

function freshMemory() {
  collect();
  const pages = ARENA_BYTES / WASM_PAGE_BYTES;
  return new Uint8Array(new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer);
}

/**
 * Milliseconds an append.
 *
 * @param {import("./pennon.mjs").Store} store
 * @param {readonly import("apache-arrow").RecordBatch[]} batches
 * @param {number} count
 */
function append(store, batches, count) {
  const figure = timed(count, () => {
    for (let i = 0; i < count; i++) {
      const batch = batches[i % batches.length];
      if (batch !== undefined) keep(store.append(batch).bytes);
    }
  });
  if (store.length !== count) throw new Error(`the store holds ${store.length} batches, expected ${count}`);
  return figure;
}

/**
 * Milliseconds a copy of the same bytes.
 *
 * @param {Uint8Array} memory
 * @param {readonly Uint8Array[][]} pieces
 * @param {number} count
 */
function set(memory, pieces, count) {
  return timed(count, () => {
    let end = 0;
    for (let i = 0; i < count; i++) end = setPieces(memory, end, pieces[i % pieces.length] ?? []);
    keep(end);
  });
}

/**
 * @param {string} name
 * @param {readonly import("apache-arrow").RecordBatch[]} batches
 * @param {number} times how many times the peer's time an append into untouched memory may take
 * @returns {import("./store.mjs").Case}
 */
function largeCase(name, batches, times) {
  const pieces = batches.map(plainPieces);
  return {
    name,
    async measure(plan) {
      const count = plan.smoke ? 32 : 128;
      const recycled = freshStore(mixedSchema);
      const touched = freshMemory().fill(1);
      append(recycled, batches, count);
      const found = await inTurn(plan, {
        touched: () => {
          recycled.recycle();
          return append(recycled, batches, count);
        },
        touchedSet: () => set(touched, pieces, count),
      });
      const fresh = await inTurn(plan, {
        untouched: () => append(freshStore(mixedSchema), batches, count),
        untouchedSet: () => set(freshMemory(), pieces, count),
      });
      recycled.close();
      return [
        result(`${name}, untouched memory`, "µs", fresh.untouched * US_PER_MS, {
          peer: "aligned Uint8Array.set, untouched memory",
          peerMedian: fresh.untouchedSet * US_PER_MS,
          target: atMostTimesPeer(times),
        }),
        result(`${name}, touched memory`, "µs", found.touched * US_PER_MS, {
          peer: "aligned Uint8Array.set, touched memory",
          peerMedian: found.touchedSet * US_PER_MS,
        }),
      ];
    },
  };
}

/** @type {import("./store.mjs").Case} */
const smallCase = {
  name: "append 100 rows (int32, int32)",
  async measure(plan) {
    const count = plan.smoke ? 2_000 : 20_000;
    const encodings = plan.smoke ? 100 : 400;
    const recycled = freshStore(pairSchema);
    append(recycled, pairs, count);
    // The targets are held against the peer at its best: a table made beforehand, which `tableToIPC` takes as it is.
    const pair = pairBatch(SMALL_ROWS, 0);
    const one = [pair];
    const made = new Table([pair]);
    const encode = () => tableToIPC(made, "stream");
    const sink = await BenchThread.start("sink");
    try {
      const found = await inTurn(plan, {
        touched: () => {
          recycled.recycle();
          return append(recycled, one, count);
        },
        sixteen: () => {
          recycled.recycle();
          return append(recycled, pairs, count);
        },
        encoded: () =>
          timed(encodings, () => {
            for (let i = 0; i < encodings; i++) keep(encode().byteLength);
          }),
        encodedFromBatch: () =>
          timed(encodings, () => {
            for (let i = 0; i < encodings; i++) keep(tableToIPC(new Table([pair]), "stream").byteLength);
          }),
        posted: async () => {
          const figure = timed(encodings, () => {
            for (let i = 0; i < encodings; i++) sink.post(encode());
          });
          const { messages } = await sink.ask({ count: true });
          if (messages !== encodings) throw new Error(`${messages} of ${encodings} messages have arrived`);
          return figure;
        },
      });
      const fresh = await inTurn(plan, {
        untouched: () => append(freshStore(pairSchema), pairs, count),
        touchedAhead: () => append(freshStore(pairSchema, true), pairs, count),
      });
      const name = smallCase.name;
      const median = found.touched * US_PER_MS;
      return [
        result(`${name}, touched memory, against posting`, "µs", median, {
          peer: "tableToIPC + postMessage to a worker, the sender's part",
          peerMedian: found.posted * US_PER_MS,
          target: timesFasterThanPeer(50),
        }),
        result(`${name}, touched memory, against encoding`, "µs", median, {
          peer: "tableToIPC of a table made beforehand",
          peerMedian: found.encoded * US_PER_MS,
          target: timesFasterThanPeer(60),
        }),
        result(`${name}, touched memory, against making a table of the batch and encoding it`, "µs", median, {
          peer: "new Table + tableToIPC",
          peerMedian: found.encodedFromBatch * US_PER_MS,
        }),
        result(`${name}, touched memory, 16 batches in turn`, "µs", found.sixteen * US_PER_MS, {
          peer: "tableToIPC of a table made beforehand",
          peerMedian: found.encoded * US_PER_MS,
        }),
        result(`${name}, untouched memory, back to back`, "µs", fresh.untouched * US_PER_MS),
        result(`${name}, new store, pages touched ahead, back to back`, "µs", fresh.touchedAhead * US_PER_MS),
      ];
    } finally {
      recycled.close();
      await sink.end();
    }
  },
};

/** A writer that leaves its thread of pages touched ahead the time to be ahead: 100 appends, 109 KB, a millisecond or so. */
const pacedCase = {
  name: "append 100 rows (int32, int32), 100 in a row and a pause",
  /** @param {import("./measure.mjs").Plan} plan */
  async measure(plan) {
    const bursts = plan.smoke ? 20 : 200;
    /** @param {boolean} prefault */
    const paced = async (prefault) => {
      const store = freshStore(pairSchema, prefault);
      let elapsed = 0;
      for (let burst = 0; burst < bursts; burst++) {
        elapsed += timed(100, () => {
          for (const batch of pairs) for (let i = 0; i < 100 / pairs.length; i++) keep(store.append(batch).bytes);
        });
        await sleep(1);
      }
      store.close();
      return elapsed / bursts;
    };
    const rounds = { ...plan, rounds: Math.min(plan.rounds, 9), warmup: 1 };
    const found = await inTurn(rounds, { ahead: () => paced(true), untouched: () => paced(false) });
    return [
      result(`${pacedCase.name}, new store, pages touched ahead`, "µs", found.ahead * US_PER_MS, {
        peer: "the same without touching ahead",
        peerMedian: found.untouched * US_PER_MS,
      }),
    ];
  },
};

/** @type {readonly import("./store.mjs").Case[]} */
export const appendCases = [
  largeCase("append 8,192 rows (int64, float64, utf8)", wholes, 1.3),
  largeCase("append 8,192 rows, slices at odd offsets", slices, 1.6),
  smallCase,
  pacedCase,
];
