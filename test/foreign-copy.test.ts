/**
 * Arrow from another copy of apache-arrow, for which every `instanceof` is false, is as good as any.
 */
import { type RecordBatch, Schema, tableFromIPC } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BatchStore } from "../src/store/batch-store.js";
import { arbitraryBatchOf, arbitrarySchema } from "./arrow-arbitrary.js";
import { foreignArrow } from "./foreign-arrow.js";
import { rowsOf } from "./plain-model.js";
import { emptyStore, messageBytes } from "./stores.js";

const arbitraryBatches: fc.Arbitrary<RecordBatch[]> = arbitrarySchema({ minColumns: 1, maxColumns: 3 }).chain(
  (schema) => fc.array(arbitraryBatchOf(schema, { maxRows: 15 }), { minLength: 1, maxLength: 3 }),
);

describe("another copy of apache-arrow", () => {
  it("is another copy", () => {
    expect(foreignArrow.Schema).not.toBe(Schema);
    expect(foreignArrow.tableFromIPC).not.toBe(tableFromIPC);
  });

  it("brings schemas and batches that are laid out byte for byte like our own", () => {
    fc.assert(
      fc.property(arbitraryBatches, (batches) => {
        const schema = batches[0]?.schema ?? new Schema([]);
        using own = emptyStore(schema);
        for (const batch of batches) own.append(batch);
        const foreign = foreignArrow.tableFromIPC(Buffer.concat(own.ipcParts()));
        expect(foreign.schema).not.toBeInstanceOf(Schema);
        using store = emptyStore(foreign.schema);
        for (const batch of foreign.batches) store.append(batch);
        expect(messageBytes(store).equals(messageBytes(own))).toBe(true);
        expect(store.batches().map(rowsOf)).toStrictEqual(batches.map(rowsOf));
      }),
      { numRuns: 150 },
    );
  });

  it("may bring the batches for a store whose schema is our own, also as slices", () => {
    fc.assert(
      fc.property(arbitraryBatches, fc.nat({ max: 15 }), fc.nat({ max: 15 }), (batches, a, b) => {
        const schema = batches[0]?.schema ?? new Schema([]);
        using own = emptyStore(schema);
        own.appendAll(batches);
        const foreign = foreignArrow.tableFromIPC(Buffer.concat(own.ipcParts())).batches;
        using store = emptyStore(schema);
        foreign.forEach((batch, i) => {
          const [begin, end] = [Math.min(a, b, batch.numRows), Math.min(Math.max(a, b), batch.numRows)];
          store.append(batch.slice(begin, end));
          expect(store.batches({ from: i }).flatMap(rowsOf)).toStrictEqual(
            rowsOf(batches[i] ?? batch).slice(begin, end),
          );
        });
      }),
      { numRuns: 150 },
    );
  });

  it("may have built its batches itself", () => {
    const table = foreignArrow.tableFromArrays({
      id: BigInt64Array.of(1n, 2n, 3n),
      score: Float64Array.of(0.5, 1.5, 2.5),
      name: ["a", "b", "c"],
    });
    using store = BatchStore.create({ schema: table.schema, bytes: 1 << 20, prefault: false });
    for (const batch of table.batches) store.append(batch);
    expect(store.batches().flatMap(rowsOf)).toEqual([
      [1n, 0.5, "a"],
      [2n, 1.5, "b"],
      [3n, 2.5, "c"],
    ]);
  });
});
