/**
 * What `lance-types.ts` says of Lance, held against the LanceDB that is installed. Where one of these fails with a newer release, Lance has
 * learnt to hold the type: then the rule can go.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Connection, connect } from "@lancedb/lancedb";
import {
  type Data,
  type DataType,
  Decimal,
  DenseUnion,
  Field,
  FixedSizeList,
  Int32,
  IntervalDayTime,
  IntervalYearMonth,
  List,
  Map_,
  Schema,
  SparseUnion,
  Struct,
  Table,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { batchOf } from "../../test/arrow-arbitrary.js";
import { rowsOf } from "../../test/plain-model.js";
import { nameProblem, typeProblem } from "./lance-types.js";

const directory = mkdtempSync(join(tmpdir(), "pennon-types-"));
let database: Connection;
let tables = 0;

beforeAll(async () => {
  database = await connect(directory);
});

afterAll(() => {
  database.close();
  rmSync(directory, { recursive: true, force: true });
});

const field = (name: string, type: DataType, nullable = true): Field => new Field(name, type, nullable);
const create = async (...fields: Field[]) => database.createEmptyTable(`t${tables++}`, new Schema(fields));

describe("Lance cannot hold", () => {
  const entries = new Struct<{ key: Utf8; value: Int32 }>([
    new Field("key", new Utf8(), false),
    new Field("value", new Int32(), true),
  ]);
  const types: [string, DataType][] = [
    ["intervals of months", new IntervalYearMonth()],
    ["intervals of days", new IntervalDayTime()],
    ["dense unions", new DenseUnion([0], [field("a", new Int32())])],
    ["sparse unions", new SparseUnion([0], [field("a", new Int32())])],
    ["decimals of 64 bits", new Decimal(2, 18, 64)],
    ["maps with sorted keys", new Map_(new Field("entries", entries, false), true)],
    ["fixed-size lists of lists", new FixedSizeList(2, field("item", new List(field("item", new Int32()))))],
    ["fixed-size lists of nothing", new FixedSizeList(0, field("item", new Int32()))],
  ];

  it.each(types)("%s", async (_, type) => {
    const column = field("v", type);
    expect(typeProblem(column)).toBeDefined();
    await expect(create(field("id", new Int32(), false), column)).rejects.toThrow();
  });

  it.each(["a.b", "_rowid", "_rowaddr", "_rowoffset", "_row_created_at_version", "_row_last_updated_at_version"])(
    "a column named %s",
    async (name) => {
      expect(nameProblem(name)).toBeDefined();
      await expect(create(field(name, new Int32()))).rejects.toThrow();
    },
  );
});

describe("Lance mixes up rows", () => {
  const rowsBack = async (type: DataType, rows: readonly unknown[]): Promise<unknown[]> => {
    const column = field("v", type);
    const table = await create(column);
    const [data]: readonly Data[] = vectorFromArray(rows, type).data;
    if (data === undefined) throw new Error("no rows");
    await table.add(new Table([batchOf(new Schema([column]), rows.length, [data])]));
    const found = await table.query().toArrow();
    return found.batches.flatMap(rowsOf).map(([value]) => value);
  };

  it("of lists of long values below a struct, some of both null", async () => {
    const list = new List(field("item", new Utf8()));
    const long = ["x", "y"].map((letter) => letter.repeat(300));
    const rows = [{ a: null }, { a: long }, null];
    const nullable = new Struct([field("a", list)]);
    expect(await rowsBack(nullable, rows).catch(String)).not.toEqual(rows);
    expect(typeProblem(field("v", nullable))).toBeDefined();

    const never = new Struct([field("a", list, false)]);
    const sound = [{ a: [] }, { a: long }, null, { a: [null] }];
    expect(await rowsBack(never, sound)).toEqual(sound);
    expect(typeProblem(field("v", never))).toBeUndefined();

    const numbers = new Struct([field("a", new List(field("item", new Int32())))]);
    const short = [{ a: null }, { a: [1, null] }, null, { a: [] }];
    expect(await rowsBack(numbers, short)).toEqual(short);
    expect(typeProblem(field("v", numbers))).toBeUndefined();
  });
});
