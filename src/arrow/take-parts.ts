/**
 * Makes a plain `Data` (offset 0) out of named parts.
 *
 * @module
 */
import { Data, type DataType, type Vector } from "apache-arrow";
import type { Validity } from "./take-bits.js";

/** The parts of a plain column; what a type does not have is left out. */
export interface DataParts {
  readonly valueOffsets?: Int32Array | BigInt64Array;
  readonly values?: ArrayBufferView;
  readonly typeIds?: Int8Array;
  readonly children?: Data[];
  readonly dictionary?: Vector | undefined;
}

/** apache-arrow computes the nulls of a union from its children. */
export const UNION_VALIDITY: Validity = { nullBitmap: undefined, nullCount: -1 };

/** A column of `length` rows of `type`. */
export function plainData(type: DataType, length: number, validity: Validity, parts: DataParts): Data {
  // The places of apache-arrow's BufferType: offsets, values, validity, type ids.
  const buffers: { 0?: unknown; 1?: unknown; 2?: Uint8Array; 3?: unknown } = {};
  if (parts.valueOffsets) buffers[0] = parts.valueOffsets;
  if (parts.values) buffers[1] = parts.values;
  if (validity.nullBitmap) buffers[2] = validity.nullBitmap;
  if (parts.typeIds) buffers[3] = parts.typeIds;
  return new Data(type, 0, length, validity.nullCount, buffers, parts.children, parts.dictionary);
}
