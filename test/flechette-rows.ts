/**
 * What flechette, which shares no code with apache-arrow, reads out of an IPC stream, in the terms of `rowsOf`.
 *
 * @module
 */
import { tableFromIPC } from "@uwdata/flechette";
import { Type, UnionMode } from "apache-arrow";
import type { SchemaLike, TypeLike } from "../src/arrow/shape.js";

/** As much of flechette's batches as is looked at. */
interface Batch {
  readonly length: number;
  readonly nullCount: number;
  readonly at: (row: number) => unknown;
  readonly isValid: (row: number) => boolean;
  readonly children?: readonly Batch[];
  readonly offsets?: ArrayLike<number | bigint>;
  readonly values?: ArrayLike<number | bigint>;
  readonly typeIds?: ArrayLike<number>;
  readonly dictionary?: { readonly data: readonly Batch[] };
}

/** All rows of a stream. */
export function flechetteRows(stream: Uint8Array, schema: SchemaLike): unknown[][] {
  const table = tableFromIPC(stream, { useBigInt: true, useBigIntTimestamp: true, useDecimalInt: true });
  const columns = schema.fields.map(({ type }, i) => {
    const batches: readonly unknown[] = table.getChildAt(i).data;
    return batches.filter(isBatch).flatMap((batch) => range(0, batch.length).map((row) => valueAt(batch, type, row)));
  });
  return range(0, table.numRows).map((row) => columns.map((values) => values[row]));
}

function valueAt(batch: Batch, type: TypeLike, row: number): unknown {
  const value = batch.at(row);
  const child = (index: number, at: number): unknown => {
    const field = type.children?.[index];
    const data = batch.children?.[index];
    if (!field || !data) throw new TypeError(`there is no child ${index}`);
    return valueAt(data, field.type, at);
  };
  if (type.typeId === Type.Union) {
    const typeId = Number(batch.typeIds?.[row]);
    const at = type.mode === UnionMode.Dense ? Number(batch.offsets?.[row]) : row;
    return { typeId, value: child(Array.from(type.typeIds ?? []).indexOf(typeId), at) };
  }
  if (type.typeId === Type.Dictionary) {
    const [values] = batch.dictionary?.data ?? [];
    if (!values || !type.dictionary) throw new TypeError("a dictionary column without its dictionary");
    const isNull = batch.nullCount > 0 && !batch.isValid(row);
    return isNull ? null : valueAt(values, type.dictionary, Number(batch.values?.[row]));
  }
  if (value === null || value === undefined) return null;
  switch (type.typeId) {
    case Type.Date:
      return type.unit === 0 ? Number(value) / 86_400_000 : BigInt(Number(value));
    case Type.Interval:
      return type.unit === 0 ? value : elements(value);
    case Type.Binary:
    case Type.LargeBinary:
    case Type.FixedSizeBinary:
      return elements(value);
    case Type.List:
    case Type.Map: {
      const items = range(Number(batch.offsets?.[row]), Number(batch.offsets?.[row + 1])).map((at) => child(0, at));
      return type.typeId === Type.Map ? items.map((entry) => Object.values(Object(entry))) : items;
    }
    case Type.FixedSizeList: {
      const size = type.listSize ?? 0;
      return range(size * row, size * (row + 1)).map((at) => child(0, at));
    }
    case Type.Struct:
      return Object.fromEntries((type.children ?? []).map(({ name }, i) => [name, child(i, row)]));
    default:
      return value;
  }
}

function isBatch(value: unknown): value is Batch {
  return typeof value === "object" && value !== null && "at" in value && "length" in value;
}

function elements(value: unknown): unknown[] {
  return value instanceof Uint8Array || value instanceof Int32Array ? Array.from(value) : [];
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
