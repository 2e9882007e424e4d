/**
 * Data of any type with no rows.
 *
 * @module
 */
import { Data, type DataType, type Field } from "apache-arrow";

/** Data of `type` with no rows and no buffers; nested types get empty children. */
export function emptyData(type: DataType): Data {
  const children: readonly Field[] = type.children ?? [];
  return new Data(
    type,
    0,
    0,
    0,
    undefined,
    children.map((field) => emptyData(field.type)),
  );
}
