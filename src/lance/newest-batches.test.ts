import { Field, Int32, Int64, makeData, RecordBatch, Schema, Struct } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Memtable } from "../memtable/memtable.js";
import { newestBatches, newestRowCount } from "./newest-batches.js";

const schema = new Schema([new Field("id", new Int64(), false), new Field("n", new Int32(), true)]);

function batchOf(keys: readonly number[], first: number): RecordBatch {
  const { length } = keys;
  const children = [
    makeData({ type: new Int64(), length, nullCount: 0, data: BigInt64Array.from(keys, BigInt) }),
    makeData({ type: new Int32(), length, nullCount: 0, data: Int32Array.from(keys, (_, i) => first + i) }),
  ];
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length, nullCount: 0, children }));
}

describe("newestBatches", () => {
  it("gives the newest row of each key once, in the order of puts, and their count beforehand", () => {
    const puts = fc.array(fc.array(fc.nat(12), { minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(puts, (keys) => {
        const memtable = Memtable.create({ schema, primaryKey: ["id"], bytes: 2 ** 17, batches: 16, maxRows: 256 });
        try {
          const newest = new Map<number, number>();
          let row = 0;
          for (const some of keys) {
            memtable.append([batchOf(some, row)]);
            for (const key of some) {
              newest.delete(key); // so that it comes last
              newest.set(key, row++);
            }
          }
          const found = [...newestBatches(memtable)].flatMap((batch) =>
            batch.toArray().map(({ id, n }) => [Number(id), n]),
          );
          expect(found).toEqual([...newest]);
          expect(newestRowCount(memtable)).toBe(newest.size);
        } finally {
          memtable.close();
        }
      }),
    );
  });
});
