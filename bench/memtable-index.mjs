/**
 * The primary-key index of a memtable: inserting and looking up, against a JavaScript Map of the same keys; what it costs an append; the
 * memory it takes.
 */
// @ts-check
import { collect, inTurn, keep, timed } from "./measure.mjs";
import {
  longBatches,
  longSchema,
  lookUp,
  shuffled,
  textBatches,
  textSchema,
  vectorBatches,
  vectorSchema,
} from "./memtable-keys.mjs";
import { BatchStore, Memtable } from "./pennon.mjs";
import { atLeast, atLeastTimesPeer, atMostTimesPeer, result } from "./result.mjs";
import { BenchThread } from "./thread.mjs";

const FULL_KEYS = 1_000_000;
const SMOKE_KEYS = 50_000;
const MIB = 2 ** 20;
const KEYS_PER_MS = 1e-3;

/** @typedef {import("../src/memtable/memtable.js").Memtable} Index */
/** @typedef {import("apache-arrow").RecordBatch} Batch */

/** @param {import("./measure.mjs").Plan} plan */
function keysOf(plan) {
  return shuffled(plan.smoke ? SMOKE_KEYS : FULL_KEYS, 1);
}

/** @param {import("apache-arrow").Schema} schema @param {number} maxRows @param {number} expectedRows @param {number} bytes */
function memtableOf(schema, maxRows, expectedRows, bytes) {
  const primaryKey = ["id"];
  return Memtable.create({ schema, primaryKey, bytes, batches: 20_000, maxRows, expectedRows, prefault: false });
}

/** Million keys a second. @param {number} keys @param {() => void} work */
function speed(keys, work) {
  return KEYS_PER_MS / timed(keys, work);
}

/** Appends all batches one by one. @param {Index} memtable @param {readonly Batch[]} batches */
function appendAll(memtable, batches) {
  for (const batch of batches) memtable.append([batch]);
}

/** @param {BigInt64Array} keys */
function mapOf(keys) {
  /** @type {Map<bigint, number>} */
  const map = new Map();
  for (let i = 0; i < keys.length; i++) map.set(keys[i] ?? 0n, i);
  return map;
}

/** @type {import("./store.mjs").Case} */
const insertCase = {
  name: "index: append and insert",
  async measure(plan) {
    const keys = keysOf(plan);
    const batches = longBatches(keys);
    const texts = textBatches(keys);
    const sized = memtableOf(longSchema, 2 * keys.length, keys.length, 2 ** 25);
    const growing = memtableOf(longSchema, 2 * keys.length, 0, 2 ** 25);
    const textual = memtableOf(textSchema, 2 * keys.length, keys.length, 2 ** 26);
    /** @param {Index} memtable @param {readonly Batch[]} of @param {number} expectedRows */
    const again = (memtable, of, expectedRows) => {
      memtable.recycle({ expectedRows });
      return speed(keys.length, () => appendAll(memtable, of));
    };
    const found = await inTurn(plan, {
      sized: () => again(sized, batches, keys.length),
      growing: () => again(growing, batches, 0),
      text: () => again(textual, texts, keys.length),
      map: () => {
        collect();
        return speed(keys.length, () => keep(mapOf(keys).size));
      },
    });
    for (const memtable of [sized, growing, textual]) memtable.close();
    const map = { peer: "JavaScript Map of the same bigint keys", peerMedian: found.map };
    const unit = "M keys/s";
    return [
      result(`${insertCase.name}, int64`, unit, found.sized, { target: atLeast(12, unit) }),
      result(`${insertCase.name}, int64, against a Map`, unit, found.sized, { ...map, target: atLeastTimesPeer(5) }),
      result(`${insertCase.name}, int64, growing from empty`, unit, found.growing, map),
      result(`${insertCase.name}, utf8 of 16 characters`, unit, found.text, { target: atLeast(4, unit) }),
    ];
  },
};

/** @type {import("./store.mjs").Case} */
const lookupCase = {
  name: "index: look up",
  async measure(plan) {
    const keys = keysOf(plan);
    const asked = shuffled(keys.length, 2);
    const memtable = memtableOf(longSchema, 2 * keys.length, keys.length, 2 ** 25);
    appendAll(memtable, longBatches(keys));
    const map = mapOf(keys);
    const { rows } = memtable.snapshot();
    const found = await inTurn(plan, {
      batches: () => speed(asked.length, () => lookUp(memtable, asked)),
      single: () =>
        speed(asked.length, () => {
          /** @type {[bigint]} */
          const key = [0n];
          for (let i = 0; i < asked.length; i++) {
            key[0] = asked[i] ?? 0n;
            keep(memtable.findOne(key, rows));
          }
        }),
      map: () =>
        speed(asked.length, () => {
          for (let i = 0; i < asked.length; i++) keep(map.get(asked[i] ?? 0n) ?? 0);
        }),
    });
    memtable.close();
    const peer = { peer: "JavaScript Map of the same bigint keys", peerMedian: found.map };
    const unit = "M keys/s";
    return [
      result(`${lookupCase.name} int64, in batches`, unit, found.batches, { target: atLeast(10, unit) }),
      result(`${lookupCase.name} int64, in batches, against a Map`, unit, found.batches, {
        ...peer,
        target: atLeastTimesPeer(5),
      }),
      result(`${lookupCase.name} int64, one by one`, unit, found.single, { ...peer, target: atLeast(4, unit) }),
    ];
  },
};

/** @type {import("./store.mjs").Case} */
const readersCase = {
  name: "index: look up in batches, two threads",
  async measure(plan) {
    const keys = keysOf(plan);
    const memtable = memtableOf(longSchema, 2 * keys.length, keys.length, 2 ** 25);
    appendAll(memtable, longBatches(keys));
    const handle = memtable.handle();
    const rounds = plan.smoke ? 1 : 4;
    const threads = await Promise.all([BenchThread.start("lookups"), BenchThread.start("lookups")]);
    /** @param {readonly BenchThread[]} asking */
    const together = async (asking) => {
      const answers = await Promise.all(asking.map((thread) => thread.ask({ handle, keys, rounds })));
      const elapsedMs = Math.max(...answers.map((answer) => answer.elapsedMs));
      return (KEYS_PER_MS * asking.length * rounds * keys.length) / elapsedMs;
    };
    try {
      const found = await inTurn(plan, { one: () => together(threads.slice(0, 1)), two: () => together(threads) });
      return [
        result(readersCase.name, "M keys/s", found.two, {
          peer: "one thread",
          peerMedian: found.one,
          target: atLeastTimesPeer(1.5),
        }),
      ];
    } finally {
      await Promise.all(threads.map((thread) => thread.end()));
      memtable.close();
    }
  },
};

/** @type {import("./store.mjs").Case} */
const memoryCase = {
  name: "index: memory",
  async measure(plan) {
    const keys = keysOf(plan);
    collect();
    const before = process.memoryUsage().heapUsed;
    const map = mapOf(keys);
    collect();
    const mapBytes = process.memoryUsage().heapUsed - before;
    keep(map.size);
    return [keys.length, 0].map((expectedRows) => {
      const memtable = memtableOf(longSchema, 2 * keys.length, expectedRows, 2 ** 25);
      appendAll(memtable, longBatches(keys));
      const { indexBytes } = memtable;
      memtable.close();
      const how = expectedRows > 0 ? "sized for them" : "grown from empty";
      return result(`${memoryCase.name} for ${keys.length} int64 keys, ${how}`, "MiB", indexBytes / MIB, {
        peer: "heap of a JavaScript Map of the same bigint keys",
        peerMedian: mapBytes / MIB,
        target: atMostTimesPeer(1 / 3),
      });
    });
  },
};

/** @type {import("./store.mjs").Case} */
const appendCase = {
  name: "index: append of rows (int64 key, float64, 128-d vector)",
  async measure(plan) {
    const keys = shuffled(plan.smoke ? 5_000 : 60_000, 3);
    const bytes = 2 ** 26;
    const results = [];
    for (const rows of [100, 1_000]) {
      const batches = vectorBatches(keys, rows);
      const store = BatchStore.create({ schema: vectorSchema, bytes, prefault: false });
      const memtable = memtableOf(vectorSchema, keys.length, keys.length, bytes);
      const fresh = () => {
        collect();
        return memtableOf(vectorSchema, keys.length, keys.length, bytes);
      };
      const found = await inTurn(plan, {
        with: () => {
          memtable.recycle({ expectedRows: keys.length });
          return speed(keys.length, () => appendAll(memtable, batches));
        },
        without: () => {
          store.recycle();
          return speed(keys.length, () => {
            for (const batch of batches) store.append(batch);
          });
        },
        freshWith: () => {
          const untouched = fresh();
          return speed(keys.length, () => appendAll(untouched, batches));
        },
        freshWithout: () => {
          const { store: untouched } = fresh();
          return speed(keys.length, () => {
            for (const batch of batches) untouched.append(batch);
          });
        },
      });
      for (const each of [store, memtable]) each.close();
      const peer = "BatchStore.append of the same";
      results.push(
        result(`${appendCase.name}, ${rows} at once, touched memory`, "M rows/s", found.with, {
          peer,
          peerMedian: found.without,
          target: atLeastTimesPeer(0.7),
        }),
        result(`${appendCase.name}, ${rows} at once, untouched memory`, "M rows/s", found.freshWith, {
          peer,
          peerMedian: found.freshWithout,
          target: atLeastTimesPeer(0.7),
        }),
      );
    }
    return results;
  },
};

/** @type {readonly import("./store.mjs").Case[]} */
export const indexCases = [insertCase, lookupCase, readersCase, memoryCase, appendCase];
