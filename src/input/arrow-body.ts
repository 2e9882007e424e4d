/**
 * The body of an Arrow record-batch message → columns laid over it, after checking everything a reader would follow.
 *
 * The metadata lists, in depth-first order of the schema, one node (length, null count) per field and its buffers (offset and
 * length in the body). Checked: that nodes and buffers are as many as the schema asks for, that every buffer lies in the body
 * and is long enough for its node, that lengths of parents and children agree, that offsets only rise and stay inside their
 * values, that union type ids name a child, and that dictionary indices name an entry. Column data is never copied, except
 * where it is compressed or lies misaligned.
 *
 * Format: https://arrow.apache.org/docs/format/Columnar.html
 *
 * @module
 */

import { Data, DataType, MetadataVersion, makeData, type Schema, type Union, UnionMode, Vector } from "apache-arrow";
import { CorruptError } from "../errors.js";
import { checkIndices, checkOffsets, checkUnion } from "./arrow-checks.js";
import { decompressBuffer } from "./arrow-compression.js";
import { type FlatTable, type FlatVector, safeInt64 } from "./arrow-flatbuffer.js";

/** Most rows of one batch, and most elements of one array. */
const MAX_LENGTH = 2 ** 31 - 1;

/** What a body is read with. */
export interface BodyContext {
  readonly schema: Schema;
  readonly dictionaries: ReadonlyMap<number, Vector>;
  /** Most bytes of the body once decompressed. */
  readonly maxBytes: number;
}

/** Reads a `RecordBatch` table and its body into one column per type. @throws CorruptError */
export function loadColumns(
  table: FlatTable,
  body: Uint8Array<ArrayBuffer>,
  types: readonly DataType[],
  context: BodyContext,
): { length: number; columns: Data[] } {
  const length = bounded(table.int64(0), MAX_LENGTH, "row count");
  const loader = new BodyLoader(table, body, context);
  const columns = types.map((type) => loader.load(type));
  loader.finish();
  for (const column of columns) {
    if (column.length !== length) throw new CorruptError(`a column has ${column.length} rows in a batch of ${length}`);
  }
  return { length, columns };
}

class BodyLoader {
  readonly #body: Uint8Array<ArrayBuffer>;
  readonly #context: BodyContext;
  readonly #nodes: FlatVector | undefined;
  readonly #buffers: FlatVector | undefined;
  readonly #codec: number | undefined;
  #node = 0;
  #buffer = 0;
  #budget: number;

  constructor(table: FlatTable, body: Uint8Array<ArrayBuffer>, context: BodyContext) {
    this.#body = body;
    this.#context = context;
    this.#nodes = table.vector(1, 16);
    this.#buffers = table.vector(2, 16);
    const compression = table.table(3);
    if (compression !== undefined && compression.int8(1) !== 0) {
      throw new CorruptError(`unknown compression method ${compression.int8(1)}; expected compression by buffer`);
    }
    this.#codec = compression?.int8(0);
    this.#budget = context.maxBytes;
  }

  finish(): void {
    const nodes = this.#nodes?.count ?? 0;
    const buffers = this.#buffers?.count ?? 0;
    if (nodes === this.#node && buffers === this.#buffer) return;
    throw new CorruptError(
      `the batch has ${nodes} nodes and ${buffers} buffers; the schema asks for ${this.#node} and ${this.#buffer}`,
    );
  }

  load(type: DataType): Data {
    const { length, nulls: stated } = this.#nextNode();
    if (DataType.isNull(type)) return new Data(type, 0, length, length);
    if (DataType.isUnion(type)) return this.#loadUnion(type, length);
    const { nulls, validity } = this.#validity(length, stated);
    const data = (buffers: { offsets?: unknown; values?: unknown }, children: Data[] = [], dictionary?: Vector) =>
      new Data<DataType>(
        type,
        0,
        length,
        nulls,
        [buffers.offsets, buffers.values, validity, undefined],
        children,
        dictionary,
      );
    if (DataType.isBool(type)) return data({ values: this.#bits(length, nulls) });
    if (DataType.isUtf8(type) || DataType.isBinary(type)) {
      const offsets = this.#offsets(length);
      const values = this.#take();
      checkOffsets(offsets, values.length, "values");
      return data({ offsets, values });
    }
    if (DataType.isLargeUtf8(type) || DataType.isLargeBinary(type)) {
      const offsets = this.#largeOffsets(length);
      const values = this.#take();
      checkOffsets(offsets, values.length, "values");
      return data({ offsets, values });
    }
    if (DataType.isList(type) || DataType.isMap(type)) {
      const offsets = this.#offsets(length);
      const child = this.#loadChild(type);
      checkOffsets(offsets, child.length, "child values");
      return data({ offsets }, [child]);
    }
    if (DataType.isFixedSizeList(type)) {
      const child = this.#loadChild(type);
      if (child.length < length * type.listSize) throw new CorruptError("a fixed-size list has too few child values");
      return data({}, [child]);
    }
    if (DataType.isStruct(type)) {
      const children = type.children.map((field) => this.load(field.type));
      if (children.some((child) => child.length < length))
        throw new CorruptError("a struct has a child with too few rows");
      return data(
        {},
        children.map((child) => (child.length === length ? child : child.slice(0, length))),
      );
    }
    if (DataType.isDictionary(type)) {
      const dictionary = this.#context.dictionaries.get(type.id);
      const values = this.#values(type.indices, length);
      if (dictionary === undefined && nulls < length) {
        throw new CorruptError(`a batch uses dictionary ${type.id} before it appears`);
      }
      checkIndices(values, dictionary?.length ?? 0, nulls > 0 ? validity : undefined);
      return data({ values }, [], dictionary ?? new Vector([makeData({ type: type.valueType, length: 0 })]));
    }
    return data({ values: this.#values(type, length) });
  }

  #loadChild(type: DataType): Data {
    const field = type.children[0];
    if (field === undefined) throw new CorruptError("a list has no child field");
    return this.load(field.type);
  }

  #loadUnion(type: Union, length: number): Data {
    // Before format version 5 a union had a validity bitmap of its own.
    if (this.#context.schema.metadataVersion < MetadataVersion.V5) this.#take();
    const typeIds = typed(Int8Array, this.#take(), length);
    const dense = type.mode === UnionMode.Dense;
    const offsets = dense ? typed(Int32Array, this.#take(), length) : undefined;
    const children = type.children.map((field) => this.load(field.type));
    checkUnion(type, length, typeIds, offsets, children);
    const sized = dense
      ? children
      : children.map((child) => (child.length === length ? child : child.slice(0, length)));
    return new Data<DataType>(type, 0, length, 0, { 0: offsets, 3: typeIds }, sized);
  }

  /** The next node. Its null count may be -1: some writers leave it to be counted. */
  #nextNode(): { length: number; nulls: number } {
    const nodes = this.#nodes;
    const index = this.#node;
    this.#node += 1;
    if (nodes === undefined || index >= nodes.count)
      throw new CorruptError("the batch has fewer nodes than the schema asks for");
    const at = nodes.start + index * 16;
    const length = bounded(safeInt64(nodes.view, at), MAX_LENGTH, "length");
    const nulls = safeInt64(nodes.view, at + 8);
    return { length, nulls: nulls === -1 ? nulls : bounded(nulls, length, "null count") };
  }

  #validity(length: number, stated: number): { nulls: number; validity: Uint8Array } {
    const bitmap = this.#take();
    if (stated === 0 || (stated === -1 && bitmap.length === 0)) return { nulls: 0, validity: new Uint8Array(0) };
    const validity = typed(Uint8Array, bitmap, Math.ceil(length / 8));
    const nulls = length - countBits(validity, length);
    if (stated === -1 || stated === nulls) return { nulls, validity };
    throw new CorruptError(`a node states ${stated} nulls and its bitmap has ${nulls}`);
  }

  #bits(length: number, nulls: number): Uint8Array {
    const bytes = this.#take();
    // apache-arrow writes no data at all for a column of nothing but nulls.
    if (bytes.length === 0 && nulls === length) return new Uint8Array(Math.ceil(length / 8));
    return typed(Uint8Array, bytes, Math.ceil(length / 8));
  }

  #offsets(length: number): Int32Array {
    const bytes = this.#take();
    return length === 0 && bytes.length < 4 ? new Int32Array(1) : typed(Int32Array, bytes, length + 1);
  }

  #largeOffsets(length: number): BigInt64Array {
    const bytes = this.#take();
    return length === 0 && bytes.length < 8 ? new BigInt64Array(1) : typed(BigInt64Array, bytes, length + 1);
  }

  #values(type: DataType, length: number): TypedArray {
    return typed(arrayOf(type), this.#take(), length * elementsPerValue(type));
  }

  /** The bytes of the next buffer, decompressed. */
  #take(): Uint8Array<ArrayBuffer> {
    const buffers = this.#buffers;
    const index = this.#buffer;
    this.#buffer += 1;
    if (buffers === undefined || index >= buffers.count) {
      throw new CorruptError("the batch has fewer buffers than the schema asks for");
    }
    const at = buffers.start + index * 16;
    const offset = safeInt64(buffers.view, at);
    const length = safeInt64(buffers.view, at + 8);
    if (offset < 0 || length < 0 || offset + length > this.#body.length) {
      throw new CorruptError(
        `buffer ${index} (${length} bytes at ${offset}) lies outside the body of ${this.#body.length}`,
      );
    }
    const bytes = this.#body.subarray(offset, offset + length);
    if (this.#codec === undefined || length === 0) return bytes;
    const plain = decompressBuffer(this.#codec, bytes, this.#budget);
    this.#budget -= plain.length;
    return plain;
  }
}

type TypedArray =
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

interface TypedArrayClass<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, byteOffset: number, length: number): T;
}

/** Lays a typed array over bytes, copying them first when they lie misaligned. */
function typed<T>(array: TypedArrayClass<T>, bytes: Uint8Array<ArrayBuffer>, count: number): T {
  const needed = count * array.BYTES_PER_ELEMENT;
  if (bytes.length < needed) throw new CorruptError(`a buffer has ${bytes.length} bytes where ${needed} are needed`);
  const aligned = bytes.byteOffset % array.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice(0, needed);
  return new array(aligned.buffer, aligned.byteOffset, count);
}

function arrayOf(type: DataType): TypedArrayClass<TypedArray> {
  return type.ArrayType;
}

/** Array elements that hold one value of a fixed-width type. */
function elementsPerValue(type: DataType): number {
  if (DataType.isDecimal(type)) return type.bitWidth / 32;
  if (DataType.isFixedSizeBinary(type)) return type.byteWidth;
  if (DataType.isInterval(type)) return 1 + type.unit;
  return 1;
}

function bounded(value: number, most: number, what: string): number {
  if (value >= 0 && value <= most) return value;
  throw new CorruptError(`impossible ${what} ${value}; expected 0 to ${most}`);
}

function countBits(bytes: Uint8Array, length: number): number {
  let count = 0;
  const whole = length >> 3;
  for (let i = 0; i < whole; i++) count += BITS_SET[bytes[i] ?? 0] ?? 0;
  const rest = length & 7;
  return rest === 0 ? count : count + (BITS_SET[(bytes[whole] ?? 0) & ((1 << rest) - 1)] ?? 0);
}

const BITS_SET = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);
