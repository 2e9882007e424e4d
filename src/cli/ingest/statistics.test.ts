import { Field, Int64, makeData, RecordBatch, Schema, Struct, Type, Utf8, vectorFromArray } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryBatchOf, arbitrarySchema } from "../../../test/arrow-arbitrary.js";
import { rowsOf } from "../../../test/plain-model.js";
import { BatchStore } from "../../store/batch-store.js";
import { SCRATCH_REGIONS } from "../../store/layout.js";
import { disagreement } from "./agreement.js";
import { ArenaTallier } from "./arena-statistics.js";
import { type ColumnStatistics, ColumnTally } from "./column-tally.js";
import { tallyBatch } from "./source-statistics.js";

function inSource(schema: Schema, batches: readonly RecordBatch[]): ColumnStatistics[] {
  const tallies = schema.fields.map((field) => new ColumnTally(field));
  for (const batch of batches) tallyBatch(tallies, batch);
  return tallies.map((tally) => tally.result());
}

function inArena(
  schema: Schema,
  batches: readonly RecordBatch[],
  prepare = (_: BatchStore): void => {},
): ColumnStatistics[] {
  using store = BatchStore.create({ schema, bytes: 4 * 2 ** 20, prefault: false });
  prepare(store);
  store.appendAll(batches);
  const tallies = store.schema.fields.map((field) => new ColumnTally(field));
  const tallier = new ArenaTallier(store, tallies);
  batches.forEach((_, position) => {
    tallier.add(position);
  });
  return tallies.map((tally) => tally.result());
}

const batchesOfOneSchema = fc
  .tuple(arbitrarySchema({ minColumns: 1 }), fc.integer({ min: 1, max: 3 }))
  .chain(([schema, count]) =>
    fc.record({
      schema: fc.constant(schema),
      batches: fc.array(arbitraryBatchOf(schema, { maxRows: 40 }), { minLength: count, maxLength: count }),
    }),
  )
  .map((value) => ({
    ...value,
    [fc.toStringMethod]: () => `${value.schema}, rows ${value.batches.map((batch) => batch.numRows)}`,
  }));

function table(values: readonly (bigint | null)[], texts: readonly (string | null)[]): RecordBatch {
  const schema = new Schema([new Field("n", new Int64(), true), new Field("t", new Utf8(), true)]);
  const children = [vectorFromArray(values, new Int64()).data[0], vectorFromArray(texts, new Utf8()).data[0]];
  const data = makeData({
    type: new Struct(schema.fields),
    length: values.length,
    nullCount: 0,
    children: children.flatMap((child) => (child === undefined ? [] : [child])),
  });
  return new RecordBatch(schema, data);
}

const numbers = [3n, null, -7n, 2n ** 62n, 2n ** 62n];
const texts = ["abc", "", null, "é", "longer"];

describe("column statistics", () => {
  it("are the same from source arrays and from the arena, for every type", () => {
    fc.assert(
      fc.property(batchesOfOneSchema, ({ schema, batches }) => {
        const findings = [
          { who: "source", columns: inSource(schema, batches) },
          { who: "arena", columns: inArena(schema, batches) },
        ];
        expect(disagreement(findings)).toBeUndefined();
      }),
      { numRuns: 250 },
    );
  });

  it("count rows and nulls, and find extremes and sums, as one loop over the values does", () => {
    fc.assert(
      fc.property(batchesOfOneSchema, ({ schema, batches }) => {
        const columns = inSource(schema, batches);
        const rows = batches.flatMap((batch) => rowsOf(batch));
        schema.fields.forEach(({ type }, i) => {
          const found = columns[i];
          expect(found?.rows).toBe(rows.length);
          if (Type.Union === type.typeId) return;
          const valid = rows.map((row) => row[i]).filter((value) => value !== null && value !== undefined);
          expect(found?.nulls).toBe(rows.length - valid.length);
          if (type.typeId !== Type.Int) return;
          const integers = valid.map((value) => BigInt(String(value))).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
          expect(found?.min === undefined ? undefined : BigInt(found.min)).toBe(integers[0]);
          expect(found?.max === undefined ? undefined : BigInt(found.max)).toBe(integers.at(-1));
          expect(BigInt(found?.sum ?? 0)).toBe(integers.reduce((sum, value) => sum + value, 0n));
        });
      }),
      { numRuns: 150 },
    );
  });

  it("are those of a known column", () => {
    const batch = table(numbers, texts);
    for (const columns of [inSource(batch.schema, [batch]), inArena(batch.schema, [batch])]) {
      expect(columns).toMatchObject([
        { name: "n", rows: 5, nulls: 1, min: -7n, max: 2n ** 62n, sum: 2n ** 63n - 4n },
        { name: "t", rows: 5, nulls: 1, min: 0, max: 6, sum: 11 },
      ]);
    }
  });

  it("do not depend on where the rows are cut into batches", () => {
    const batch = table(numbers, texts);
    const cut = [batch.slice(0, 2), batch.slice(2, 3), batch.slice(3)];
    expect(inSource(batch.schema, cut)).toEqual(inSource(batch.schema, [batch]));
    expect(inArena(batch.schema, cut)).toEqual(inSource(batch.schema, [batch]));
  });

  it("depend on every value and on its row", () => {
    const one = table(numbers, texts);
    const other = table(numbers, ["abc", "", null, "è", "longer"]);
    const swapped = table([null, 3n, -7n, 2n ** 62n, 2n ** 62n], texts);
    const [, text] = inSource(one.schema, [one]);
    expect(inSource(one.schema, [other])[1]).toMatchObject({ sum: text?.sum });
    expect(inSource(one.schema, [other])[1]?.checksum).not.toBe(text?.checksum);
    expect(inSource(one.schema, [swapped])[0]?.checksum).not.toBe(inSource(one.schema, [one])[0]?.checksum);
  });

  it("are the same when no scratch region is free", () => {
    const batch = table(numbers, texts);
    const held: ArenaTallier[] = [];
    const found = inArena(batch.schema, [batch], (store) => {
      store.append(batch);
      for (let i = 0; i < SCRATCH_REGIONS; i++) {
        const tallier = new ArenaTallier(
          store,
          store.schema.fields.map((field) => new ColumnTally(field)),
        );
        tallier.add(0);
        held.push(tallier);
      }
    });
    expect(held).toHaveLength(SCRATCH_REGIONS);
    expect(found).toEqual(inSource(batch.schema, [batch]));
  });
});

describe("disagreement", () => {
  const batch = table(numbers, texts);
  const columns = inSource(batch.schema, [batch]);
  const [first, second] = columns;

  it("is undefined when all found the same, NaN included", () => {
    expect(disagreement([])).toBeUndefined();
    const nan = columns.map((column) => ({ ...column, sum: Number.NaN }));
    expect(
      disagreement([
        { who: "a", columns: nan },
        { who: "b", columns: structuredClone(nan) },
      ]),
    ).toBeUndefined();
  });

  it("names the column and who found what", () => {
    if (first === undefined || second === undefined) throw new Error("no columns");
    const wrong = [first, { ...second, checksum: second.checksum + 1 }];
    const text = disagreement([
      { who: "the writer", columns },
      { who: "reader 1", columns },
      { who: "reader 2", columns: wrong },
    ]);
    expect(text).toBe(
      `column "t": checksum differs (the writer: ${second.checksum}, reader 1: ${second.checksum}, reader 2: ${second.checksum + 1})`,
    );
  });

  it("looks at every statistic, and at children", () => {
    if (first === undefined) throw new Error("no columns");
    for (const key of ["rows", "nulls", "min", "max", "sum", "checksum"] as const) {
      const other = [{ ...first, [key]: -1 }];
      expect(
        disagreement([
          { who: "a", columns: [first] },
          { who: "b", columns: other },
        ]),
      ).toContain(key);
    }
    const parent = { ...first, name: "p", children: [first] };
    const changed = { ...parent, children: [{ ...first, nulls: 99 }] };
    expect(
      disagreement([
        { who: "a", columns: [parent] },
        { who: "b", columns: [changed] },
      ]),
    ).toContain('"p.n": nulls');
  });

  it("tells when a reader saw other columns", () => {
    expect(
      disagreement([
        { who: "a", columns },
        { who: "b", columns: [] },
      ]),
    ).toBe("a saw 2 columns, b 0");
  });
});
