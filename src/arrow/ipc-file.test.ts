import { Bool, Field, Int32, makeData, RecordBatch, Schema, Struct, tableFromIPC } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryBatchOf, arbitrarySchema, buildBatch } from "../../test/arrow-arbitrary.js";
import { DataBuilder, Random } from "../../test/arrow-random-data.js";
import { rowsOf } from "../../test/plain-model.js";
import { UsageError } from "../errors.js";
import { IpcFile } from "./ipc-file.js";
import { normaliseSchema } from "./schema.js";

const withBatches = arbitrarySchema({ maxColumns: 5, maxDepth: 2 })
  // apache-arrow forgets the rows of batches without columns.
  .filter(({ fields }) => fields.length > 0)
  .chain((schema) => fc.tuple(fc.constant(schema), fc.array(arbitraryBatchOf(schema), { maxLength: 4 })));

describe("IpcFile", () => {
  it("is read by apache-arrow as what was appended", () => {
    fc.assert(
      fc.property(withBatches, fc.nat(100_000), ([schema, batches], expectedBytes) => {
        const file = new IpcFile(normaliseSchema(schema), expectedBytes);
        for (const batch of batches) file.append(batch);
        const table = tableFromIPC(file.finish());
        expect(table.batches.flatMap(rowsOf)).toEqual(batches.flatMap(rowsOf));
        expect(table.schema.fields.map(({ name }) => name ?? "")).toEqual(schema.fields.map(({ name }) => name));
      }),
    );
  });

  it("grows", () => {
    const schema = new Schema([new Field("n", new Int32(), false)]);
    const file = new IpcFile(schema, 0);
    const values = Int32Array.from({ length: 50_000 }, (_, i) => i);
    for (let i = 0; i < 5; i++) {
      const data = makeData({ type: new Int32(), length: 50_000, nullCount: 0, data: values });
      file.append(
        new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: 50_000, children: [data] })),
      );
    }
    const table = tableFromIPC(file.finish());
    expect(table.numRows).toBe(250_000);
    expect(table.getChild("n")?.get(249_999)).toBe(49_999);
    expect(table.getChild("n")?.get(0)).toBe(0);
  });

  it("is not copied while it grows to the size of rows that was told beforehand", () => {
    const schema = new Schema([new Field("n", new Int32(), true)]);
    const rows = 1_000;
    const batches = 500;
    const rowBytes = 4 * rows * batches;
    const file = new IpcFile(schema, rowBytes);
    const values = new Int32Array(rows);
    for (let i = 0; i < batches; i++) {
      const data = makeData({ type: new Int32(), length: rows, nullCount: 0, data: values });
      file.append(
        new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: rows, children: [data] })),
      );
    }
    const { buffer } = file.finish();
    expect(buffer.byteLength).toBeGreaterThan(rowBytes);
    expect(buffer.byteLength).toBeLessThan(1.2 * rowBytes); // it would have doubled
  });

  it("has bytes for the values of a Bool column that is all null", () => {
    const schema = new Schema([new Field("b", new Bool(), true)]);
    const data = makeData({
      type: new Bool(),
      length: 9,
      nullCount: 9,
      nullBitmap: new Uint8Array(2),
      data: new Uint8Array(),
    });
    const batch = new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: 9, children: [data] }));
    const file = new IpcFile(schema, 0);
    file.append(batch);
    const [read] = tableFromIPC(file.finish()).batches;
    expect(read?.data.children[0]?.values.length).toBeGreaterThanOrEqual(2);
  });

  it("refuses a batch of another schema", () => {
    const file = new IpcFile(new Schema([new Field("a", new Int32(), true)]), 0);
    const other = new Schema([new Field("b", new Int32(), true)]);
    expect(() => file.append(buildBatch(other, 1, new DataBuilder(new Random(1))))).toThrow(UsageError);
  });
});
