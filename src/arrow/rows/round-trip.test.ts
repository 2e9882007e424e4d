import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rowsOf } from "../../../test/plain-model.js";
import { emptyStore } from "../../../test/stores.js";
import { UsageError } from "../../errors.js";
import { RowBuilder } from "./row-builder.js";
import { RowReader } from "./row-reader.js";
import { arbitraryRowBatch, partsOf, spoilt } from "./rows.fixture.js";

const numbers = fc.infiniteStream(fc.nat());

describe("rows out and in again", () => {
  it("gives the same rows for every type", () => {
    fc.assert(
      fc.property(arbitraryRowBatch(), (batch) => {
        const builder = new RowBuilder(batch.schema);
        for (const row of new RowReader(batch.schema).readAll(batch)) builder.append(row);
        expect(builder.rows).toBe(batch.numRows);
        const built = builder.finish();
        expect(rowsOf(built)).toEqual(rowsOf(batch));
        expect(builder.rows).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it("makes batches that a store takes, and that stay as they are while the builder goes on", () => {
    fc.assert(
      fc.property(arbitraryRowBatch(12), fc.nat({ max: 12 }), (batch, cut) => {
        const reader = new RowReader(batch.schema);
        const rows = reader.readAll(batch);
        const builder = new RowBuilder(batch.schema);
        for (const row of rows.slice(0, cut)) builder.append(row);
        const first = builder.finish();
        for (const row of rows.slice(cut)) builder.append(row);
        const second = builder.finish();
        for (const row of rows) builder.append(row);

        const store = emptyStore(batch.schema);
        try {
          store.append(first);
          store.append(second);
          const stored = [...store].flatMap(({ recordBatch }) => reader.readAll(recordBatch));
          expect(stored).toEqual(rows);
        } finally {
          store.close();
        }
      }),
      { numRuns: 150 },
    );
  });

  it("reads one row as it reads all", () => {
    fc.assert(
      fc.property(arbitraryRowBatch(), (batch) => {
        const reader = new RowReader(batch.schema);
        const rows = reader.readAll(batch);
        expect(rows.map((_, row) => reader.read(batch, row))).toEqual(rows);
      }),
      { numRuns: 100 },
    );
  });
});

describe("a refused row", () => {
  it("leaves the builder as it was, wherever it went wrong", () => {
    fc.assert(
      fc.property(arbitraryRowBatch(), numbers, (batch, stream) => {
        const choose = (count: number): number => (stream.next().value ?? 0) % count;
        const rows = new RowReader(batch.schema).readAll(batch);
        const builder = new RowBuilder(batch.schema);
        const untouched = new RowBuilder(batch.schema);
        for (const row of rows) {
          if (choose(2) === 0) {
            const bytes = builder.bytes;
            expect(() => builder.append(spoilt(row, choose))).toThrow(UsageError);
            expect(builder.bytes).toBe(bytes);
          }
          builder.append(row);
          untouched.append(row);
          expect(builder.bytes).toBe(untouched.bytes);
        }
        expect(partsOf(builder.finish())).toEqual(partsOf(untouched.finish()));
      }),
      { numRuns: 300 },
    );
  });

  it("and rows taken back leave no trace", () => {
    fc.assert(
      fc.property(arbitraryRowBatch(), numbers, (batch, stream) => {
        const choose = (count: number): number => (stream.next().value ?? 0) % count;
        const rows = new RowReader(batch.schema).readAll(batch);
        const builder = new RowBuilder(batch.schema);
        const untouched = new RowBuilder(batch.schema);
        for (const row of rows) {
          const mark = builder.mark();
          for (let i = choose(4); i > 0; i--) builder.append(rows[choose(rows.length)] ?? {});
          builder.rollback(mark);
          builder.append(row);
          untouched.append(row);
          if (choose(8) === 0) expect(partsOf(builder.finish())).toEqual(partsOf(untouched.finish()));
        }
        expect(partsOf(builder.finish())).toEqual(partsOf(untouched.finish()));
      }),
      { numRuns: 200 },
    );
  });
});
