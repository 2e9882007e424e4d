/**
 * What Pennon asks of Arrow data: its shape, never its class. Users bring other copies and other versions of apache-arrow,
 * for which `instanceof` is false; every property named here has been there, with this meaning, since apache-arrow 15.
 *
 * Two conventions of apache-arrow that all code on `DataLike` relies on: `offset` counts for bitmaps only (`nullBitmap`, and
 * `values` of Bool), all other buffers are already cut at the first row; and children of struct, fixed-size list and sparse
 * union are cut with their parent, while children of list, map and dense union are not.
 *
 * @module
 */

/** One field of a schema or of a nested type. */
export interface FieldLike {
  readonly name: string;
  readonly type: TypeLike;
  readonly nullable: boolean;
  readonly metadata?: ReadonlyMap<string, string> | undefined;
}

/** An Arrow type: its numeric `Type` and the parameters that this type has. */
export interface TypeLike {
  /** One of apache-arrow's `Type` numbers, as the IPC format has them: 1 Null … 20 LargeUtf8, or -1 Dictionary. */
  readonly typeId: number;
  readonly children?: readonly FieldLike[] | null | undefined;
  readonly bitWidth?: number | undefined;
  readonly isSigned?: boolean | undefined;
  readonly precision?: number | undefined;
  readonly scale?: number | undefined;
  readonly unit?: number | undefined;
  readonly timezone?: string | null | undefined;
  readonly byteWidth?: number | undefined;
  readonly listSize?: number | undefined;
  readonly mode?: number | undefined;
  readonly typeIds?: ArrayLike<number> | undefined;
  readonly keysSorted?: boolean | undefined;
  /** Of a dictionary: type of its indices and of its values. */
  readonly indices?: TypeLike | undefined;
  readonly dictionary?: TypeLike | undefined;
  readonly isOrdered?: boolean | undefined;
}

/** A column, or a child of one. */
export interface DataLike {
  readonly type: TypeLike;
  readonly length: number;
  /** First row in the bitmaps, in bits. */
  readonly offset: number;
  readonly values?: ArrayBufferView | undefined;
  readonly valueOffsets?: ArrayBufferView | undefined;
  readonly nullBitmap?: ArrayBufferView | null | undefined;
  readonly typeIds?: ArrayBufferView | undefined;
  readonly children?: readonly (DataLike | undefined)[] | undefined;
  readonly dictionary?: VectorLike | null | undefined;
}

/** A vector: one or several pieces of data. */
export interface VectorLike {
  readonly type: TypeLike;
  readonly data: readonly DataLike[];
}

/** A schema. */
export interface SchemaLike {
  readonly fields: readonly FieldLike[];
  readonly metadata?: ReadonlyMap<string, string> | undefined;
}

/** A record batch. */
export interface RecordBatchLike {
  readonly schema: SchemaLike;
  readonly numRows: number;
  readonly data: { readonly children: readonly DataLike[]; readonly length: number };
}

/** True when `value` has the shape of a schema. */
export function isSchemaLike(value: unknown): value is SchemaLike {
  if (typeof value !== "object" || value === null) return false;
  const { fields }: { fields?: unknown } = value;
  return Array.isArray(fields);
}

/** True when `value` has the shape of a record batch. */
export function isRecordBatchLike(value: unknown): value is RecordBatchLike {
  if (typeof value !== "object" || value === null) return false;
  // Read, not asked for by `in`, which is slower: this runs at every append.
  const { schema, data, numRows }: { schema?: unknown; data?: unknown; numRows?: unknown } = value;
  if (typeof data !== "object" || data === null || typeof numRows !== "number") return false;
  const { children }: { children?: unknown } = data;
  return Array.isArray(children) && isSchemaLike(schema);
}
