/**
 * Several pieces of data of one type made into one, in plain memory. Needed where a message can hold only one piece: the values of a
 * dictionary that was extended piece by piece.
 *
 * @module
 */
import { type Data, DataType, type Dictionary, type Field, Type, UnionMode, Vector } from "apache-arrow";
import { UsageError } from "../errors.js";
import {
  concatBits,
  concatBytes,
  concatFixed,
  concatOffsets,
  concatValidity,
  type Piece,
  type Range,
  rangeOf,
} from "./concat-buffers.js";
import { arrowData, type DataBuffers, UNKNOWN_NULL_COUNT } from "./data.js";
import type { DataLike } from "./shape.js";
import { typeName } from "./type-name.js";

/**
 * All rows of `chunks`, in order, as data of `type`.
 *
 * Every chunk is held against its type and its length before its bytes are read; what holds rows together (offsets in ascending
 * order, indices within dictionaries) is left to whoever lays the result out.
 *
 * @throws UsageError when the indices of joined dictionaries no longer fit their width, a chunk is of another type, or a buffer of
 * it is missing or too short
 */
export function concatData(type: DataType, chunks: readonly DataLike[]): Data {
  return concat(
    type,
    chunks.map((data) => ({ data, start: 0, length: data.length })),
  );
}

function concat(type: DataType, pieces: readonly Piece[]): Data {
  for (const piece of pieces) checkPiece(type, piece);
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const validity = DataType.isUnion(type) || DataType.isNull(type) ? undefined : concatValidity(pieces, length);
  const known = DataType.isNull(type) ? length : 0;
  const nullCount = validity || DataType.isUnion(type) ? UNKNOWN_NULL_COUNT : known;
  const make = (parts: DataBuffers, children?: Data[], dictionary?: Vector): Data =>
    arrowData(type, length, nullCount, { ...parts, validity }, children, dictionary);
  const child = (index: number, ranges: readonly Piece[]): Data => concat(childType(type, index), ranges);

  if (DataType.isDictionary(type)) return concatDictionary(type, pieces, make);
  if (DataType.isUnion(type)) return concatUnion(type, pieces, length, make);
  if (DataType.isFixedSizeList(type)) {
    const { listSize } = type;
    return make({}, [
      child(
        0,
        childPieces(pieces, 0, (p) => [p.start * listSize, p.length * listSize]),
      ),
    ]);
  }
  switch (type.typeId) {
    case Type.Null:
      return make({});
    case Type.Bool:
      return make({ values: concatBits(pieces, length, (data) => data.values) });
    case Type.Struct: {
      const fields: readonly Field[] = type.children;
      return make(
        {},
        fields.map((_, i) =>
          child(
            i,
            childPieces(pieces, i, (p) => [p.start, p.length]),
          ),
        ),
      );
    }
    case Type.List:
    case Type.Map: {
      const { offsets, ranges } = concatOffsets(pieces, length, false);
      return make({ offsets }, [
        child(
          0,
          childPieces(pieces, 0, (_, i) => ranges[i] ?? [0, 0]),
        ),
      ]);
    }
    case Type.Utf8:
    case Type.Binary:
    case Type.LargeUtf8:
    case Type.LargeBinary: {
      const wide = DataType.isLargeUtf8(type) || DataType.isLargeBinary(type);
      const { offsets, ranges } = concatOffsets(pieces, length, wide);
      return make({ offsets, values: concatBytes(pieces, ranges) });
    }
    default:
      return make({ values: concatFixed(type, pieces) });
  }
}

function checkPiece(type: DataType, { data, start, length }: Piece): void {
  const found = typeName(data.type);
  const expected = typeName(type);
  if (found !== expected) throw new UsageError(`a chunk holds ${found} data; expected ${expected}`);
  if (!(data.length >= start + length && data.offset >= 0 && Number.isInteger(data.offset))) {
    throw new UsageError(
      `a chunk of ${expected} has ${data.length} rows and offset ${data.offset}; expected ${start + length} rows and an offset of 0 or more`,
    );
  }
}

type Make = (parts: DataBuffers, children?: Data[], dictionary?: Vector) => Data;
function concatDictionary(type: Dictionary, pieces: readonly Piece[], make: Make): Data {
  const indexType = type.indices;
  const values = concatFixed(indexType, pieces);
  const joined: DataLike[] = [];
  const limit = 2 ** (indexType.bitWidth - (indexType.isSigned ? 1 : 0));
  let row = 0;
  let dictionaryRows = 0;
  let previous: readonly DataLike[] | undefined;
  let shift = 0;
  for (const { data, length } of pieces) {
    const chunks = data.dictionary?.data ?? [];
    if (previous === undefined || chunks.length !== previous.length || chunks.some((c, i) => c !== previous?.[i])) {
      shift = dictionaryRows;
      joined.push(...chunks);
      dictionaryRows += chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      previous = chunks;
    }
    if (dictionaryRows > limit) {
      throw new UsageError(
        `joined dictionaries have ${dictionaryRows} values, more than ${indexType} indices can name`,
      );
    }
    for (let i = row; shift > 0 && i < row + length; i++) {
      const index = values[i];
      values[i] = typeof index === "bigint" ? index + BigInt(shift) : (index ?? 0) + shift;
    }
    row += length;
  }
  return make({ values }, [], new Vector([concatData(type.dictionary, joined)]));
}

function concatUnion(
  type: DataType & {
    readonly mode: UnionMode;
    readonly typeIdToChildIndex: Record<number, number>;
    readonly children: Field[];
  },
  pieces: readonly Piece[],
  length: number,
  make: Make,
): Data {
  const typeIds = new Int8Array(length);
  let row = 0;
  for (const { data, start, length: rows } of pieces) {
    typeIds.set(new Int8Array(rangeOf(data.typeIds, "type ids", start, rows).slice().buffer), row);
    row += rows;
  }
  if (type.mode !== UnionMode.Dense) {
    const children = type.children.map((field, i) =>
      concat(
        field.type,
        childPieces(pieces, i, (p) => [p.start, p.length]),
      ),
    );
    return make({ typeIds }, children);
  }
  const offsets = new Int32Array(length);
  const bases = type.children.map(() => 0);
  row = 0;
  for (const { data, start, length: rows } of pieces) {
    const source = new Int32Array(rangeOf(data.valueOffsets, "offsets", 4 * start, 4 * rows).slice().buffer);
    for (let i = 0; i < rows; i++, row++) {
      const child = type.typeIdToChildIndex[typeIds[row] ?? 0];
      const offset = source[i] ?? -1;
      // Moved by its base an offset outside of its own child could fall into the next one's rows.
      const childRows = child === undefined ? 0 : (data.children?.[child]?.length ?? 0);
      if (child === undefined || offset < 0 || offset >= childRows) {
        throw new UsageError(
          `a chunk's row ${i} has type id ${typeIds[row]} and offset ${offset}, which name no value`,
        );
      }
      offsets[row] = offset + (bases[child] ?? 0);
    }
    type.children.forEach((_, i) => {
      bases[i] = (bases[i] ?? 0) + (data.children?.[i]?.length ?? 0);
    });
  }
  const children = type.children.map((field, i) =>
    concat(
      field.type,
      childPieces(pieces, i, (p) => [0, p.data.children?.[i]?.length ?? 0]),
    ),
  );
  return make({ offsets, typeIds }, children);
}

function childPieces(pieces: readonly Piece[], index: number, range: (piece: Piece, i: number) => Range): Piece[] {
  return pieces.flatMap((piece, i) => {
    const data = piece.data.children?.[index];
    const [start, length] = range(piece, i);
    if (data === undefined && length > 0) throw new UsageError(`data lacks its child ${index}`);
    return data === undefined ? [] : [{ data, start, length }];
  });
}

function childType(type: DataType, index: number): DataType {
  const fields: readonly Field[] = type.children ?? [];
  const field = fields[index];
  if (field === undefined) throw new UsageError(`${type} has no child ${index}`);
  return field.type;
}
