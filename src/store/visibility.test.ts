/**
 * Visibility up to a bound, an exclusive count of batches (mended point c): bound 0 shows nothing, bound p + 1 what the original shows
 * up to position p. Bounds past the length are clamped.
 */
import { describe, expect, it } from "vitest";
import { idsOf, pairBatch, pairSchema, thrown } from "../../test/batches.js";
import { UsageError } from "../errors.js";
import { BatchStore } from "./batch-store.js";

const LENGTH = 5;

function storeOf(): BatchStore {
  const store = BatchStore.create({ schema: pairSchema, bytes: 1 << 20 });
  for (let i = 0; i < LENGTH; i++) store.append(pairBatch(2, i));
  return store;
}

describe("visibility", () => {
  it.each([0, 1, 2, 3, 4, 5, 6, 1_000, Number.POSITIVE_INFINITY])("with bound %s", (visible) => {
    const store = storeOf();
    const positions = [0, 1, 2, 3, 4].slice(0, Math.min(visible, LENGTH));
    expect(store.positions({ to: visible })).toEqual(positions);
    expect(store.storedBatches({ to: visible }).map((batch) => batch.position)).toEqual(positions);
    expect(store.batches({ to: visible }).map(idsOf)).toEqual(positions.map((i) => [i, i + 1]));
    const withOffsets = store
      .storedBatches({ to: visible })
      .map(({ recordBatch, rowOffset }) => [idsOf(recordBatch), rowOffset]);
    expect(withOffsets).toEqual(positions.map((i) => [[i, i + 1], 2 * i]));
    for (let i = 0; i < LENGTH + 3; i++) expect(store.isVisible(i, visible)).toBe(positions.includes(i));
  });

  it("never shows a batch that is not committed, whatever the bound", () => {
    const store = BatchStore.create({ schema: pairSchema, bytes: 1 << 20 });
    expect(store.isVisible(0, 1)).toBe(false);
    expect(store.positions({ to: 1 })).toEqual([]);
    store.append(pairBatch(1));
    expect(store.isVisible(0, 1)).toBe(true);
    expect(store.isVisible(1, 2)).toBe(false);
  });

  it("follows the durable cursor from nothing on", () => {
    const store = storeOf();
    const shown: number[] = [];
    for (let durable = 0; durable <= LENGTH; durable++) {
      store.advanceDurable(durable);
      shown.push(store.batches({ to: store.durable }).length);
    }
    expect(shown).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it.each([-1, 0.5, Number.NaN])("refuses %s", (value) => {
    const store = storeOf();
    expect(thrown(() => store.isVisible(value, 1))).toBeInstanceOf(UsageError);
    expect(String(thrown(() => store.isVisible(value, 1)))).toContain(`position is ${value}`);
    expect(String(thrown(() => store.isVisible(1, value)))).toContain(`visible is ${value}`);
  });
});
