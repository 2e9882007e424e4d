/**
 * Schema messages of other writers → schemas by shape, with every offset checked before it is followed. Nothing of apache-arrow's
 * own decoder runs, which believes what it reads.
 *
 * Numbers are taken as they are: whether a type makes sense shows when it is compared with the one expected.
 * Field numbers and type numbers are those of Arrow's `format/Schema.fbs` and `format/Message.fbs`.
 *
 * @module
 */
import { Type } from "apache-arrow";
import { CorruptError } from "../errors.js";
import { FlatTable } from "./flat-table.js";
import type { FieldLike, SchemaLike, TypeLike } from "./shape.js";
import { MAX_NESTING } from "./type-name.js";

/** Kinds of message (Arrow's `MessageHeader`). */
export const HEADER = { schema: 1, dictionaryBatch: 2, recordBatch: 3 } as const;

/** One key and value of the schema's metadata, and where the value's bytes lie in the message. */
export interface WireMetadata {
  readonly key: string;
  readonly value: string;
  readonly start: number;
  readonly bytes: number;
}

/** A schema as a message has it. */
export interface WireSchema {
  readonly schema: SchemaLike;
  readonly metadata: readonly WireMetadata[];
  /** Ids of the dictionaries, one for each dictionary-encoded field, inner ones first: the order of `BatchPlan.dictionaries`. */
  readonly dictionaryIds: readonly number[];
}

/**
 * @param message a whole schema message: continuation marker, length, flatbuffer
 * @throws CorruptError when it is not a schema message, or one that points outside itself
 */
export function readSchemaMessage(message: Uint8Array): WireSchema {
  const root = FlatTable.root(message.subarray(8));
  if (root.uint8(1) !== HEADER.schema) {
    throw new CorruptError(`the first message is of kind ${root.uint8(1)}; expected a schema (${HEADER.schema})`);
  }
  const table = root.table(2);
  if (table === undefined) throw new CorruptError("the schema message has no schema");
  if (root.int64(3) !== 0) throw new CorruptError(`the schema message has a body of ${root.int64(3)} bytes`);
  if (table.int16(0) !== 0) throw new CorruptError("the bytes are big-endian; expected little-endian");
  const dictionaryIds: number[] = [];
  const fields = table.tables(1).map((field) => fieldOf(field, dictionaryIds, 0));
  return { schema: { fields }, metadata: table.tables(2).map(metadataOf), dictionaryIds };
}

function metadataOf(entry: FlatTable): WireMetadata {
  const { start, count } = entry.vector(1, 1) ?? { start: 0, count: 0 };
  return { key: entry.string(0) ?? "", value: entry.string(1) ?? "", start: 8 + start, bytes: count };
}

function fieldOf(table: FlatTable, dictionaryIds: number[], depth: number): FieldLike {
  if (depth > MAX_NESTING) throw new CorruptError(`its types nest deeper than ${MAX_NESTING} levels`);
  const children = table.tables(5).map((child) => fieldOf(child, dictionaryIds, depth + 1));
  return { name: table.string(0) ?? "", nullable: table.bool(1), type: typeOf(table, children, dictionaryIds) };
}

function typeOf(field: FlatTable, children: FieldLike[], dictionaryIds: number[]): TypeLike {
  const plain = plainTypeOf(field.uint8(2), field.table(3), children);
  const encoding = field.table(4);
  if (encoding === undefined) return plain;
  dictionaryIds.push(encoding.int64(0));
  const index = encoding.table(1);
  return {
    typeId: Type.Dictionary,
    dictionary: plain,
    indices: { typeId: Type.Int, bitWidth: index?.int32(0) ?? 32, isSigned: index?.bool(1) ?? true },
    isOrdered: encoding.bool(2),
  };
}

/** The default of each parameter is that of `Schema.fbs`. */
function plainTypeOf(typeId: number, table: FlatTable | undefined, children: FieldLike[]): TypeLike {
  const int16 = (at: number, otherwise = 0): number => table?.int16(at, otherwise) ?? otherwise;
  const int32 = (at: number, otherwise = 0): number => table?.int32(at, otherwise) ?? otherwise;
  switch (typeId) {
    case Type.Int:
      return { typeId, bitWidth: int32(0), isSigned: table?.bool(1) ?? false };
    case Type.Float:
      return { typeId, precision: int16(0) };
    case Type.Decimal:
      return { typeId, precision: int32(0), scale: int32(1), bitWidth: int32(2, 128) };
    case Type.Date:
      return { typeId, unit: int16(0, 1) };
    case Type.Time:
      return { typeId, unit: int16(0, 1), bitWidth: int32(1, 32) };
    case Type.Timestamp:
      return { typeId, unit: int16(0), timezone: table?.string(1) };
    case Type.Interval:
      return { typeId, unit: int16(0) };
    case Type.Duration:
      return { typeId, unit: int16(0, 1) };
    case Type.FixedSizeBinary:
      return { typeId, byteWidth: int32(0) };
    case Type.FixedSizeList:
      return { typeId, listSize: int32(0), children };
    case Type.Map:
      return { typeId, keysSorted: table?.bool(0) ?? false, children };
    case Type.Union:
      return { typeId, mode: int16(0), typeIds: table?.int32s(1) ?? children.map((_, i) => i), children };
    default:
      return { typeId, children };
  }
}
