import {
  Binary,
  type DataType,
  Field,
  Int32,
  Int64,
  LargeBinary,
  LargeUtf8,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { describe, expect, it } from "vitest";
import { KeyTally } from "./key-tally.js";

function batchOf(columns: Readonly<Record<string, { readonly type: DataType; readonly values: readonly unknown[] }>>) {
  const fields = Object.entries(columns).map(([name, { type }]) => new Field(name, type, true));
  const children = Object.values(columns).map(({ type, values }) => {
    const [data] = vectorFromArray(values, type).data;
    if (data === undefined) throw new Error("no data");
    return data;
  });
  const schema = new Schema(fields);
  const length = children[0]?.length ?? 0;
  return new RecordBatch(schema, makeData({ type: new Struct(fields), length, nullCount: 0, children }));
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe("KeyTally", () => {
  it.each([
    ["int32", new Int32(), [1, 2, 1, -1, 2]],
    ["int64", new Int64(), [2n ** 40n, 2n ** 40n + 2n ** 32n, 2n ** 40n, -1n, 2n ** 40n]],
    ["utf8", new Utf8(), ["", "a", "", "b", "a"]],
    ["large utf8", new LargeUtf8(), ["x", "xy", "x", "y", "xy"]],
    ["binary", new Binary(), ["\0", "\0\0", "\0", "", "\0\0"].map(bytes)],
    ["large binary", new LargeBinary(), ["long ".repeat(9), "b", "long ".repeat(9), "c", "b"].map(bytes)],
  ])("counts keys of %s that came before, also across batches and in slices", (_, type, values) => {
    const batch = batchOf({ other: { type: new Int32(), values: [1, 1, 1, 1, 1] }, id: { type, values } });
    const tally = new KeyTally(batch.schema, ["id"]);
    tally.add(batch.slice(1), "x", 0);
    expect(tally.duplicates).toBe(1);
    tally.add(batch, "x", 4);
    expect(tally).toMatchObject({ duplicates: 6, isExact: true });
  });

  it("tells keys of several columns apart by all of them", () => {
    const batch = batchOf({
      a: { type: new Utf8(), values: ["x", "x", "y", "x"] },
      b: { type: new Int64(), values: [1n, 2n, 1n, 2n] },
    });
    const tally = new KeyTally(batch.schema, ["a", "b"]);
    tally.add(batch, "x", 0);
    expect(tally.duplicates).toBe(1);
  });

  it("names the row that has no key", () => {
    const batch = batchOf({ id: { type: new Int32(), values: [1, null, 3] } });
    expect(() => new KeyTally(batch.schema, ["id"]).add(batch, "a.csv", 100)).toThrow(
      'a.csv: row 102 has no value in the key column "id"; every row needs a key',
    );
  });

  it("says when it could not tell all keys apart", () => {
    const batch = batchOf({ id: { type: new Int32(), values: [1, 2, 3, 3, 1] } });
    const tally = new KeyTally(batch.schema, ["id"], 2);
    tally.add(batch, "x", 0);
    expect(tally).toMatchObject({ duplicates: 1, isExact: false });
  });
});
