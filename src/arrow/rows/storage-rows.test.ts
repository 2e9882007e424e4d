import { Bool, type DataType, Field, FixedSizeList, Float32, Int32, Int64, Schema, Utf8 } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { rowsOf } from "../../../test/plain-model.js";
import { emptyStore } from "../../../test/stores.js";
import { UsageError } from "../../errors.js";
import { StorageRows } from "./storage-rows.js";

const required = (name: string, type: DataType): Field => new Field(name, type, false);
const nullable = (name: string, type: DataType): Field => new Field(name, type, true);
const vector = new FixedSizeList(2, required("item", new Float32()));
const deleted = required("_tombstone", new Bool());

const single = new Schema([required("id", new Int64()), nullable("text", new Utf8()), nullable("v", vector), deleted]);
const composite = new Schema([
  nullable("x", new Int32()),
  required("b", new Utf8()),
  required("a", new Int32()),
  deleted,
]);

describe("rows and deletions of a storage schema", () => {
  it("come out as one batch, in order", () => {
    const rows = new StorageRows(single, ["id"]);
    rows.appendRow({ id: 1, text: "a", v: [1, 2] });
    rows.appendKey(1n);
    rows.appendRow({ id: 1n });
    expect(rows.rows).toBe(3);
    const batch = rows.finish();
    expect(batch.schema).toBe(single);
    expect(rowsOf(batch)).toEqual([
      [1n, "a", [1, 2], false],
      [1n, null, null, true],
      [1n, null, null, false],
    ]);
    expect(rows.rows).toBe(0);

    rows.appendKey(2);
    expect(rowsOf(rows.finish())).toEqual([[2n, null, null, true]]);
    expect(rowsOf(batch)).toHaveLength(3);

    const store = emptyStore(single);
    store.append(batch);
    expect(rowsOf(store.get(0)?.recordBatch ?? rows.finish())).toEqual(rowsOf(batch));
    store.close();
  });

  it("take keys of several columns as arrays in the order of the key, or as objects", () => {
    const rows = new StorageRows(composite, ["a", "b"]);
    rows.appendKey([1, "one"]);
    rows.appendKey({ b: "two", a: 2 });
    expect(rowsOf(rows.finish())).toEqual([
      [null, "one", 1, true],
      [null, "two", 2, true],
    ]);
  });

  it.each<[unknown, string]>([
    [null, 'a key is null; expected an array, or an object, of exactly "a", "b"'],
    [1, "a key is 1; expected an array"],
    [[1], "a key is an array of 1; expected an array"],
    [{ a: 1 }, "a key is an object; expected an array"],
    [{ a: 1, b: "x", x: 1 }, "a key is an object; expected an array"],
    [[null, "x"], 'field "a" is null; expected a whole number'],
    [{ a: 1, b: undefined }, 'field "b" is missing'],
    [["1", 1], 'field "a" is "1"; expected a whole number'],
  ])("refuse the key %j, and stay as they were", (key, message) => {
    const rows = new StorageRows(composite, ["a", "b"]);
    rows.appendKey([1, "one"]);
    const { bytes } = rows;
    expect(() => rows.appendKey(key)).toThrow(message);
    expect(() => rows.appendRow({ a: 1, b: 2 })).toThrow(UsageError);
    expect([rows.rows, rows.bytes]).toEqual([1, bytes]);
    expect(rowsOf(rows.finish())).toEqual([[null, "one", 1, true]]);
  });

  it("take single keys as they are", () => {
    const rows = new StorageRows(single, ["id"]);
    for (const key of [null, undefined, [1n], { id: 1n }, "1"]) expect(() => rows.appendKey(key)).toThrow(UsageError);
    expect(rows.rows).toBe(0);
  });

  it("let no row say that it is a deletion, leave out its key, or what is required", () => {
    const rows = new StorageRows(single, ["id"], {
      table: new Schema(single.fields.slice(0, -1).map(({ name, type }) => new Field(name, type, name !== "text"))),
    });
    expect(() => rows.appendRow({ id: 1, text: "a", _tombstone: true })).toThrow(
      'field "_tombstone" is not in the schema',
    );
    expect(() => rows.appendRow({ text: "a" })).toThrow('field "id" is missing');
    expect(() => rows.appendRow({ id: 1 })).toThrow('field "text" is missing');
    rows.appendKey(1);
    expect(rowsOf(rows.finish())).toEqual([[1n, null, null, true]]);
    const lenient = new Schema([nullable("id", new Int64()), deleted]);
    expect(() => new StorageRows(lenient, ["id"]).appendRow({ id: null })).toThrow('field "id" is null');
  });

  it("let no item be null that is not null in the table, and none in deletions", () => {
    const vectors = (isNullable: boolean) =>
      nullable("v", new FixedSizeList(2, new Field("item", new Float32(), isNullable)));
    const id = required("id", new Int64());
    const rows = new StorageRows(new Schema([id, vectors(true), deleted]), ["id"], {
      table: new Schema([id, vectors(false)]),
    });
    for (const v of [[1, null], [undefined, 1], new Array(2)]) {
      expect(() => rows.appendRow({ id: 1, v })).toThrow(/field "v\[[01]\]" is (null|missing)/);
    }
    rows.appendRow({ id: 1, v: [1, 2] });
    rows.appendRow({ id: 2 });
    rows.appendKey(1);
    expect(rowsOf(rows.finish()).map((row) => row[2])).toEqual([false, false, true]);
    expect(() => new StorageRows(single, ["id"], { table: new Schema([id]) })).toThrow(
      "not those of the storage schema",
    );
  });

  it("can be taken back", () => {
    const rows = new StorageRows(single, ["id"]);
    rows.appendKey(1);
    const mark = rows.mark();
    rows.appendKey(2);
    rows.appendKey(3);
    rows.rollback(mark);
    rows.appendRow({ id: 4 });
    expect(rowsOf(rows.finish()).map((row) => [row[0], row[3]])).toEqual([
      [1n, true],
      [4n, false],
    ]);
  });

  it("need a storage schema and its key", () => {
    expect(() => new StorageRows(new Schema([]), ["id"])).toThrow("expected a Bool column");
    expect(() => new StorageRows(new Schema([required("id", new Int64())]), ["id"])).toThrow("expected a Bool column");
    expect(() => new StorageRows(single, [])).toThrow("the primary key has no column");
    expect(() => new StorageRows(single, ["nope"])).toThrow('the storage schema has no column "nope"');
    expect(() => new StorageRows(single, ["_tombstone"])).toThrow('has no column "_tombstone"');
  });
});
