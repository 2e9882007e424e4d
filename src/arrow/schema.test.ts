import {
  type DataType,
  DenseUnion,
  Dictionary,
  Field,
  FixedSizeList,
  Int32,
  Int64,
  List,
  Schema,
  Struct,
  Timestamp,
  Utf8,
} from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitrarySchema } from "../../test/arrow-arbitrary.js";
import { foreignArrow } from "../../test/foreign-arrow.js";
import { UsageError } from "../errors.js";
import { END_OF_STREAM } from "./message.js";
import { decodeSchemaMessage, encodeSchemaMessage, normaliseSchema, schemaDifference } from "./schema.js";
import type { FieldLike, SchemaLike } from "./shape.js";
import { typeName } from "./type-name.js";

/** Through the form in which a schema lies in an arena. */
function throughBytes(schema: SchemaLike): Schema {
  return decodeSchemaMessage(encodeSchemaMessage(normaliseSchema(schema)));
}

/** All that is said of a field and those below it. */
function described({ name, type, nullable, metadata }: FieldLike): unknown {
  const children = [...(type.children ?? [])].map(described);
  return { name, nullable, type: typeName(type), metadata: [...(metadata ?? [])], children };
}

function idsOf(type: DataType): number[] {
  const children: readonly Field[] = type.children ?? [];
  const own = type instanceof Dictionary ? [type.id] : [];
  return [...children.flatMap((field) => idsOf(field.type)), ...own];
}

const schemaOf = (...fields: Field[]): Schema => new Schema(fields);
const column = (name: string, type: DataType): Field => new Field(name, type, true);

describe("a schema through its encoded form", () => {
  it("keeps names, types, nullability and metadata", () => {
    fc.assert(
      fc.property(arbitrarySchema(), (schema) => {
        const found = throughBytes(schema);
        expect(found.fields.map(described)).toEqual(schema.fields.map(described));
        expect([...found.metadata]).toEqual([...schema.metadata]);
        expect(schemaDifference(schema, found)).toBeUndefined();
        expect(encodeSchemaMessage(found)).toEqual(encodeSchemaMessage(normaliseSchema(schema)));
      }),
      { numRuns: 300 },
    );
  });

  it("keeps metadata of nested fields and names that are empty or used twice", () => {
    const inner = new Field("", new Int32(), false, new Map([["inner", ""]]));
    const list = new Field("", new List(inner), true, new Map([["", "empty key"]]));
    const schema = new Schema(
      [list, column("", new Struct([inner, column("x", new Utf8())]))],
      new Map([["ключ", "値"]]),
    );
    const found = throughBytes(schema);
    expect(found.fields.map(described)).toEqual(schema.fields.map(described));
    expect(found.metadata.get("ключ")).toBe("値");
  });

  it("is a multiple of 64 bytes, and what another copy of apache-arrow reads", () => {
    const schema = schemaOf(column("a", new Timestamp(2, "UTC")), column("b", new List(column("item", new Utf8()))));
    const message = encodeSchemaMessage(normaliseSchema(schema));
    expect(message.byteLength % 64).toBe(0);
    const foreign = foreignArrow.tableFromIPC(Buffer.concat([message, END_OF_STREAM])).schema;
    expect(foreign.fields.map(described)).toEqual(schema.fields.map(described));
  });

  it("may be read from shared memory", () => {
    const message = encodeSchemaMessage(normaliseSchema(schemaOf(column("a", new Int32()))));
    const shared = new Uint8Array(new SharedArrayBuffer(message.byteLength));
    shared.set(message);
    expect(decodeSchemaMessage(shared).fields[0]?.name).toBe("a");
  });

  it("takes a schema of another copy of apache-arrow, and makes it this one's", () => {
    const { Schema: S, Field: F, Dictionary: D, Utf8: U, Int32: I } = foreignArrow;
    const foreign = new S([new F("d", new D(new U(), new I()), true)], new Map([["k", "v"]]));
    const found = normaliseSchema(foreign);
    expect(found).toBeInstanceOf(Schema);
    expect(found.fields[0]?.type).toBeInstanceOf(Dictionary);
    expect(found.metadata.get("k")).toBe("v");
  });
});

describe("dictionary ids", () => {
  const text = (id: number): Dictionary => new Dictionary(new Utf8(), new Int32(), id);

  it("are numbered from 0, inner ones first, whatever they were", () => {
    const outer = new Dictionary(new List(column("item", text(77))), new Int32(), 12);
    const schema = schemaOf(column("a", outer), column("b", new Struct([column("c", text(3))])));
    for (const found of [normaliseSchema(schema), throughBytes(schema)]) {
      expect(found.fields.flatMap((field) => idsOf(field.type))).toEqual([0, 1, 2]);
      expect([...found.dictionaries.keys()].sort()).toEqual([0, 1, 2]);
    }
  });

  it("are one for each column where columns share a type", () => {
    const shared = text(5);
    const schema = schemaOf(column("a", shared), column("b", shared), column("c", new List(column("item", shared))));
    expect(throughBytes(schema).fields.flatMap((field) => idsOf(field.type))).toEqual([0, 1, 2]);
  });
});

describe("normaliseSchema", () => {
  it("says what it was given instead of a schema", () => {
    for (const [value, said] of [
      [null, "null"],
      [undefined, "undefined"],
      [7, "number"],
      [{}, "object"],
      [{ fields: "a" }, "object"],
    ] as const) {
      expect(() => Reflect.apply(normaliseSchema, undefined, [value])).toThrow(`schema is ${said}`);
    }
  });

  it("names the field of a type that cannot be held", () => {
    const bad = [
      { typeId: 21, children: [column("item", new Int32())] },
      { typeId: 2, bitWidth: 24, isSigned: true },
      { typeId: 7, precision: 10, scale: 2, bitWidth: 100 },
      { typeId: 15, byteWidth: -1 },
      { typeId: 16, listSize: 1.5, children: [column("item", new Int32())] },
    ];
    for (const type of bad) {
      const schema = { fields: [column("fine", new Int32()), { name: "odd", type, nullable: true }] };
      expect(() => normaliseSchema(schema)).toThrow(UsageError);
      expect(() => normaliseSchema(schema)).toThrow('field "odd": ');
    }
  });
});

describe("schemaDifference", () => {
  const base = schemaOf(column("id", new Int64()), column("name", new Utf8()));

  it.each([
    ["a field more", schemaOf(...base.fields, column("z", new Int32())), 'field 2 "z" is not in the store\'s schema'],
    ["a field less", schemaOf(column("id", new Int64())), 'field 1 "name" (utf8) is missing'],
    [
      "another name",
      schemaOf(column("id", new Int64()), column("nom", new Utf8())),
      'field 1 is named "nom"; expected "name"',
    ],
    [
      "another type",
      schemaOf(column("id", new Int32()), column("name", new Utf8())),
      'field "id" is int32; expected int64',
    ],
    [
      "another order",
      schemaOf(column("name", new Utf8()), column("id", new Int64())),
      'field 0 is named "name"; expected "id"',
    ],
  ])("%s", (_, found, said) => {
    expect(schemaDifference(base, found)).toBe(said);
  });

  it("sees into nested types", () => {
    const vector = (size: number): Schema =>
      schemaOf(column("v", new FixedSizeList(size, column("item", new Int32()))));
    expect(schemaDifference(vector(3), vector(4))).toBe(
      'field "v" is fixed_size_list<int32>[4]; expected fixed_size_list<int32>[3]',
    );
    const union = (id: number): Schema => schemaOf(column("u", new DenseUnion([id], [column("a", new Int32())])));
    expect(schemaDifference(union(0), union(1))).toContain("dense_union<a: int32>[1]");
  });

  it("does not mind nullability and metadata", () => {
    const other = new Schema([new Field("id", new Int64(), false, new Map([["a", "b"]])), column("name", new Utf8())]);
    expect(schemaDifference(base, other)).toBeUndefined();
  });
});
