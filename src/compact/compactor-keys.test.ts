/** Keys and columns of every type that a table can have, merged. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Binary,
  Bool,
  type DataType,
  Field,
  FixedSizeList,
  Float32,
  Int32,
  Int64,
  LargeBinary,
  LargeUtf8,
  List,
  Schema,
  Struct,
  TimestampMillisecond,
  Utf8,
} from "apache-arrow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MergedTable, type Row } from "./compactor.fixture.js";
import { NewestKeys } from "./newest-keys.js";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pennon-keys-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));

const MAX = 2n ** 63n - 1n;
const texts = ["", "it's", 'a"b`c\\d', "null\0byte\n", "größe 😀", "--", "' OR 1 = 1 --"];
const binaries = ["", "00", "27", "ff00", "0001", "c328", "5c"].map((hex) => Buffer.from(hex, "hex"));
const TYPES: Record<string, { readonly type: DataType; readonly values: readonly unknown[] }> = {
  int32: { type: new Int32(), values: [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 7, 8] },
  int64: { type: new Int64(), values: [0n, -1n, MAX, -MAX - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n] },
  utf8: { type: new Utf8(), values: texts },
  large_utf8: { type: new LargeUtf8(), values: texts },
  binary: { type: new Binary(), values: binaries },
  large_binary: { type: new LargeBinary(), values: binaries },
};

const KEYS = [
  ...Object.keys(TYPES).map((type) => [type]),
  ["int64", "utf8"],
  ["utf8", "utf8"],
  ["binary", "int32", "large_utf8"],
  ["large_binary", "int64"],
];

describe("a key of", () => {
  it.each(KEYS.map((types) => ({ name: types.join(", "), types })))("$name", async ({ types }) => {
    const columns = types.map((name, i) => ({
      name: `key ${i}'s`,
      ...(TYPES[name] ?? { type: new Int32(), values: [] }),
    }));
    const schema = new Schema([
      ...columns.map(({ name, type }) => new Field(name, type, false)),
      new Field("n", new Int32(), true),
    ]);
    const primaryKey = columns.map(({ name }) => name);
    const keyed = (i: number): Row => Object.fromEntries(columns.map(({ name, values }) => [name, values[i]]));
    const row = (i: number, n: number): Row => ({ ...keyed(i), n });
    const table = await MergedTable.make(directory, { schema, primaryKey });
    await table.flush([0, 1, 2, 3, 4, 5, 6].map((i) => row(i, 1)));
    await table.compact();
    await table.flush([row(0, 2), row(1, 2)], [keyed(2), keyed(3)]);
    await table.flush([row(1, 3), row(3, 3)], [keyed(0), keyed(5)]);
    const { all } = await table.read();
    expect(all.map((text) => Number(/"n":(\d)/.exec(text)?.[1])).sort()).toEqual([1, 1, 3, 3]);
    expect(await table.compact()).toMatchObject({ rowsUpserted: 2, rowsDeleted: 3 });
    expect(await table.read()).toEqual({ all, base: all });
    await table.close();
  });

  it("two columns is not mistaken for another whose parts come to the same text", () => {
    const keys = new NewestKeys();
    const data = (...values: string[]) => {
      const bytes = Buffer.from(values.join(""));
      const valueOffsets = Int32Array.from([0, ...values].map((_, i) => values.slice(0, i).join("").length));
      return {
        type: new Utf8(),
        length: values.length,
        offset: 0,
        nullCount: 0,
        values: bytes,
        valueOffsets,
        children: [],
      };
    };
    expect([...keys.select([data("a", "ab"), data("bc", "c")], 2, false)]).toEqual([0, 1]);
    expect([...keys.select([data("1:a", "a", "ab"), data("", "bc", "cd")], 3, true)]).toEqual([0, 2]);
    expect(keys.size).toBe(2);
  });
});

describe("columns", () => {
  it("of any type come through as they were, all null ones too", async () => {
    const point = new Struct([new Field("x", new Float32(), true), new Field("y", new Utf8(), true)]);
    const schema = new Schema([
      new Field("id", new Int64(), false),
      new Field("flag", new Bool(), true),
      new Field("at", new TimestampMillisecond(), true),
      new Field("vector", new FixedSizeList(4, new Field("item", new Float32(), true)), true),
      new Field("point", point, true),
      new Field("tags", new List(new Field("item", new Utf8(), true)), true),
      new Field("strict", new Int32(), false),
    ]);
    const table = await MergedTable.make(directory, { schema, primaryKey: ["id"] });
    const rows = Array.from({ length: 40 }, (_, i) => ({
      id: BigInt(i),
      flag: null,
      at: i % 3 === 0 ? null : new Date(i * 1_000),
      vector: i % 5 === 0 ? null : [i, i + 0.5, -i, 0],
      point: i % 7 === 0 ? null : { x: i / 2, y: `${i}` },
      tags: i % 2 === 0 ? ["a", `${i}`] : null,
      strict: i,
    }));
    await table.flush(rows.slice(0, 30));
    await table.flush(
      rows.slice(20),
      rows.slice(0, 5).map(({ id }) => ({ id })),
    );
    const { all } = await table.read();
    expect(all.length).toBe(35);
    await table.compact();
    expect(await table.read()).toEqual({ all, base: all });
    await table.close();
  });
});
