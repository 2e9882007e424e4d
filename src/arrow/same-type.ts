/**
 * Comparing two Arrow types, which may come from different copies of apache-arrow.
 *
 * @module
 */
import { Type } from "apache-arrow";
import type { TypeLike } from "./shape.js";
import { typeName } from "./type-name.js";

/**
 * Whether two types have the same name. Quick for the commonest ones, because every batch brings types of its own, and they are
 * compared at every append.
 *
 * @throws UsageError as {@link typeName} does, when the names have to be compared
 */
export function sameType(a: TypeLike, b: TypeLike): boolean {
  if (a === b) return true;
  if (a.typeId !== b.typeId) return false;
  switch (a.typeId) {
    case Type.Int:
      return a.bitWidth === b.bitWidth && a.isSigned === b.isSigned;
    case Type.Float:
      return a.precision === b.precision;
    case Type.Utf8:
    case Type.LargeUtf8:
    case Type.Binary:
    case Type.LargeBinary:
    case Type.Bool:
    case Type.Null:
      return true;
    default:
      return typeName(a) === typeName(b);
  }
}
