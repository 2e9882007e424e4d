import { Field, Float64, Int32, Int64, List, Schema, Struct, Utf8 } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { UsageError } from "../errors.js";
import { KEY_POSITION } from "../lance/storage-schema.js";
import { disagreement, lanceSchema, readLanceSchema, schemaToCreate } from "./table-schema.js";

const id = new Field("id", new Int64(), true, new Map([["unit", "none"]]));
const text = new Field("text", new Utf8(), false);
const schema = new Schema([id, text], new Map([["app", "test"]]));

describe("schemaToCreate", () => {
  it("makes key columns not nullable and keeps metadata", () => {
    const { schema: made, primaryKey } = schemaToCreate(schema, ["id"]);
    expect(made.fields.map(({ name, nullable }) => [name, nullable])).toEqual([
      ["id", false],
      ["text", false],
    ]);
    expect(primaryKey).toEqual(["id"]);
    expect(made.metadata).toEqual(schema.metadata);
    expect(made.fields[0]?.metadata).toEqual(id.metadata);
  });

  it("puts _row_id in front of a table without a key", () => {
    const { schema: made, primaryKey } = schemaToCreate(schema, undefined);
    expect(made.fields.map(({ name }) => name)).toEqual(["_row_id", "id", "text"]);
    expect(made.fields[0]?.nullable).toBe(false);
    expect(made.fields[1]?.nullable).toBe(true);
    expect(primaryKey).toEqual(["_row_id"]);
  });

  it("refuses reserved names, no columns, and keys that are none", () => {
    const rowId = new Schema([new Field("_row_id", new Int64(), false)]);
    expect(() => schemaToCreate(rowId, undefined)).toThrow(/_row_id/);
    expect(() => schemaToCreate(rowId, ["_row_id"])).toThrow(UsageError);
    expect(() => schemaToCreate(new Schema([]), undefined)).toThrow(/no columns/);
    expect(() => schemaToCreate(schema, ["nope"])).toThrow(/"nope"/);
    expect(() => schemaToCreate(schema, [])).toThrow(UsageError);
    expect(() => schemaToCreate(new Schema([new Field("f", new Float64())]), ["f"])).toThrow(/"f"/);
  });
});

describe("Lance's metadata of the key", () => {
  it("goes out and comes back, in the order of the key", () => {
    const made = schemaToCreate(schema, ["text", "id"]);
    const lance = lanceSchema(made);
    expect(lance.fields.map((field) => field.metadata.get(KEY_POSITION))).toEqual(["2", "1"]);
    const back = readLanceSchema(lance);
    expect(back.primaryKey).toEqual(["text", "id"]);
    expect(back.schema.fields.map((field) => field.metadata.size)).toEqual([1, 0]);
    expect(disagreement(made.schema, back.schema)).toBeUndefined();
  });

  it("understands the mark of older releases", () => {
    const mark = new Map([["lance-schema:unenforced-primary-key", "true"]]);
    const unmarked = new Map([["lance-schema:unenforced-primary-key", "false"]]);
    const found = new Schema([new Field("a", new Int32(), false, unmarked), new Field("b", new Int32(), true, mark)]);
    const { schema: read, primaryKey } = readLanceSchema(found);
    expect(primaryKey).toEqual(["b"]);
    expect(read.fields.map(({ nullable, metadata }) => [nullable, metadata.size])).toEqual([
      [false, 0],
      [false, 0],
    ]);
  });
});

describe("disagreement", () => {
  const of = (...fields: Field[]) => new Schema(fields);
  const struct = (name: string, child: Field) => new Field(name, new Struct([child]), true);

  it("names the field", () => {
    expect(disagreement(of(text), of(text))).toBeUndefined();
    expect(disagreement(of(new Field("text", new Int32(), false)), of(text))).toBe(
      'field "text" is int32; expected utf8',
    );
    expect(disagreement(of(text, id), of(text))).toBe('field 1 "id" is not in the table');
    expect(disagreement(of(text), of(text, id))).toBe('field 1 "id" (int64) is missing');
    expect(disagreement(of(new Field("text", new Utf8(), true)), of(text))).toBe(
      'field "text" (utf8) is nullable; expected not nullable',
    );
  });

  it("looks into nested types, not at metadata or the names of list items", () => {
    const inner = (nullable: boolean) => new Field("a", new Int32(), nullable);
    expect(disagreement(of(struct("s", inner(true))), of(struct("s", inner(true))))).toBeUndefined();
    expect(disagreement(of(struct("s", inner(true))), of(struct("s", new Field("b", new Int32()))))).toMatch(/"s"/);
    const list = (item: string) => new Field("l", new List(new Field(item, new Int32(), true)), true);
    expect(disagreement(of(list("item")), of(list("element")))).toBeUndefined();
    expect(disagreement(of(new Field("text", new Utf8(), false, new Map([["k", "v"]]))), of(text))).toBeUndefined();
  });
});
