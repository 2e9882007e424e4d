/**
 * Arbitrary batches whose rows can be read as plain objects and built again without loss, for tests of both directions.
 *
 * @module
 */
import { Field, type RecordBatch, Schema } from "apache-arrow";
import fc from "fast-check";
import { arbitraryBatchOf, arbitraryTypeSpec, buildType, type TypeSpec } from "../../../test/arrow-arbitrary.js";
import type { DataLike } from "../shape.js";
import { typeName } from "../type-name.js";

/**
 * Batches of 1 to 4 columns. Everything is nullable, as dictionaries may hold nulls. Left out: dates and timestamps, which reach further
 * than a Date does; maps, which may have a key twice.
 */
export function arbitraryRowBatch(maxRows = 30): fc.Arbitrary<RecordBatch> {
  const spec = arbitraryTypeSpec({ without: ["timestamp", "dateDay", "map"] }).map(nullable);
  return fc.array(spec, { minLength: 1, maxLength: 4 }).chain((specs) => {
    const ids = { next: 0 };
    const fields = specs.map((one, i) => new Field(`c${i}`, buildType(one, ids), true));
    return arbitraryBatchOf(new Schema(fields), { maxRows });
  });
}

function nullable(spec: TypeSpec): TypeSpec {
  return JSON.parse(JSON.stringify(spec), (key, value: unknown) => (key === "nullable" ? true : value));
}

/** `row` with one value in it, at a place that `choose` picks, replaced by one that no type takes. */
export function spoilt(
  row: Readonly<Record<string, unknown>>,
  choose: (count: number) => number,
): Record<string, unknown> {
  const keys = Object.keys(row);
  const key = keys[choose(keys.length)] ?? "";
  return { ...row, [key]: spoiltValue(row[key], choose) };
}

function spoiltValue(value: unknown, choose: (count: number) => number): unknown {
  if (choose(4) === 0) return Symbol("unfit");
  if (Array.isArray(value) && value.length > 0) {
    const at = choose(value.length);
    return value.map((item: unknown, i) => (i === at ? spoiltValue(item, choose) : item));
  }
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    const fields: Record<string, unknown> = { ...value };
    return Object.keys(fields).length > 0 ? spoilt(fields, choose) : Symbol("unfit");
  }
  return Symbol("unfit");
}

/** All that a batch's data consists of, to compare two batches byte by byte: apache-arrow's objects hold more than their data. */
export function partsOf(batch: RecordBatch): unknown {
  return batch.data.children.map(dataParts);
}

function dataParts(data: DataLike): unknown {
  const { type, length, offset, values, valueOffsets, nullBitmap, typeIds, children, dictionary } = data;
  return {
    type: typeName(type),
    length,
    offset,
    values,
    valueOffsets,
    validity: nullBitmap
      ? Array.from(new Uint8Array(nullBitmap.buffer, nullBitmap.byteOffset, nullBitmap.byteLength))
      : [],
    typeIds,
    children: (children ?? []).map((child) => (child === undefined ? child : dataParts(child))),
    dictionary: (dictionary?.data ?? []).map(dataParts),
  };
}
