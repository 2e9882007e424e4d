import { createRequire } from "node:module";
import type * as arrow from "apache-arrow";
import {
  Field,
  Int32,
  Int64,
  List,
  type RecordBatch,
  Struct,
  Table,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitrarySchema, batchOf } from "../../test/arrow-arbitrary.js";
import { DataBuilder, Random } from "../../test/arrow-random-data.js";
import { rowsOf } from "../../test/plain-model.js";
import { CorruptError } from "../errors.js";
import { ownData } from "./own-data.js";
import { recordBatch } from "./record-batch.js";

/** What apache-arrow itself carries over: batches without columns lose their rows on the way, and it cannot write empty large columns. */
const schemas = arbitrarySchema({ maxColumns: 6, maxDepth: 3, without: ["largeUtf8", "largeBinary"] }).filter(
  ({ fields }) => fields.length > 0,
);

const theirs: typeof arrow = createRequire(createRequire(import.meta.url).resolve("@lancedb/lancedb"))("apache-arrow");

describe("data of another copy of apache-arrow", () => {
  it("are the same rows in this copy's classes, of every type, sliced too", () => {
    fc.assert(
      fc.property(schemas, fc.nat(40), fc.noShrink(fc.integer()), (schema, rows, seed) => {
        const builder = new DataBuilder(new Random(seed));
        const columns = schema.fields.map(({ type, nullable }) => builder.build(type, rows, nullable));
        const batch = batchOf(schema, rows, columns);
        const [foreign] = theirs.tableFromIPC(tableToIPC(new Table([batch]))).batches;
        if (foreign === undefined) return;
        const own = (from: arrow.RecordBatch): RecordBatch => {
          const data = schema.fields.map((field, i) => {
            const column = from.data.children[i];
            if (column === undefined) throw new Error("a column expected");
            return ownData(field.type, column);
          });
          return recordBatch(schema, new Struct(schema.fields), from.numRows, data);
        };
        expect(rowsOf(own(foreign))).toEqual(rowsOf(batch));
        const start = Math.floor(rows / 3);
        expect(rowsOf(own(foreign.slice(start)))).toEqual(rowsOf(batch.slice(start)));
      }),
    );
  });

  it("lie where they lay", () => {
    const [data] = vectorFromArray([1n, null, 3n], new Int64()).data;
    if (data === undefined) throw new Error("data expected");
    const own = ownData(new Int64(), data);
    expect(own.values.buffer).toBe(data.values.buffer);
    expect(own.nullCount).toBe(1);
  });

  it("are refused when they are of another type", () => {
    const [data] = vectorFromArray([1, 2], new Int32()).data;
    if (data === undefined) throw new Error("data expected");
    expect(() => ownData(new Utf8(), data)).toThrow(CorruptError);
    const list = new List(new Field("item", new Int32(), true));
    expect(() => ownData(list, { ...data, type: list, length: 2, offset: 0, children: [] })).toThrow(
      "lack their child 0",
    );
  });
});
