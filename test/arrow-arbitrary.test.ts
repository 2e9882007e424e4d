import {
  Data,
  DataType,
  Decimal,
  Field,
  Int32,
  Interval,
  IntervalUnit,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Timestamp,
  TimeUnit,
  Type,
  Utf8,
  Vector,
} from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  arbitraryBatch,
  arbitraryData,
  arbitraryType,
  arbitraryTypeSpec,
  batchOf,
  buildType,
} from "./arrow-arbitrary.js";
import { allTypes, rowsOf, valuesOf } from "./plain-model.js";

/** What `Vector.get` gives, in the terms of the reference reader; types that it gets wrong must not come here. */
function plainValue(type: DataType, value: unknown): unknown {
  if (value === null) return null;
  if (DataType.isInterval(type)) {
    const [first, second] = numbers(value);
    return type.unit === IntervalUnit.YEAR_MONTH ? (first ?? 0) * 12 + (second ?? 0) : [first, second];
  }
  if (DataType.isDate(type)) return type.unit === 0 ? Number(value) / 86_400_000 : BigInt(Number(value));
  // Of 256 bits, apache-arrow prints the low ones only.
  if (DataType.isDecimal(type)) return type.bitWidth === 128 ? BigInt(String(value)) : fromWords(value);
  if (DataType.isDictionary(type)) return plainValue(type.dictionary, value);
  if (DataType.isMap(type)) {
    const { keyType, valueType } = type;
    return Array.from(iterable(value), (entry) => {
      const [key, item] = Array.from(iterable(entry));
      return [plainValue(keyType, key), plainValue(valueType, item)];
    });
  }
  if (DataType.isStruct(type)) {
    const row = Object(value).toJSON();
    return Object.fromEntries(type.children.map((field) => [field.name, plainValue(field.type, row[field.name])]));
  }
  if (DataType.isList(type) || DataType.isFixedSizeList(type)) {
    return Array.from(iterable(value), (item) => plainValue(type.valueType, item));
  }
  return value instanceof Uint8Array ? Array.from(value) : value;
}

function fromWords(value: unknown): bigint {
  const words = value instanceof Uint32Array ? Array.from(value) : [];
  return BigInt.asIntN(
    256,
    words.reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n),
  );
}

function iterable(value: unknown): Iterable<unknown> {
  return Object(value);
}

function numbers(value: unknown): number[] {
  return value instanceof Int32Array ? Array.from(value) : [];
}

function has64BitIndices(type: { indices?: { bitWidth?: number | undefined } | undefined }): boolean {
  return type.indices?.bitWidth === 64;
}

describe("arbitraries", () => {
  it("make every type that apache-arrow can hold", () => {
    const types = fc.sample(arbitraryType(), { numRuns: 3000, seed: 1 });
    const names = new Set(
      allTypes(types)
        .map((type) => [type.typeId, type.bitWidth, type.isSigned, type.unit, type.precision, type.mode])
        .map(([id, width, signed, unit, precision, mode]) => {
          if (id === Type.Float) return `${id}/${precision}`;
          return `${id}/${width}/${signed}/${unit}/${mode}`;
        }),
    );
    const count = (typeId: Type): number => Array.from(names).filter((name) => name.startsWith(`${typeId}/`)).length;
    expect(
      Object.fromEntries(
        [
          Type.Null,
          Type.Int,
          Type.Float,
          Type.Binary,
          Type.Utf8,
          Type.Bool,
          Type.Decimal,
          Type.Date,
          Type.Time,
          Type.Timestamp,
          Type.Interval,
          Type.List,
          Type.Struct,
          Type.Union,
          Type.FixedSizeBinary,
          Type.FixedSizeList,
          Type.Map,
          Type.Duration,
          Type.LargeBinary,
          Type.LargeUtf8,
          Type.Dictionary,
        ].map((typeId) => [Type[typeId], count(typeId)]),
      ),
    ).toEqual({
      Null: 1,
      Int: 8,
      Float: 3,
      Binary: 1,
      Utf8: 1,
      Bool: 1,
      Decimal: 2,
      Date: 2,
      Time: 4,
      Timestamp: 4,
      Interval: 2,
      List: 1,
      Struct: 1,
      Union: 2,
      FixedSizeBinary: 1,
      FixedSizeList: 1,
      Map: 1,
      Duration: 4,
      LargeBinary: 1,
      LargeUtf8: 1,
      Dictionary: 1,
    });
  });

  it("leave kinds out", () => {
    const types = fc.sample(arbitraryType({ without: ["union", "dictionary", "null", "decimal"] }), {
      numRuns: 500,
      seed: 2,
    });
    const ids = new Set(allTypes(types).map(({ typeId }) => typeId));
    expect([Type.Union, Type.Dictionary, Type.Null, Type.Decimal].filter((id) => ids.has(id))).toEqual([]);
    expect(
      fc.sample(arbitraryTypeSpec({ maxDepth: 0 }), 300).some((spec) => "item" in spec || "children" in spec),
    ).toBe(false);
  });

  it("are the same for the same seed", () => {
    const rows = (): unknown =>
      fc.sample(arbitraryBatch(), { numRuns: 30, seed: 7 }).map((batch) => [String(batch.schema), rowsOf(batch)]);
    expect(rows()).toEqual(rows());
  });

  it("make nulls only where a field may have them", () => {
    fc.assert(
      fc.property(arbitraryBatch(), (batch) => {
        for (const [index, { type, nullable }] of batch.schema.fields.entries()) {
          if (nullable || DataType.isNull(type) || DataType.isUnion(type) || DataType.isDictionary(type)) continue;
          expect(rowsOf(batch).map((row) => row[index])).not.toContain(null);
        }
      }),
    );
  });

  it("make sliced, shifted, shared and chunked data", () => {
    const batches = fc.sample(arbitraryBatch({ minColumns: 1, shared: true }), { numRuns: 300, seed: 3 });
    const all = batches.flatMap((batch) => batch.data.children.flatMap(descendants));
    expect(all.some((data) => data.offset % 8 !== 0)).toBe(true);
    expect(
      fc.sample(arbitraryData(new Int32(), 9), { numRuns: 50, seed: 4 }).some((data) => data.offset % 8 !== 0),
    ).toBe(true);
    expect(all.some((data) => data.valueOffsets?.[0] > 0)).toBe(true);
    expect(all.some((data) => data.length === 0 && data.valueOffsets?.length === 0)).toBe(true);
    expect(all.some((data) => (data.dictionary?.data.length ?? 0) > 1)).toBe(true);
    expect(all.some((data) => data.values?.byteOffset % 8 !== 0)).toBe(true);
    expect(
      all.filter(({ values }) => values?.length > 0).every(({ values }) => values.buffer instanceof SharedArrayBuffer),
    ).toBe(true);
  });
});

function descendants(data: Data): Data[] {
  return [data, ...data.children.flatMap(descendants), ...(data.dictionary?.data ?? []).flatMap(descendants)];
}

describe("the reference reader", () => {
  it("agrees with apache-arrow wherever that is right", () => {
    fc.assert(
      fc.property(
        arbitraryType({ without: ["union", "timestamp"] })
          .filter((type) => !allTypes([type]).some(has64BitIndices))
          .chain((type) => arbitraryData(type, 20).map((data) => ({ type, data }))),
        ({ type, data }) => {
          const vector = new Vector([data]);
          const theirs = Array.from({ length: data.length }, (_, row) => plainValue(type, vector.get(row)));
          expect(valuesOf(data)).toEqual(theirs);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("tells which child of a union a value came from", () => {
    fc.assert(
      fc.property(
        arbitraryType()
          .filter((type) => DataType.isUnion(type))
          .chain((type) => arbitraryData(type, 10)),
        (data) => {
          for (const [row, value] of valuesOf(data).entries())
            expect(value).toMatchObject({ typeId: data.typeIds[row] });
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("where apache-arrow 18.1 is wrong, so that it cannot be the judge", () => {
  it("throws on timestamps past 2^53", () => {
    const data = makeData({ type: new Timestamp(TimeUnit.SECOND), data: BigInt64Array.of(2n ** 60n) });
    expect(() => new Vector([data]).get(0)).toThrow(TypeError);
    expect(valuesOf(data)).toEqual([2n ** 60n]);
  });

  it("throws on dictionaries with 64-bit indices", () => {
    const type = buildType({ kind: "dictionary", indices: "int64", values: { kind: "utf8" }, ordered: false });
    const words = makeData({ type: new Utf8(), valueOffsets: Int32Array.of(0, 1, 2), data: Uint8Array.of(97, 98) });
    const data = new Data(type, 0, 1, 0, { 1: BigInt64Array.of(1n) }, [], new Vector([words]));
    expect(() => new Vector([data]).get(0)).toThrow(TypeError);
    expect(valuesOf(data)).toEqual(["b"]);
  });

  it("prints the low half of a 256-bit decimal only", () => {
    const data = makeData({ type: new Decimal(0, 76, 256), data: Uint32Array.of(7, 0, 0, 0, 1, 0, 0, 0) });
    expect(String(new Vector([data]).get(0))).not.toBe(String(2n ** 128n + 7n));
    expect(valuesOf(data)).toEqual([2n ** 128n + 7n]);
  });

  it("gives the method for a field named like one", () => {
    const fields = [new Field("toJSON", new Int32(), false)];
    const child = makeData({ type: new Int32(), data: Int32Array.of(5) });
    const data: Data = makeData({ type: new Struct(fields), length: 1, nullCount: 0, children: [child] });
    expect(new Vector([data]).get(0)?.["toJSON"]).toBeTypeOf("function");
    expect(valuesOf(data)).toEqual([{ toJSON: 5 }]);
  });

  it("forgets the rows of a batch without columns", () => {
    const schema = new Schema([]);
    const batch = batchOf(schema, 3, []);
    expect(new RecordBatch(schema, batch.data).numRows).toBe(0);
    expect(rowsOf(batch)).toEqual([[], [], []]);
  });

  it("mixes up two columns of the same name", () => {
    const schema = new Schema([new Field("a", new Int32()), new Field("a", new Utf8())]);
    const children = [
      makeData({ type: new Int32(), data: Int32Array.of(5) }),
      makeData({ type: new Utf8(), valueOffsets: Int32Array.of(0, 1), data: Uint8Array.of(97) }),
    ];
    const batch = batchOf(schema, 1, children);
    expect(new RecordBatch(schema, batch.data).schema.fields.map(({ type }) => String(type))).toEqual(["Utf8", "Utf8"]);
    expect(rowsOf(batch)).toEqual([[5, "a"]]);
  });

  it("reads month-day-nano intervals as pairs of years and months", () => {
    const type = new Interval(IntervalUnit.MONTH_DAY_NANO);
    const data = makeData({ type, length: 1, data: Int32Array.of(1, 2, 3, 0) });
    expect(Array.from(new Vector([data]).get(0) ?? [])).toEqual([0, 1]);
    expect(data.stride).toBe(3);
  });

  it("counts -1 nulls in a slice of a Null column", () => {
    const [column] = fc.sample(
      arbitraryData(fc.sample(arbitraryType({ maxDepth: 0 }).filter(DataType.isNull), 1)[0] ?? new Int32(), 4, {
        plain: true,
      }),
      1,
    );
    expect(column?.slice(1, 2).nullCount).toBe(-1);
  });
});
