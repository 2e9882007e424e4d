/**
 * Makes a plain `Data` (offset 0) out of named parts.
 *
 * @module
 */
import type { Data, DataType, Vector } from "apache-arrow";
import { arrowData, UNKNOWN_NULL_COUNT } from "./data.js";
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
export const UNION_VALIDITY: Validity = { nullBitmap: undefined, nullCount: UNKNOWN_NULL_COUNT };

/** A column of `length` rows of `type`. */
export function plainData(type: DataType, length: number, validity: Validity, parts: DataParts): Data {
  const { valueOffsets: offsets, values, typeIds, children, dictionary } = parts;
  const buffers = { offsets, values, validity: validity.nullBitmap, typeIds };
  return arrowData(type, length, validity.nullCount, buffers, children, dictionary);
}
