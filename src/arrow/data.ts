/**
 * Makes apache-arrow `Data` from buffers that are known to fit the type.
 *
 * @module
 */
import { Data, type DataType, type Vector } from "apache-arrow";

/** Buffers of one piece of data; those that its type does not have are left out. */
export interface DataBuffers {
  readonly offsets?: Int32Array | BigInt64Array | undefined;
  readonly values?: ArrayBufferView | undefined;
  readonly validity?: Uint8Array | undefined;
  readonly typeIds?: Int8Array | undefined;
}

/** Null count for "not known yet": apache-arrow counts when asked. Unions have no other. */
export const UNKNOWN_NULL_COUNT = -1;

/**
 * Data of `type` with row 0 first. The constructor is called directly: `makeData` would check and convert each buffer again, at ten
 * times the cost.
 */
export function arrowData(
  type: DataType,
  length: number,
  nullCount: number,
  buffers: DataBuffers,
  children?: Data[],
  dictionary?: Vector,
): Data {
  const { offsets, values, validity, typeIds } = buffers;
  // The declared buffer types follow from the type argument, which is only known at run time here.
  const ordered = [offsets, values, validity, typeIds] as unknown as Partial<Data["buffers"]>;
  return new Data(type, 0, length, nullCount, ordered, children, dictionary);
}
