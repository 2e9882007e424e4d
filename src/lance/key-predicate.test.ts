import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@lancedb/lancedb";
import type * as arrow from "apache-arrow";
import {
  Binary,
  type Data,
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
  Table,
  tableToIPC,
  Utf8,
} from "apache-arrow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CorruptError, UsageError } from "../errors.js";
import {
  keyPredicate,
  keyTexts,
  MAX_COMPOSITE_PREDICATE_KEYS,
  MAX_PREDICATE_KEYS,
  quotedName,
} from "./key-predicate.js";

const root = mkdtempSync(join(tmpdir(), "pennon-predicate-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const TEXTS = ["it's", "''", "", "back\\slash", "a\n\u0000b", '--;/*`"%_', "\u{1f600}", "\ufeffbom", "x' OR '1'='1"];
const INTS = [0, -1, 1, 2 ** 31 - 1, -(2 ** 31), 7, -7, 100, 1_000];
const LONGS = [0n, -1n, 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, -(2n ** 63n) + 1n, 7n, -7n];
const BYTES = TEXTS.map((_, i) => Uint8Array.from({ length: i }, (_, at) => 255 - 31 * at));

function bytesData(type: DataType, items: readonly Uint8Array[], wide: boolean): Data {
  const ends = items.map((_, i) => items.slice(0, i + 1).reduce((sum, item) => sum + item.length, 0));
  const offsets = wide ? BigInt64Array.from([0, ...ends].map(BigInt)) : Int32Array.from([0, ...ends]);
  const data = Buffer.concat(items);
  return makeData({ type, length: items.length, nullCount: 0, valueOffsets: offsets, data } as never);
}

const texts = TEXTS.map((text) => new TextEncoder().encode(text));
const columns: Readonly<Record<string, Data>> = {
  "an int": makeData({ type: new Int32(), data: Int32Array.from(INTS), nullCount: 0 }),
  Long: makeData({ type: new Int64(), data: BigInt64Array.from(LONGS), nullCount: 0 }),
  'it\'s "text"': bytesData(new Utf8(), texts, false),
  large: bytesData(new LargeUtf8(), texts, true),
  bytes: bytesData(new Binary(), BYTES, false),
  "large bytes": bytesData(new LargeBinary(), BYTES, true),
};
const NO_KEY: Data = makeData({ type: new Struct([]), length: 1 });
const names = Object.keys(columns);
const data = Object.values(columns);
const rows = TEXTS.map((_, row) => row);

describe("a filter by keys, in LanceDB", () => {
  let select: (filter: string) => Promise<number[]>;
  beforeAll(async () => {
    const fields = names.map((name, i) => new Field(name, data[i]?.type ?? new Int32(), true));
    const ordinal = makeData({ type: new Int32(), data: Int32Array.from(rows), nullCount: 0 });
    const schema = new Schema([...fields, new Field("row", new Int32(), false)]);
    const children = [...data, ordinal];
    const type = new Struct(schema.fields);
    const batch = new RecordBatch(schema, makeData({ type, length: rows.length, nullCount: 0, children }));
    // LanceDB knows large types only in its own copy of apache-arrow.
    const here = createRequire(import.meta.url);
    const theirs: typeof arrow = createRequire(here.resolve("@lancedb/lancedb"))("apache-arrow");
    const stored = theirs.tableFromIPC(tableToIPC(new Table([batch])));
    const lance = await (await connect(root)).createTable("t", stored);
    select = async (filter) => {
      const found = await lance.query().where(filter).select(["row"]).toArray();
      return found.map(({ row }) => Number(row)).sort((a, b) => a - b);
    };
  });

  it.each(names.map((name, i) => [name, data[i]] as const))(
    "finds each value of %s, and several",
    async (name, column) => {
      if (column === undefined) throw new Error("a column expected");
      for (const row of rows) expect(await select(keyPredicate([name], [column], [row]))).toEqual([row]);
      expect(await select(keyPredicate([name], [column], [4, 0, 2]))).toEqual([0, 2, 4]);
      // Data that was cut: row 0 is row 3 of the column.
      expect(await select(keyPredicate([name], [column.slice(3, 4)], [0, 1]))).toEqual([3, 4]);
    },
  );

  it("finds keys of several columns, and only whole ones", async () => {
    for (const row of rows) expect(await select(keyPredicate(names, data, [row]))).toEqual([row]);
    expect(await select(keyPredicate(names, data, rows))).toEqual(rows);
    const [first, second] = data;
    if (first === undefined || second === undefined) throw new Error("columns expected");
    expect(await select(keyPredicate(names.slice(0, 2), [first, second.slice(1, 8)], [0, 1]))).toEqual([]);
  });

  it("finds as many as a filter takes", async () => {
    const many = makeData({
      type: new Int64(),
      data: BigInt64Array.from({ length: MAX_PREDICATE_KEYS }, (_, i) => BigInt(i)),
    });
    expect(
      await select(
        keyPredicate(
          ["Long"],
          [many],
          Int32Array.from({ length: many.length }, (_, i) => i),
        ),
      ),
    ).toEqual([0, 2, 7]);
    const few = Array.from({ length: MAX_COMPOSITE_PREDICATE_KEYS }, (_, i) => i % rows.length);
    expect(await select(keyPredicate(names.slice(2), data.slice(2), few))).toEqual(rows);
  });
});

describe("the text of a key", () => {
  it("is another one for every other key, of one column and of several", () => {
    for (const [i, name] of names.entries()) {
      const text = keyTexts([name], data.slice(i, i + 1));
      expect(new Set(rows.map(text)).size).toBe(rows.length);
    }
    const [a, b] = [bytesData(new Utf8(), [Buffer.from("x','"), Buffer.from("x")], false), columns['it\'s "text"']];
    if (b === undefined) throw new Error("a column expected");
    const text = keyTexts(["a", "b"], [a, b]);
    expect(text(0)).not.toBe(text(1));
    expect(keyTexts(["a"], [b.slice(3, 2)])(0)).toBe(keyTexts(["a"], [b])(3));
  });
});

describe("a filter by keys", () => {
  it("refuses what cannot be one", () => {
    const [ints] = data;
    if (ints === undefined) throw new Error("a column expected");
    expect(() => keyPredicate(["a"], [ints], [])).toThrow(UsageError);
    expect(() => keyPredicate(["a"], [ints], new Uint32Array(MAX_PREDICATE_KEYS + 1))).toThrow(UsageError);
    expect(() => keyPredicate(["a", "b"], [ints, ints], new Uint32Array(MAX_COMPOSITE_PREDICATE_KEYS + 1))).toThrow(
      UsageError,
    );
    expect(() => keyPredicate(["a"], [ints], [rows.length])).toThrow("has no row 9");
    expect(() => keyPredicate(["a", "b"], [ints], [0])).toThrow("has no values");
    expect(() => keyPredicate(["a"], [NO_KEY], [0])).toThrow(UsageError);
    expect(() => quotedName("a`b")).toThrow(UsageError);
    const torn = bytesData(new Utf8(), [Uint8Array.of(0xc3)], false);
    expect(() => keyPredicate(["a"], [torn], [0])).toThrow(CorruptError);
  });
});
