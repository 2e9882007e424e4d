import { Vector } from "apache-arrow";
import type { FileMetaData, SchemaElement } from "hyparquet";
import { describe, expect, it } from "vitest";
import { assembleColumn } from "./parquet-assemble.js";
import { planColumns } from "./parquet-schema.js";
import { FixedValues } from "./parquet-values.js";
import { plain } from "./sources.fixture.js";

function metadata(schema: SchemaElement[]): FileMetaData {
  return { version: 1, schema, num_rows: 0n, row_groups: [], metadata_length: 0 };
}

const root = (children: number): SchemaElement => ({ name: "root", num_children: children });
const leaf = (name: string, rest: Partial<SchemaElement>): SchemaElement => ({
  name,
  repetition_type: "REQUIRED",
  ...rest,
});
const typeOf = (element: SchemaElement) => String(planColumns(metadata([root(1), element]))[0]?.field.type);

describe("Parquet schemas", () => {
  it("map every annotation, old and new", () => {
    const cases: [Partial<SchemaElement>, string][] = [
      [{ type: "INT32", converted_type: "UINT_8" }, "Uint8"],
      [{ type: "INT32", logical_type: { type: "INTEGER", bitWidth: 16, isSigned: true } }, "Int16"],
      [{ type: "INT64", converted_type: "UINT_64" }, "Uint64"],
      [{ type: "INT64", converted_type: "TIMESTAMP_MILLIS" }, "Timestamp<MILLISECOND, UTC>"],
      [
        { type: "INT64", logical_type: { type: "TIMESTAMP", isAdjustedToUTC: false, unit: "NANOS" } },
        "Timestamp<NANOSECOND>",
      ],
      [{ type: "INT96" }, "Timestamp<NANOSECOND>"],
      [{ type: "INT64", converted_type: "TIME_MICROS" }, "Time64<MICROSECOND>"],
      [{ type: "INT32", converted_type: "DECIMAL", precision: 5, scale: 2 }, "Decimal[5e+2]"],
      [{ type: "BYTE_ARRAY", converted_type: "JSON" }, "Utf8"],
      [{ type: "BYTE_ARRAY" }, "Binary"],
      [{ type: "FIXED_LEN_BYTE_ARRAY", type_length: 2, logical_type: { type: "FLOAT16" } }, "Float16"],
      [{ type: "FIXED_LEN_BYTE_ARRAY", type_length: 16, logical_type: { type: "UUID" } }, "FixedSizeBinary[16]"],
      [{ type: "INT32", logical_type: { type: "NULL" } }, "Null"],
    ];
    for (const [element, expected] of cases) expect(typeOf(leaf("c", element))).toBe(expected);
  });

  it("name the column of a type that cannot be read", () => {
    expect(() =>
      typeOf(leaf("c", { type: "FIXED_LEN_BYTE_ARRAY", type_length: 12, converted_type: "INTERVAL" })),
    ).toThrow(/column "c" has type INTERVAL/);
  });

  it("follow the older rules for lists", () => {
    const list = { name: "l", converted_type: "LIST", repetition_type: "OPTIONAL", num_children: 1 } as const;
    const two = [root(1), list, leaf("element", { repetition_type: "REPEATED", type: "INT32" })];
    expect(String(planColumns(metadata(two))[0]?.field.type)).toBe("List<Int32>");
    const tuple = [
      root(1),
      list,
      { name: "l_tuple", repetition_type: "REPEATED", num_children: 1 } as const,
      leaf("x", { type: "INT32" }),
    ];
    expect(String(planColumns(metadata(tuple))[0]?.field.type)).toBe("List<Struct<{x:Int32}>>");
  });

  it("put a repeated field together as a list", () => {
    const [plan] = planColumns(metadata([root(1), leaf("r", { repetition_type: "REPEATED", type: "INT32" })]));
    if (plan === undefined) throw new Error("no plan");
    const values = new FixedValues(4, 1000);
    values.append(new Uint8Array(Int32Array.of(1, 2, 3).buffer));
    const levels = { count: 4, definitions: Uint8Array.of(1, 1, 0, 1), repetitions: Uint8Array.of(0, 1, 0, 0), values };
    expect(plain(new Vector([assembleColumn(plan, [levels])]))).toEqual([[1, 2], [], [3]]);
  });

  it("are refused when they are not one tree", () => {
    expect(() => planColumns(metadata([root(3), leaf("a", { type: "INT32" })]))).toThrow(/lacks elements/);
    expect(() => planColumns(metadata([root(1), leaf("a", { type: "INT32" }), leaf("b", { type: "INT32" })]))).toThrow(
      /outside its root/,
    );
    const deep = Array.from({ length: 100 }, (_, depth) => ({ name: `g${depth}`, num_children: 1 }));
    expect(() => planColumns(metadata([...deep, leaf("a", { type: "INT32" })]))).toThrow(/nested more than/);
  });
});
