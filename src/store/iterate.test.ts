/** Iteration both ways over a snapshot, with the exact count of what remains, and ranges. */
import { describe, expect, it } from "vitest";
import { idsOf, mixedSchema, pairBatch, pairSchema, seededBatch, thrown, wideSchema } from "../../test/batches.js";
import { rowsOf } from "../../test/plain-model.js";
import { UsageError } from "../errors.js";
import { BatchStore } from "./batch-store.js";

function storeOf(batches: number): BatchStore {
  const store = BatchStore.create({ schema: pairSchema, bytes: 1 << 20 });
  for (let i = 0; i < batches; i++) store.append(pairBatch(i, 100 * i));
  return store;
}

describe("iterate", () => {
  it.each([false, true])("counts what remains at every step (reverse: %s)", (reverse) => {
    const iterator = storeOf(4).iterate({ reverse });
    for (let remaining = 4; remaining > 0; remaining--) {
      expect(iterator.remaining).toBe(remaining);
      expect(iterator.next().value?.position).toBe(reverse ? remaining - 1 : 4 - remaining);
    }
    expect(iterator.remaining).toBe(0);
    expect(iterator.next()).toEqual({ done: true, value: undefined });
    expect(iterator.next()).toEqual({ done: true, value: undefined });
    expect(iterator.remaining).toBe(0);
  });

  it.each([false, true])("does not see batches appended meanwhile (reverse: %s)", (reverse) => {
    const store = storeOf(3);
    const iterator = store.iterate({ reverse });
    iterator.next();
    store.append(pairBatch(1));
    expect(iterator.remaining).toBe(2);
    expect([...iterator].map((batch) => batch.position)).toEqual(reverse ? [1, 0] : [1, 2]);
    expect(store.iterate().remaining).toBe(4);
  });

  it.each([
    [{}, [0, 1, 2, 3, 4]],
    [{ from: 2 }, [2, 3, 4]],
    [{ to: 2 }, [0, 1]],
    [{ from: 1, to: 4 }, [1, 2, 3]],
    [{ from: 1, to: 4, reverse: true }, [3, 2, 1]],
    [{ from: 3, to: 3 }, []],
    [{ from: 4, to: 2 }, []],
    [{ to: 0 }, []],
    [{ from: 5 }, []],
    [{ from: 99, to: 200 }, []],
    [{ from: 3, to: 200 }, [3, 4]],
    [{ to: Number.POSITIVE_INFINITY, reverse: true }, [4, 3, 2, 1, 0]],
    [{ from: Number.POSITIVE_INFINITY }, []],
  ])("clamps %o", (range, positions) => {
    const store = storeOf(5);
    expect([...store.iterate(range)].map((batch) => batch.position)).toEqual(positions);
    expect(store.storedBatches(range).map((batch) => batch.position)).toEqual(positions);
    expect(store.positions(range)).toEqual(positions);
    expect(store.batches(range).map(idsOf)).toEqual(
      positions.map((position) => idsOf(pairBatch(position, 100 * position))),
    );
  });

  it.each([-1, 1.5, Number.NaN, Number.NEGATIVE_INFINITY])("refuses the bound %s", (value) => {
    const store = storeOf(2);
    for (const range of [{ from: value }, { to: value }]) {
      for (const action of [
        () => store.iterate(range),
        () => store.storedBatches(range),
        () => store.batches(range),
        () => store.positions(range),
        () => store.ipcParts(range.from, range.to),
      ]) {
        const error = thrown(action);
        expect(error).toBeInstanceOf(UsageError);
        expect(String(error)).toContain(
          `${"from" in range ? "from" : "to"} is ${value}; expected a whole number of batches`,
        );
      }
    }
  });
});

describe("a batch", () => {
  it("knows its place and its sizes", () => {
    const store = storeOf(4);
    const batch = store.get(3);
    expect(batch).toMatchObject({ position: 3, rows: 3, rowOffset: 3, bytes: 24 });
    // Header 96 + 16 (2 nodes + 4 buffers), padded to 64 bytes; two columns of 12 bytes, each padded too.
    expect(batch?.arenaBytes).toBe(192 + 64 + 64);
    expect(batch?.recordBatch.numRows).toBe(3);
  });

  it("is built once and kept while the cache has room for it", () => {
    const store = storeOf(10);
    expect(store.get(4)).toBe(store.get(4));
    expect(store.get(4)?.recordBatch).toBe(store.recordBatch(4));
    const narrow = BatchStore.attach(store.handle(), { cachedBatches: 2 });
    const first = narrow.get(0);
    expect(narrow.get(0)).toBe(first);
    narrow.get(2);
    expect(narrow.get(0)).not.toBe(first);
    expect(narrow.get(0)).toEqual(first);
    expect(first?.recordBatch.numRows).toBe(0);
    expect(narrow.batches().map(idsOf)).toEqual(store.batches().map(idsOf));
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])("is not to be had at position %s", (position) => {
    const store = storeOf(2);
    for (const action of [() => store.get(position), () => store.recordBatch(position)]) {
      const error = thrown(action);
      expect(error).toBeInstanceOf(UsageError);
      expect(String(error)).toContain(`position is ${position}; expected a whole number, 0 or more`);
    }
  });
});

describe("rows reversed", () => {
  it.each([
    ["mixed", mixedSchema],
    ["every kind of", wideSchema],
  ])("newest first, for %s columns", (_, schema) => {
    const store = BatchStore.create({ schema, bytes: 4 << 20 });
    const batches = Array.from({ length: 30 }, (_, seed) => seededBatch(schema, seed, (seed * 13) % 50));
    for (const batch of batches) store.append(batch);
    const expected = batches.map((batch) => rowsOf(batch).reverse());
    expect(store.batches({ reverseRows: true }).map(rowsOf)).toEqual(expected);
    expect(store.batches({ reverseRows: true, reverse: true }).map(rowsOf)).toEqual(expected.toReversed());
    expect(store.batches({ reverseRows: true, from: 3, to: 5 }).map(rowsOf)).toEqual(expected.slice(3, 5));
    expect(store.batches().map(rowsOf)).toEqual(batches.map(rowsOf));
  });
});
