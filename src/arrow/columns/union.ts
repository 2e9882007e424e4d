/**
 * Columns of unions, sparse and dense. They have no validity of their own.
 *
 * Sparse: buffer of type ids; every child has as many rows as the union. Dense: buffers of type ids and of offsets into the children; of
 * each child only the rows between the lowest and the highest offset used are laid out, and the offsets are counted from the lowest.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import { type BodyWriter, malformed } from "../body-writer.js";
import { arrowData, UNKNOWN_NULL_COUNT } from "../data.js";
import type { MessageReader } from "../message-reader.js";
import type { DataLike } from "../shape.js";
import { type BufferRole, Column, type ColumnSpec, required } from "./column.js";

abstract class UnionColumn extends Column {
  override readonly children: readonly Column[];
  /** Child number by type id, -1 where there is none. */
  protected readonly childOfId: Int8Array;
  /** The ids in use as a set of 128 bits, for the kernel that checks them. */
  readonly #allowed: readonly [number, number, number, number];

  constructor(
    spec: ColumnSpec,
    buffers: readonly BufferRole[],
    typeIds: ArrayLike<number>,
    children: () => readonly Column[],
  ) {
    super(spec, buffers);
    this.children = children();
    this.childOfId = new Int8Array(128).fill(-1);
    const allowed: [number, number, number, number] = [0, 0, 0, 0];
    Array.from(typeIds).forEach((id, i) => {
      if (!(id >= 0 && id < 128)) malformed(spec.path, `type id ${id} is not between 0 and 127`);
      this.childOfId[id] = i;
      const word = id >> 5;
      allowed[word] = (allowed[word] ?? 0) | (1 << (id & 31));
    });
    this.#allowed = allowed;
  }

  protected writeTypeIds(writer: BodyWriter, data: DataLike, start: number, length: number): void {
    writer.node(this.node, length, 0);
    if (length === 0) {
      writer.buffer(this.firstBuffer, 0);
      return;
    }
    const ids = required(this.path, data.typeIds, "type ids");
    if (ids.byteLength < start + length) {
      malformed(this.path, `its type ids buffer has ${ids.byteLength} bytes where ${start + length} are expected`);
    }
    const address = writer.copy(this.firstBuffer, ids, start, length);
    if (writer.overflow) return;
    if (!writer.kernels.typeIdsValid(address, length, ...this.#allowed)) {
      malformed(this.path, "a row's type id belongs to none of the union's types");
    }
  }
}

export class SparseUnionColumn extends UnionColumn {
  constructor(spec: ColumnSpec, typeIds: ArrayLike<number>, children: () => readonly Column[]) {
    super(spec, ["typeIds"], typeIds, children);
  }

  override write(writer: BodyWriter, data: DataLike, start: number, length: number): void {
    this.check(data, start, length);
    this.writeTypeIds(writer, data, start, length);
    this.children.forEach((child, i) => {
      child.write(writer, this.childOf(data, i), start, length);
    });
  }

  override read(reader: MessageReader): Data {
    return arrowData(
      this.type,
      reader.length(this.node),
      UNKNOWN_NULL_COUNT,
      { typeIds: reader.array(this.firstBuffer, Int8Array) },
      this.children.map((child) => child.read(reader)),
    );
  }
}

export class DenseUnionColumn extends UnionColumn {
  constructor(spec: ColumnSpec, typeIds: ArrayLike<number>, children: () => readonly Column[]) {
    super(spec, ["typeIds", "offsets"], typeIds, children);
  }

  override write(writer: BodyWriter, data: DataLike, start: number, length: number): void {
    this.check(data, start, length);
    this.writeTypeIds(writer, data, start, length);
    const address = writer.buffer(this.firstBuffer + 1, 4 * length);
    const lowest = new Array<number>(this.children.length).fill(Number.POSITIVE_INFINITY);
    const highest = new Array<number>(this.children.length).fill(-1);
    if (length > 0) {
      const ids = asInt8(required(this.path, data.typeIds, "type ids"));
      const offsets = asInt32(required(this.path, data.valueOffsets, "offsets"));
      if (offsets.length < start + length) {
        malformed(this.path, `its offsets buffer has ${offsets.length} entries where ${start + length} are expected`);
      }
      for (let i = start; i < start + length; i++) {
        const child = this.childOfId[ids[i] ?? -1] ?? -1;
        const offset = offsets[i] ?? -1;
        if (child < 0) malformed(this.path, `type id ${ids[i]} of row ${i} belongs to none of the union's types`);
        if (offset < (lowest[child] ?? 0)) lowest[child] = offset;
        if (offset > (highest[child] ?? 0)) highest[child] = offset;
      }
      this.children.forEach((_, i) => {
        const rows = this.childOf(data, i).length;
        if ((lowest[i] ?? 0) < 0 || (highest[i] ?? 0) >= rows) {
          malformed(
            this.path,
            `its offsets into child ${i} run from ${lowest[i]} to ${highest[i]}, but it has ${rows} rows`,
          );
        }
      });
      if (!writer.overflow) {
        const out = writer.views.i32;
        for (let i = 0; i < length; i++) {
          const child = this.childOfId[ids[start + i] ?? -1] ?? -1;
          out[address / 4 + i] = (offsets[start + i] ?? 0) - (lowest[child] ?? 0);
        }
      }
    }
    this.children.forEach((child, i) => {
      const first = lowest[i] ?? 0;
      const rows = (highest[i] ?? -1) + 1;
      if (rows === 0) child.write(writer, this.childOf(data, i), 0, 0);
      else child.write(writer, this.childOf(data, i), first, rows - first);
    });
  }

  override read(reader: MessageReader): Data {
    return arrowData(
      this.type,
      reader.length(this.node),
      UNKNOWN_NULL_COUNT,
      {
        offsets: reader.array(this.firstBuffer + 1, Int32Array),
        typeIds: reader.array(this.firstBuffer, Int8Array),
      },
      this.children.map((child) => child.read(reader)),
    );
  }
}

function asInt8(view: ArrayBufferView): Int8Array {
  return new Int8Array(view.buffer, view.byteOffset, view.byteLength);
}

function asInt32(view: ArrayBufferView): Int32Array {
  if (view instanceof Int32Array) return view;
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength - (view.byteLength % 4));
  return new Int32Array(new Uint8Array(bytes).buffer);
}
