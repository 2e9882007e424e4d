/**
 * Data of any copy of apache-arrow as data of this one, with the same buffers: LanceDB hands out batches of a copy of its own.
 *
 * @module
 */
import { Data, type DataType, type Dictionary, type Field, Type, Vector } from "apache-arrow";
import { CorruptError } from "../errors.js";
import { UNKNOWN_NULL_COUNT } from "./data.js";
import { sameType } from "./same-type.js";
import type { DataLike } from "./shape.js";
import { typeName } from "./type-name.js";

/**
 * @param type of this copy, which the data are given: names and nullability of its children are the type's, not those of the source
 * @throws CorruptError when the data are of another type, or lack a child
 */
export function ownData(type: DataType, data: DataLike): Data {
  if (!sameType(type, data.type)) {
    throw new CorruptError(`data of type ${typeName(data.type)} were read; expected ${typeName(type)}`);
  }
  const { offset, length, values, valueOffsets, nullBitmap, typeIds } = data;
  if (type.typeId === Type.Null) return new Data(type, 0, length, length);
  // Children of a dictionary's type are those of its values.
  const fields: readonly Field[] = isDictionary(type) ? [] : (type.children ?? []);
  const children = fields.map((field, i) => {
    const child = data.children?.[i];
    if (child === undefined) throw new CorruptError(`data of type ${typeName(type)} lack their child ${i}`);
    return ownData(field.type, child);
  });
  const hasNulls = (nullBitmap?.byteLength ?? 0) > 0 || type.typeId === Type.Union;
  // The declared buffer types follow from the type argument, which is only known at run time here.
  const buffers = [valueOffsets, values, nullBitmap, typeIds] as unknown as Partial<Data["buffers"]>;
  const nullCount = hasNulls ? UNKNOWN_NULL_COUNT : 0;
  return new Data(
    type,
    offset,
    length,
    nullCount,
    buffers,
    children,
    isDictionary(type) ? ownValues(type, data) : undefined,
  );
}

function isDictionary(type: DataType): type is Dictionary {
  return type.typeId === Type.Dictionary;
}

function ownValues(type: Dictionary, { dictionary }: DataLike): Vector {
  if (!dictionary) throw new CorruptError(`data of type ${typeName(type)} lack their dictionary`);
  return new Vector(dictionary.data.map((piece) => ownData(type.dictionary, piece)));
}
