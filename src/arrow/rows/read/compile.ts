/**
 * The reader for a type.
 *
 * @module
 */
import { DataType, DateUnit, type Field, IntervalUnit, Precision, TimeUnit, UnionMode } from "apache-arrow";
import { UsageError } from "../../../errors.js";
import { typeName } from "../../type-name.js";
import { MOST_SCALE } from "../decimal-text.js";
import { BinaryReader, DecimalReader, FixedBinaryReader, TextReader } from "./bytes.js";
import { DictionaryReader } from "./dictionary.js";
import { DayReader, InstantReader } from "./instants.js";
import { FixedSizeListReader, ListReader, MapReader, StructReader, UnionReader } from "./nested.js";
import { BitReader, DayTimeReader, type ElementArray, ElementReader, HalfReader, NullReader } from "./numbers.js";
import type { ValueReader, ViewClass } from "./value-reader.js";

type ElementClass = ViewClass<ElementArray>;

/** Classes for integers, signed and unsigned, by their bits. */
const INTEGERS = new Map<number, readonly [ElementClass, ElementClass]>([
  [8, [Int8Array, Uint8Array]],
  [16, [Int16Array, Uint16Array]],
  [32, [Int32Array, Uint32Array]],
  [64, [BigInt64Array, BigUint64Array]],
]);

/**
 * A reader for values of `type`.
 *
 * @throws UsageError for a type that apache-arrow 18.1 cannot hold, or a struct with two fields of one name
 */
export function valueReader(type: DataType): ValueReader {
  if (DataType.isDictionary(type)) {
    return new DictionaryReader(integerReader(type.indices), () => valueReader(type.dictionary));
  }
  if (DataType.isNull(type)) return new NullReader();
  if (DataType.isBool(type)) return new BitReader();
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) return new TextReader(DataType.isLargeUtf8(type));
  if (DataType.isBinary(type) || DataType.isLargeBinary(type)) return new BinaryReader(DataType.isLargeBinary(type));
  if (DataType.isFixedSizeBinary(type)) return new FixedBinaryReader(type.byteWidth);
  if (DataType.isDecimal(type)) {
    if (!(Math.abs(type.scale) <= MOST_SCALE))
      throw new UsageError(`a decimal type has scale ${type.scale}; expected at most ${MOST_SCALE}`);
    return new DecimalReader(type.bitWidth, type.scale);
  }
  return nestedReader(type) ?? numberReader(type) ?? unsupported(type);
}

/**
 * The names of fields.
 *
 * @throws UsageError when two are the same: an object has room for one
 */
export function distinctNames(fields: readonly Field[]): string[] {
  const names = fields.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return names;
  throw new UsageError(`two fields are named ${JSON.stringify(twice)}; expected names that tell the fields apart`);
}

function nestedReader(type: DataType): ValueReader | undefined {
  const child = (index: number): ValueReader => childReader(type.children[index]);
  if (DataType.isList(type)) return new ListReader(child(0));
  if (DataType.isFixedSizeList(type)) return new FixedSizeListReader(type.listSize, child(0));
  if (DataType.isStruct(type)) return new StructReader(distinctNames(type.children), type.children.map(childReader));
  if (DataType.isMap(type)) {
    const entries = type.children[0]?.type.children;
    return new MapReader(childReader(entries?.[0]), childReader(entries?.[1]));
  }
  if (DataType.isUnion(type)) {
    const fields: readonly Field[] = type.children;
    const names = fields.map(({ name }) => name);
    return new UnionReader(type.mode === UnionMode.Dense, Array.from(type.typeIds), names, fields.map(childReader));
  }
  return undefined;
}

function childReader(field: Field | undefined): ValueReader {
  if (field === undefined) throw new UsageError("a nested type lacks one of its children");
  return valueReader(field.type);
}

function numberReader(type: DataType): ValueReader | undefined {
  if (DataType.isInt(type)) return integerReader(type);
  if (DataType.isFloat(type)) {
    if (type.precision === Precision.HALF) return new HalfReader();
    return new ElementReader(type.precision === Precision.SINGLE ? Float32Array : Float64Array);
  }
  if (DataType.isTimestamp(type)) return timestampReader(type.unit);
  if (DataType.isDate(type)) return type.unit === DateUnit.DAY ? new DayReader() : new InstantReader(1);
  if (DataType.isTime(type)) return new ElementReader(type.bitWidth === 32 ? Int32Array : BigInt64Array);
  if (DataType.isDuration(type)) return new ElementReader(BigInt64Array);
  if (DataType.isInterval(type)) {
    if (type.unit === IntervalUnit.DAY_TIME) return new DayTimeReader();
    if (type.unit === IntervalUnit.YEAR_MONTH) return new ElementReader(Int32Array);
  }
  return undefined;
}

function integerReader(type: { readonly bitWidth: number; readonly isSigned: boolean }): ElementReader {
  const classes = INTEGERS.get(type.bitWidth);
  if (classes === undefined)
    throw new UsageError(`an integer type has ${type.bitWidth} bits; expected 8, 16, 32 or 64`);
  return new ElementReader(classes[type.isSigned ? 0 : 1]);
}

function timestampReader(unit: TimeUnit): ValueReader {
  switch (unit) {
    case TimeUnit.SECOND:
      return new InstantReader(1_000);
    case TimeUnit.MILLISECOND:
      return new InstantReader(1);
    case TimeUnit.MICROSECOND:
      return new InstantReader(0.001);
    case TimeUnit.NANOSECOND:
      return new ElementReader(BigInt64Array);
  }
}

function unsupported(type: DataType): never {
  throw new UsageError(`values of Arrow type ${typeName(type)} cannot be read as rows`);
}
