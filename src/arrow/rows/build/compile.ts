/**
 * The builder for a field's type.
 *
 * @module
 */
import { DataType, DateUnit, type Field, IntervalUnit, Precision, TimeUnit } from "apache-arrow";
import { UsageError } from "../../../errors.js";
import { typeName } from "../../type-name.js";
import { BitsColumn } from "./bits.js";
import { BinaryColumn, TextColumn } from "./bytes.js";
import type { BuilderSpec, ColumnBuilder } from "./column-builder.js";
import { DayTimeColumn } from "./day-time.js";
import { DateDayColumn } from "./days.js";
import { DecimalColumn } from "./decimals.js";
import { DictionaryColumn } from "./dictionary.js";
import { FixedBinaryColumn } from "./fixed-binary.js";
import { FixedSizeListColumn } from "./fixed-size-list.js";
import { DateMillisecondColumn, TimestampColumn, WideIntegerColumn } from "./int64.js";
import { ListColumn } from "./list.js";
import { MapColumn } from "./map.js";
import { NullsColumn } from "./nulls.js";
import { FloatColumn, HalfColumn, IntegerColumn } from "./numbers.js";
import { StructColumn } from "./struct.js";
import { UnionColumn } from "./union.js";

/** Units in a day, by the number of the unit. */
const UNITS_PER_DAY = [86_400, 86_400_000, 86_400_000_000, 86_400_000_000_000] as const;

/**
 * A builder for values of `spec.type`.
 *
 * @throws UsageError for a type that apache-arrow 18.1 cannot hold, or whose fields share a name
 */
export function columnBuilder(spec: BuilderSpec): ColumnBuilder {
  const { type } = spec;
  if (DataType.isDictionary(type)) {
    const values = { type: type.dictionary, nullable: false };
    return new DictionaryColumn({ ...spec, type }, (_, path) => columnBuilder({ ...values, path }));
  }
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) return new TextColumn(spec);
  if (DataType.isBinary(type) || DataType.isLargeBinary(type)) return new BinaryColumn(spec);
  if (DataType.isBool(type)) return new BitsColumn(spec);
  if (DataType.isNull(type)) return new NullsColumn(spec);
  if (DataType.isFixedSizeBinary(type)) return new FixedBinaryColumn({ ...spec, type });
  if (DataType.isDecimal(type)) return new DecimalColumn({ ...spec, type });
  return nestedBuilder(spec) ?? numberBuilder(spec) ?? unsupported(type);
}

function nestedBuilder(spec: BuilderSpec): ColumnBuilder | undefined {
  const { type } = spec;
  const child = (index: number, path: () => string): ColumnBuilder => childBuilder(type.children[index], path);
  if (DataType.isList(type)) return new ListColumn(spec, child);
  if (DataType.isFixedSizeList(type)) return new FixedSizeListColumn({ ...spec, type }, child);
  if (DataType.isStruct(type)) return new StructColumn(spec, child);
  if (DataType.isUnion(type)) return new UnionColumn({ ...spec, type }, child);
  if (DataType.isMap(type)) {
    const entries = type.children[0]?.type.children;
    return new MapColumn({ ...spec, type }, (index, path) => childBuilder(entries?.[index], path));
  }
  return undefined;
}

function childBuilder(field: Field | undefined, path: () => string): ColumnBuilder {
  if (field === undefined) throw new UsageError("a nested type lacks one of its children");
  return columnBuilder({ type: field.type, nullable: field.nullable, path });
}

function numberBuilder(spec: BuilderSpec): ColumnBuilder | undefined {
  const { type } = spec;
  if (DataType.isInt(type)) return integerBuilder(spec, type.bitWidth, type.isSigned);
  if (DataType.isFloat(type)) {
    if (type.precision === Precision.HALF) return new HalfColumn(spec, Uint16Array);
    return new FloatColumn(spec, type.precision === Precision.SINGLE ? Float32Array : Float64Array);
  }
  if (DataType.isTimestamp(type)) return new TimestampColumn(spec, type.unit);
  if (DataType.isDate(type)) {
    return type.unit === DateUnit.DAY ? new DateDayColumn(spec, Int32Array) : new DateMillisecondColumn(spec);
  }
  if (DataType.isTime(type)) {
    const perDay = UNITS_PER_DAY[type.unit];
    const name = typeName(type);
    if (type.unit === TimeUnit.SECOND || type.unit === TimeUnit.MILLISECOND) {
      return new IntegerColumn(spec, Int32Array, 0, perDay - 1, name);
    }
    return new WideIntegerColumn(spec, name, true, BigInt(perDay));
  }
  if (DataType.isDuration(type)) return new WideIntegerColumn(spec, typeName(type), true);
  if (DataType.isInterval(type)) {
    if (type.unit === IntervalUnit.DAY_TIME) return new DayTimeColumn(spec);
    if (type.unit === IntervalUnit.YEAR_MONTH) return integerBuilder(spec, 32, true);
  }
  return undefined;
}

function integerBuilder(spec: BuilderSpec, bits: number, signed: boolean): ColumnBuilder | undefined {
  const name = typeName(spec.type);
  const [least, most] = signed ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
  switch (bits) {
    case 8:
      return new IntegerColumn(spec, signed ? Int8Array : Uint8Array, least, most, name);
    case 16:
      return new IntegerColumn(spec, signed ? Int16Array : Uint16Array, least, most, name);
    case 32:
      return new IntegerColumn(spec, signed ? Int32Array : Uint32Array, least, most, name);
    case 64:
      return new WideIntegerColumn(spec, name, signed);
    default:
      return undefined;
  }
}

function unsupported(type: DataType): never {
  throw new UsageError(`values of Arrow type ${typeName(type)} cannot be taken from rows`);
}
