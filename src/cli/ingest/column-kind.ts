/**
 * What statistics a column of an Arrow type gets, and where its bytes lie.
 *
 * @module
 */
import { Type, UnionMode } from "apache-arrow";
import type { TypeLike } from "../../arrow/shape.js";
import type { NumberKind } from "../../kernels/statistics.js";

/** How the statistics of a column are computed. Widths are bytes of one value. */
export type ColumnKind =
  | { readonly is: "null" | "bool" | "list" | "struct" | "sparseUnion" | "denseUnion" | "dictionary" }
  /** Minimum, maximum and sum of numbers; dates and times are the integers they are stored as. */
  | { readonly is: "number"; readonly number: NumberKind; readonly width: number }
  /** Minimum, maximum and sum of unscaled integers of 128 or 256 bits. */
  | { readonly is: "decimal"; readonly width: number }
  /** Bytes without an order: checksum alone. */
  | { readonly is: "bytes"; readonly width: number }
  /** Strings and binary, with 32-bit or 64-bit offsets: lengths in bytes. */
  | { readonly is: "text"; readonly wide: boolean }
  | { readonly is: "fixedSizeList"; readonly size: number };

const FLOATS = ["f16", "f32", "f64"] as const;
const INTEGERS: Readonly<Record<number, readonly [signed: NumberKind, unsigned: NumberKind]>> = {
  8: ["i8", "u8"],
  16: ["i16", "u16"],
  32: ["i32", "u32"],
  64: ["i64", "u64"],
};

/** The kind of a column of `type`, one of those a store can hold. */
export function columnKind(type: TypeLike): ColumnKind {
  switch (type.typeId) {
    case Type.Bool:
      return { is: "bool" };
    case Type.Int:
      return integer(type.bitWidth ?? 32, type.isSigned ?? true);
    case Type.Float:
      return { is: "number", number: FLOATS[type.precision ?? 2] ?? "f64", width: 2 << (type.precision ?? 2) };
    case Type.Date:
      return integer(type.unit === 0 ? 32 : 64, true);
    case Type.Time:
      return integer(type.bitWidth ?? 64, true);
    case Type.Timestamp:
    case Type.Duration:
      return integer(64, true);
    case Type.Interval:
      return { is: "bytes", width: type.unit === 0 ? 4 : 8 };
    case Type.Decimal:
      return { is: "decimal", width: (type.bitWidth ?? 128) / 8 };
    case Type.FixedSizeBinary:
      return { is: "bytes", width: type.byteWidth ?? 0 };
    case Type.Utf8:
    case Type.Binary:
      return { is: "text", wide: false };
    case Type.LargeUtf8:
    case Type.LargeBinary:
      return { is: "text", wide: true };
    case Type.List:
    case Type.Map:
      return { is: "list" };
    case Type.FixedSizeList:
      return { is: "fixedSizeList", size: type.listSize ?? 0 };
    case Type.Struct:
      return { is: "struct" };
    case Type.Union:
      return { is: type.mode === UnionMode.Dense ? "denseUnion" : "sparseUnion" };
    case Type.Dictionary:
      return { is: "dictionary" };
    default:
      return { is: "null" };
  }
}

function integer(bits: number, signed: boolean): ColumnKind {
  const number = INTEGERS[bits]?.[signed ? 0 : 1] ?? "i32";
  return { is: "number", number, width: bits / 8 };
}
