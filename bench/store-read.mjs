/**
 * Reading in one thread: lengths, batches, raw columns, iteration, reversal, kernels.
 */
// @ts-check
import { inTurn, keep, NS_PER_MS, timed, US_PER_MS } from "./measure.mjs";
import { BatchStore } from "./pennon.mjs";
import { atLeastTimesPeer, atMostTimesPeer, below, result } from "./result.mjs";
import { longBatch, longSchema, mixedBatch, mixedSchema, setPieces } from "./sources.mjs";

const MIB = 2 ** 20;

/**
 * A store of so many equal batches, (int64, float64, utf8 of 16 characters).
 *
 * @param {number} batches
 * @param {number} rows of each
 */
function filledStore(batches, rows) {
  const batch = mixedBatch(rows);
  const rowBytes = 36;
  const store = BatchStore.create({
    schema: mixedSchema,
    bytes: batches * (rows * rowBytes + 1024) + 2 * MIB,
    prefault: false,
  });
  for (let i = 0; i < batches; i++) store.append(batch);
  return store;
}

/** @type {import("./store.mjs").Case} */
const lengthCase = {
  name: "length",
  async measure(plan) {
    const calls = plan.smoke ? 100_000 : 2_000_000;
    const store = filledStore(10, 100);
    const reader = BatchStore.attach(store.handle());
    const found = await inTurn(plan, {
      length: () =>
        timed(calls, () => {
          let sum = 0;
          for (let i = 0; i < calls; i++) sum += reader.length;
          keep(sum);
        }),
    });
    reader.close();
    store.close();
    return [result("length", "ns", found.length * NS_PER_MS, { target: below(25, "ns") })];
  },
};

/** @type {import("./store.mjs").Case} */
const getCase = {
  name: "get",
  async measure(plan) {
    const batches = 1000;
    const passes = plan.smoke ? 20 : 500;
    const store = filledStore(batches, 100);
    const reader = BatchStore.attach(store.handle());
    /** @param {import("./pennon.mjs").Store} from @param {number} times */
    const getAll = (from, times) =>
      timed(times * batches, () => {
        let rows = 0;
        for (let pass = 0; pass < times; pass++) {
          for (let i = 0; i < batches; i++) rows += from.get(i)?.rows ?? 0;
        }
        keep(rows);
      });
    getAll(reader, 1);
    const found = await inTurn(plan, {
      seen: () => getAll(reader, passes),
      unseen: () => {
        const fresh = BatchStore.attach(store.handle());
        const figure = getAll(fresh, 1);
        fresh.close();
        return figure;
      },
    });
    reader.close();
    store.close();
    return [
      result("get, a batch this thread has seen", "ns", found.seen * NS_PER_MS, { target: below(60, "ns") }),
      result("get, a batch this thread has not seen", "ns", found.unseen * NS_PER_MS),
    ];
  },
};

/** @type {import("./store.mjs").Case} */
const rawCase = {
  name: "new batch",
  async measure(plan) {
    const batches = plan.smoke ? 500 : 4000;
    const store = filledStore(batches, 100);
    /** @param {(reader: import("./pennon.mjs").Store) => void} read */
    const newReader = (read) => {
      const reader = BatchStore.attach(store.handle(), { cachedBatches: batches });
      const figure = timed(batches, () => read(reader));
      reader.close();
      return figure;
    };
    const found = await inTurn(plan, {
      raw: () =>
        newReader((reader) => {
          const [id, value, text] = [reader.column("id"), reader.column("value"), reader.column("text")];
          let sum = 0;
          for (let i = 0; i < batches; i++) {
            sum += id.values(i)?.length ?? 0;
            sum += value.values(i)?.length ?? 0;
            sum += text.offsets(i)?.length ?? 0;
            sum += text.values(i)?.length ?? 0;
          }
          keep(sum);
        }),
      arrow: () =>
        newReader((reader) => {
          let sum = 0;
          for (let i = 0; i < batches; i++) sum += reader.recordBatch(i)?.numRows ?? 0;
          keep(sum);
        }),
    });
    store.close();
    return [
      result("new batch, raw columns, each (of int64, float64, utf8)", "µs", (found.raw / 3) * US_PER_MS, {
        target: below(1, "µs"),
      }),
      result("new batch, its Arrow view (int64, float64, utf8)", "µs", found.arrow * US_PER_MS),
    ];
  },
};

/** @type {import("./store.mjs").Case} */
const iterateCase = {
  name: "iterate 1,000 batches and add up their rows",
  async measure(plan) {
    const batches = 1000;
    const passes = plan.smoke ? 20 : 500;
    const store = filledStore(batches, 100);
    const reader = BatchStore.attach(store.handle());
    /** @param {import("./pennon.mjs").Store} from @param {number} times */
    const addUp = (from, times) =>
      timed(times, () => {
        for (let pass = 0; pass < times; pass++) {
          let rows = 0;
          for (const batch of from) rows += batch.rows;
          keep(rows);
        }
      });
    addUp(reader, 1);
    const found = await inTurn(plan, {
      seen: () => addUp(reader, passes),
      unseen: () => {
        const fresh = BatchStore.attach(store.handle());
        const figure = addUp(fresh, 1);
        fresh.close();
        return figure;
      },
    });
    reader.close();
    store.close();
    return [
      result(iterateCase.name, "µs", found.seen * US_PER_MS, { target: below(20, "µs") }),
      result(`${iterateCase.name}, none of them seen before`, "µs", found.unseen * US_PER_MS),
    ];
  },
};

/** @type {import("./store.mjs").Case} */
const reverseCase = {
  name: "rows reversed, 100 batches of 1,000 rows",
  async measure(plan) {
    const store = filledStore(100, 1000);
    const reader = BatchStore.attach(store.handle());
    const pieces = reader
      .batches()
      .map((batch) =>
        batch.data.children.flatMap(({ valueOffsets, values }) =>
          [valueOffsets, values]
            .filter((view) => view !== undefined)
            .map((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength)),
        ),
      );
    const passes = plan.smoke ? 2 : 10;
    const target = new Uint8Array(reader.snapshot().arenaBytes).fill(1);
    /** @param {() => Uint8Array} memory */
    const copyAll = (memory) =>
      timed(passes, () => {
        for (let pass = 0; pass < passes; pass++) {
          const copy = memory();
          let end = 0;
          for (const batch of pieces) end = setPieces(copy, end, batch);
          keep(copy[0] ?? 0);
        }
      });
    /** @param {import("./pennon.mjs").Store} from @param {number} times */
    const reverseAll = (from, times) =>
      timed(times, () => {
        for (let pass = 0; pass < times; pass++) {
          for (const batch of from.batches({ reverse: true, reverseRows: true })) keep(batch.numRows);
        }
      });
    reverseAll(reader, plan.smoke ? 2 : 50);
    const found = await inTurn(plan, {
      reversed: () => reverseAll(reader, passes),
      copied: () => copyAll(() => target),
    });
    // Apart from those above, because 3.6 MB at a time wear on the memory that these allocate from.
    const others = await inTurn(plan, {
      copiedFresh: () => copyAll(() => new Uint8Array(target.byteLength)),
      first: () => {
        const fresh = BatchStore.attach(store.handle());
        const figure = reverseAll(fresh, 1);
        fresh.close();
        return figure;
      },
    });
    reader.close();
    store.close();
    const { name } = reverseCase;
    const reversed = found.reversed * US_PER_MS;
    return [
      result(name, "µs", reversed, {
        peer: "Uint8Array.set of the same bytes into touched memory",
        peerMedian: found.copied * US_PER_MS,
        target: atMostTimesPeer(8),
      }),
      result(`${name}, against new memory`, "µs", reversed, {
        peer: "Uint8Array.set of the same bytes into new memory",
        peerMedian: others.copiedFresh * US_PER_MS,
      }),
      result(`${name}, by a reader that has just attached`, "µs", others.first * US_PER_MS, {
        peer: "Uint8Array.set of the same bytes into touched memory",
        peerMedian: found.copied * US_PER_MS,
      }),
    ];
  },
};

/** @type {import("./store.mjs").Case} */
const sumCase = {
  name: "sum of int64",
  async measure(plan) {
    const batches = plan.smoke ? 100 : 1000;
    const rows = 8192;
    const bytes = batches * rows * 8;
    const mixed = filledStore(batches, rows);
    const alone = BatchStore.create({ schema: longSchema, bytes: bytes + batches * 1024 + 2 * MIB, prefault: false });
    const part = longBatch(rows);
    for (let i = 0; i < batches; i++) alone.append(part);
    const whole = BatchStore.create({ schema: longSchema, bytes: bytes + 2 * MIB, prefault: false });
    whole.append(longBatch(batches * rows));
    const wholeAt = whole.column("id").valuesAddress(0) ?? 0;
    const column = mixed.column("id");
    const known = Array.from({ length: batches }, (_, i) => column.valuesAddress(i) ?? 0);
    /** @param {() => bigint} sum */
    const gigabytesPerSecond = (sum) => {
      const elapsedMs = timed(1, () => keep(Number(sum() % 1000n)));
      return bytes / elapsedMs / 1e6;
    };
    /** @param {import("./pennon.mjs").Store} store */
    const sumOf = (store) => {
      const { kernels, length } = store;
      const ids = store.column("id");
      let sum = 0n;
      for (let i = 0; i < length; i++) sum += kernels.sumI64(ids.valuesAddress(i) ?? 0, ids.rows(i));
      return sum;
    };
    const found = await inTurn(plan, {
      mixed: () => gigabytesPerSecond(() => sumOf(mixed)),
      known: () =>
        gigabytesPerSecond(() => known.reduce((sum, address) => sum + mixed.kernels.sumI64(address, rows), 0n)),
      alone: () => gigabytesPerSecond(() => sumOf(alone)),
      whole: () => gigabytesPerSecond(() => whole.kernels.sumI64(wholeAt, batches * rows)),
    });
    for (const store of [mixed, alone, whole]) store.close();
    const peer = "the same kernel over one array";
    const name = `sum of int64, ${batches.toLocaleString("en")} batches of 8,192 rows`;
    const target = atLeastTimesPeer(0.7);
    return [
      result(`${name} (int64, float64, utf8)`, "GB/s", found.mixed, { peer, peerMedian: found.whole, target }),
      result(`${name} (int64)`, "GB/s", found.alone, { peer, peerMedian: found.whole, target }),
      result(`${name} (int64, float64, utf8), addresses known`, "GB/s", found.known, { peer, peerMedian: found.whole }),
    ];
  },
};

/** @type {readonly import("./store.mjs").Case[]} */
export const readCases = [lengthCase, getCase, rawCase, iterateCase, reverseCase, sumCase];
