/**
 * One column of a schema, or one child of a nested type: how its data is laid out in a message, and how it is read back.
 *
 * A column is compiled once from its type. It knows the number of its field node and of its first buffer, in the depth-first
 * order of the IPC format. It holds no data, but remembers the type object it accepted last, so that data is held against its type
 * by one comparison of references.
 *
 * @module
 */
import type { Data, DataType } from "apache-arrow";
import { UsageError } from "../../errors.js";
import { type BodyWriter, malformed } from "../body-writer.js";
import type { ArrayClass, MessageReader, TypedArray } from "../message-reader.js";
import { sameType } from "../same-type.js";
import type { DataLike, TypeLike } from "../shape.js";
import { typeName } from "../type-name.js";

/** Rows of a column, and of every child of one: what 32-bit offsets, apache-arrow and the words of a header can count. */
export const MAX_ROWS = 2_147_483_647;

/** Numbers field nodes and buffers in the order in which columns are made. */
export interface Numbering {
  node: number;
  buffer: number;
}

/** What a buffer of a column holds. */
export type BufferRole = "validity" | "offsets" | "values" | "typeIds";

/** What every kind of column is made from. */
export interface ColumnSpec {
  /** Dotted path, for error messages. */
  readonly path: string;
  readonly type: DataType;
  /** As the field says. */
  readonly nullable: boolean;
  /** True also for a field that is not nullable, where a parent's null or a union may lie over a null of its. */
  readonly mayHoldNulls: boolean;
  readonly numbering: Numbering;
}

export abstract class Column {
  readonly path: string;
  readonly type: DataType;
  readonly nullable: boolean;
  /** Number of this column's field node. */
  readonly node: number;
  /** Number of this column's first buffer. */
  readonly firstBuffer: number;
  readonly children: readonly Column[] = [];
  readonly #buffers: readonly BufferRole[];
  /** True when this column, or one below it, is a dictionary. */
  get hasDictionary(): boolean {
    this.#hasDictionary ??= this.children.some((child) => child.hasDictionary);
    return this.#hasDictionary;
  }
  #hasDictionary: boolean | undefined;
  #acceptedType: TypeLike;
  readonly #mayHoldNulls: boolean;

  /** @param buffers what this column's own buffers hold, in their order */
  constructor(spec: ColumnSpec, buffers: readonly BufferRole[]) {
    this.path = spec.path;
    this.type = spec.type;
    this.nullable = spec.nullable;
    this.#mayHoldNulls = spec.mayHoldNulls;
    this.node = spec.numbering.node++;
    this.firstBuffer = spec.numbering.buffer;
    spec.numbering.buffer += buffers.length;
    this.#buffers = buffers;
    this.#acceptedType = spec.type;
  }

  /** Number of the buffer with this role, undefined when the type has none. */
  bufferOf(role: BufferRole): number | undefined {
    const index = this.#buffers.indexOf(role);
    return index < 0 ? undefined : this.firstBuffer + index;
  }

  /** Class of the typed array for the values buffer. */
  get valuesClass(): ArrayClass<TypedArray> {
    return this.type.ArrayType;
  }

  /** Bytes of one offset, for types that have offsets. */
  get offsetWidth(): 4 | 8 {
    return 4;
  }

  /**
   * Lays out rows [start, start + length) of `data`.
   *
   * @throws UsageError when the data is not of this column's type, or its buffers do not hold what its length says
   */
  abstract write(writer: BodyWriter, data: DataLike, start: number, length: number): void;

  /** Apache-arrow data over the arena, without a copy. */
  abstract read(reader: MessageReader): Data;

  /** Throws unless `data` has this column's type and holds the rows asked for. */
  protected check(data: DataLike, start: number, length: number): void {
    if (data.type !== this.#acceptedType) {
      if (!sameType(data.type, this.type)) {
        throw new UsageError(
          `column ${JSON.stringify(this.path)} holds ${typeName(data.type)} data; expected ${typeName(this.type)}`,
        );
      }
      this.#acceptedType = data.type;
    }
    if (!(Number.isInteger(length) && length >= 0 && length <= MAX_ROWS)) {
      malformed(this.path, `it has ${length} rows; expected a whole number from 0 to ${MAX_ROWS}`);
    }
    if (!(data.length >= start + length)) {
      malformed(this.path, `it has ${data.length} rows where ${start + length} are expected`);
    }
    if (!(data.offset >= 0 && Number.isInteger(data.offset))) {
      malformed(this.path, `its offset is ${data.offset}; expected a whole number of rows, 0 or more`);
    }
  }

  /** The child data `index`, which must be there. */
  protected childOf(data: DataLike, index: number): DataLike {
    return data.children?.[index] ?? malformed(this.path, `its child ${index} is missing`);
  }

  /**
   * Writes field node and validity bitmap, which is left out when no row is null.
   *
   * @returns the address of the bitmap, 0 without one
   */
  protected writeValidity(writer: BodyWriter, data: DataLike, start: number, length: number): number {
    const bitmap = data.nullBitmap;
    if (length === 0 || bitmap === undefined || bitmap === null || bitmap.byteLength === 0) {
      writer.buffer(this.firstBuffer, 0);
      writer.node(this.node, length, 0);
      return 0;
    }
    const bitOffset = data.offset + start;
    const bytes = Math.ceil(length / 8);
    if (bitmap.byteLength < Math.ceil((bitOffset + length) / 8)) {
      malformed(
        this.path,
        `its validity bitmap has ${bitmap.byteLength} bytes, too few for ${length} rows from bit ${bitOffset}`,
      );
    }
    const address = writer.copyBits(this.firstBuffer, bitmap, bitOffset, length);
    if (writer.overflow) return 0;
    const nulls = length - writer.kernels.countBits(address, length);
    writer.node(this.node, length, nulls);
    if (nulls === 0) {
      writer.dropLast(this.firstBuffer, address, bytes);
      return 0;
    }
    if (!this.#mayHoldNulls) {
      throw new UsageError(
        `column ${JSON.stringify(this.path)} is not nullable, but ${nulls} of its ${length} rows are null`,
      );
    }
    return address;
  }
}

/** A buffer of `data` that its type demands. */
export function required(path: string, view: ArrayBufferView | null | undefined, name: string): ArrayBufferView {
  return view ?? malformed(path, `its ${name} buffer is missing`);
}
