/**
 * Rows of Arrow data picked by index, for every type of apache-arrow 18.1.
 *
 * The result is plain: buffers of its own in unshared memory, offset 0, offsets from 0 on, no bytes under null rows of
 * variable-width types, no null bitmap when nothing is null. Only dictionaries are kept as they are, and shared with the source.
 *
 * @module
 */
import { Data, Type, UnionMode } from "apache-arrow";
import { CorruptError, UsageError } from "../errors.js";
import { bytesOf, fixedLayout, offsets32Of, unsupportedType } from "./fixed-layout.js";
import type { TypeLike } from "./shape.js";
import { ALL_VALID, bitmapWithNulls, takeBits, takeValidity, type Validity } from "./take-bits.js";
import { takeFixed } from "./take-fixed.js";
import { plainData, UNION_VALIDITY } from "./take-parts.js";
import { checkRun, narrowOffsets, takeVar, widenOffsets } from "./take-var.js";

/** More rows of a child than this cannot be indexed. */
const MAX_CHILD_ROWS = 0x7fffffff;

/**
 * Rows `indices` of `data`, in that order; an index may come several times.
 *
 * @param data - any column, sliced or not, in shared memory or not, of any copy of apache-arrow.
 * @param indices - row numbers, each below `data.length`.
 * @throws UsageError for an index past the end, an unsupported type, or a result too large for 32-bit offsets.
 * @throws CorruptError when offsets, type ids or lengths inside `data` contradict each other.
 */
export function takeData(data: Data, indices: Uint32Array): Data {
  for (let row = 0; row < indices.length; row++) {
    const index = indices[row] ?? 0;
    if (index >= data.length) {
      throw new UsageError(`row ${index} was asked of ${data.length} rows: expected indices below ${data.length}`);
    }
  }
  return takeRows(data, indices);
}

/** As {@link takeData}, for indices that are known to be below `data.length`. */
export function takeRows(data: Data, indices: Uint32Array): Data {
  const { type } = data;
  const rows = indices.length;
  switch (type.typeId) {
    case Type.Null:
      return new Data(type, 0, rows, rows);
    case Type.Bool: {
      const values = takeBits(bytesOf(data.values), data.offset, indices);
      return plainData(type, rows, takeValidity(data, indices), { values });
    }
    case Type.Utf8:
    case Type.Binary:
    case Type.LargeUtf8:
    case Type.LargeBinary:
      return takeVarRows(data, indices);
    case Type.List:
    case Type.Map:
      return takeListRows(data, indices);
    case Type.FixedSizeList:
      return takeFixedSizeListRows(data, indices);
    case Type.Struct: {
      const children = childrenOf(data, data.length).map((child) => takeRows(child, indices));
      return plainData(type, rows, takeValidity(data, indices), { children });
    }
    case Type.Union:
      return isDenseUnion(type) ? takeDenseUnionRows(data, indices) : takeSparseUnionRows(data, indices);
    default:
      return takeFixedRows(data, indices);
  }
}

/** Whether a union is dense, with an offset into a child for every row, or sparse. */
export function isDenseUnion(type: TypeLike): boolean {
  return type.mode === UnionMode.Dense;
}

/** The children of `data`, each of which must have at least `length` rows. */
export function childrenOf(data: Data, length: number): readonly Data[] {
  for (const child of data.children) checkChild(child, length);
  return data.children;
}

/** The only child of `data`, which must have at least `length` rows. */
export function onlyChildOf(data: Data, length: number): Data {
  return checkChild(data.children[0], length);
}

function checkChild(child: Data | undefined, length: number): Data {
  if (child === undefined || child.length < length) {
    throw new CorruptError(`a child column has ${child?.length ?? "no"} rows where its parent needs ${length}`);
  }
  return child;
}

function takeFixedRows(data: Data, indices: Uint32Array): Data {
  const { type } = data;
  const layout = fixedLayout(type) ?? unsupportedType(type);
  const values = new layout.array(takeFixed(bytesOf(data.values), layout.bytesPerRow, indices).buffer);
  return plainData(type, indices.length, takeValidity(data, indices), { values, dictionary: data.dictionary });
}

function takeVarRows(data: Data, indices: Uint32Array): Data {
  const { type, length } = data;
  const validity = takeValidity(data, indices);
  const nulls = validity.nullBitmap && bitmapWithNulls(data);
  const bytes = bytesOf(data.values);
  const large = type.typeId === Type.LargeUtf8 || type.typeId === Type.LargeBinary;
  const source = large
    ? narrowOffsets(data.valueOffsets, bytes, length)
    : { offsets: offsets32Of(data.valueOffsets), data: bytes };
  const taken = takeVar(source.offsets, source.data, indices, nulls, data.offset);
  const valueOffsets = large ? widenOffsets(taken.offsets) : taken.offsets;
  return plainData(type, indices.length, validity, { valueOffsets, values: taken.data });
}

function takeListRows(data: Data, indices: Uint32Array): Data {
  const validity = takeValidity(data, indices);
  const child = onlyChildOf(data, 0);
  const { offsets, childRows } = listRows(offsets32Of(data.valueOffsets), child.length, indices, validity);
  const children = [takeRows(child, childRows)];
  return plainData(data.type, indices.length, validity, { valueOffsets: offsets, children });
}

/** New offsets for the lists `indices`, and the rows of the child they are made of; null lists become empty. */
function listRows(
  offsets: Int32Array,
  childLength: number,
  indices: Uint32Array,
  { nullBitmap }: Validity,
): { offsets: Int32Array; childRows: Uint32Array } {
  const takenOffsets = new Int32Array(indices.length + 1);
  let total = 0;
  for (let row = 0; row < indices.length; row++) {
    if (nullBitmap === undefined || (((nullBitmap[row >>> 3] ?? 0) >>> (row & 7)) & 1) === 1) {
      const index = indices[row] ?? 0;
      const start = offsets[index] ?? -1;
      const end = offsets[index + 1] ?? -1;
      checkRun(start, end, childLength);
      total += end - start;
      if (total > MAX_CHILD_ROWS) throw tooManyChildRows(indices.length);
    }
    takenOffsets[row + 1] = total;
  }
  const childRows = new Uint32Array(total);
  let filled = 0;
  for (let row = 0; row < indices.length; row++) {
    const end = takenOffsets[row + 1] ?? 0;
    const start = offsets[indices[row] ?? 0] ?? 0;
    for (let item = start; filled < end; item++) childRows[filled++] = item;
  }
  return { offsets: takenOffsets, childRows };
}

function takeFixedSizeListRows(data: Data, indices: Uint32Array): Data {
  const listSize = listSizeOf(data.type);
  const child = takeBlocks(onlyChildOf(data, listSize * data.length), listSize, indices);
  return plainData(data.type, indices.length, takeValidity(data, indices), { children: [child] });
}

/** Items per row of a fixed-size list. */
export function listSizeOf(type: TypeLike): number {
  return type.listSize ?? unsupportedType(type);
}

/** Blocks `indices` of `child`, each of `blockRows` rows. */
function takeBlocks(child: Data, blockRows: number, indices: Uint32Array): Data {
  const { type } = child;
  if (blockRows * indices.length > MAX_CHILD_ROWS) throw tooManyChildRows(indices.length);
  const layout = fixedLayout(type);
  if (layout === undefined || bitmapWithNulls(child) !== undefined)
    return takeRows(child, blockIndices(blockRows, indices));
  // Vectors of numbers, the common case: a whole block is moved as one wide row.
  const values = new layout.array(takeFixed(bytesOf(child.values), blockRows * layout.bytesPerRow, indices).buffer);
  return plainData(type, blockRows * indices.length, ALL_VALID, { values, dictionary: child.dictionary });
}

function blockIndices(blockRows: number, indices: Uint32Array): Uint32Array {
  const expanded = new Uint32Array(blockRows * indices.length);
  let filled = 0;
  for (let block = 0; block < indices.length; block++) {
    const start = blockRows * (indices[block] ?? 0);
    for (let row = 0; row < blockRows; row++) expanded[filled++] = start + row;
  }
  return expanded;
}

function takeSparseUnionRows(data: Data, indices: Uint32Array): Data {
  const typeIds = new Int8Array(takeFixed(bytesOf(data.typeIds), 1, indices).buffer);
  const children = childrenOf(data, data.length).map((child) => takeRows(child, indices));
  return plainData(data.type, indices.length, UNION_VALIDITY, { typeIds, children });
}

function takeDenseUnionRows(data: Data, indices: Uint32Array): Data {
  const { children } = data;
  const type: TypeLike = data.type;
  const rows = indices.length;
  const typeIds = new Int8Array(takeFixed(bytesOf(data.typeIds), 1, indices).buffer);
  const sourceOffsets = offsets32Of(data.valueOffsets);
  const childOf = new Map(Array.from(type.typeIds ?? [], (id, index) => [id, index]));
  const offsets = new Int32Array(rows);
  const counts = new Uint32Array(children.length);
  const childOfRow = new Uint8Array(rows);
  for (let row = 0; row < rows; row++) {
    const typeId = typeIds[row] ?? -1;
    const index = childOf.get(typeId) ?? -1;
    const at = sourceOffsets[indices[row] ?? 0] ?? -1;
    const limit = children[index]?.length ?? 0;
    if (at < 0 || at >= limit) {
      throw new CorruptError(`a dense union points at row ${at} of type id ${typeId}, which has ${limit} rows`);
    }
    childOfRow[row] = index;
    const filled = counts[index] ?? 0;
    offsets[row] = filled;
    counts[index] = filled + 1;
  }
  const childRows = Array.from(counts, (count) => new Uint32Array(count));
  for (let row = 0; row < rows; row++) {
    const target = childRows[childOfRow[row] ?? 0];
    if (target !== undefined) target[offsets[row] ?? 0] = sourceOffsets[indices[row] ?? 0] ?? 0;
  }
  const taken = children.map((child, index) => takeRows(child, childRows[index] ?? new Uint32Array(0)));
  return plainData(data.type, rows, UNION_VALIDITY, { valueOffsets: offsets, typeIds, children: taken });
}

function tooManyChildRows(rows: number): UsageError {
  return new UsageError(
    `${rows} lists would have more than ${MAX_CHILD_ROWS} items, more than 32-bit offsets address: move fewer rows at once`,
  );
}
