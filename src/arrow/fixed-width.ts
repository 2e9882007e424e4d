/**
 * The width of types whose values all have one.
 *
 * @module
 */
import { DataType } from "apache-arrow";

/** Bytes of one value of `type`; for types with validity and one values buffer only. */
export function fixedWidth(type: DataType): number {
  if (DataType.isDecimal(type)) return type.bitWidth / 8;
  if (DataType.isInterval(type)) return 4 * (1 + type.unit);
  if (DataType.isFixedSizeBinary(type)) return type.byteWidth;
  const { BYTES_PER_ELEMENT } = type.ArrayType;
  return BYTES_PER_ELEMENT;
}
