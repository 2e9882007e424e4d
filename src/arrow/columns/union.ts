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
      this.childOfId[id] = i;
      const word = id >> 5;
      allowed[word] = (allowed[word] ?? 0) | (1 << (id & 31));
    });
    this.#allowed = allowed;
  }

  /** @returns the address of the type ids; unusable when the writer has overflowed */
  protected writeTypeIds(writer: BodyWriter, data: DataLike, start: number, length: number): number {
    writer.node(this.node, length, 0);
    if (length === 0) return writer.buffer(this.firstBuffer, 0);
    const ids = required(this.path, data.typeIds, "type ids");
    if (ids.byteLength < start + length) {
      malformed(this.path, `its type ids buffer has ${ids.byteLength} bytes where ${start + length} are expected`);
    }
    const address = writer.copy(this.firstBuffer, ids, start, length);
    if (!writer.overflow && !writer.kernels.typeIdsValid(address, length, ...this.#allowed)) {
      malformed(this.path, "a row's type id belongs to none of the union's types");
    }
    return address;
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
    const idsAddress = this.writeTypeIds(writer, data, start, length);
    if (length === 0) {
      writer.buffer(this.firstBuffer + 1, 0);
      this.children.forEach((child, i) => {
        child.write(writer, this.childOf(data, i), 0, 0);
      });
      return;
    }
    const source = required(this.path, data.valueOffsets, "offsets");
    if (source.byteLength < 4 * (start + length)) {
      malformed(
        this.path,
        `its offsets buffer has ${source.byteLength} bytes where ${4 * (start + length)} are expected`,
      );
    }
    const offsetsAddress = writer.copy(this.firstBuffer + 1, source, 4 * start, 4 * length);
    // Judged by the copy in the arena, as a source in shared memory might change after it was judged.
    const { buffer } = writer.views;
    const ids = writer.overflow
      ? bytesFrom(required(this.path, data.typeIds, "type ids"), start, length)
      : new Int8Array(buffer, idsAddress, length);
    const offsets = writer.overflow
      ? new Int32Array(bytesFrom(source, 4 * start, 4 * length).buffer)
      : new Int32Array(buffer, offsetsAddress, length);
    const ranges = this.#ranges(data, ids, offsets);
    if (!writer.overflow) {
      for (let row = 0; row < length; row++) {
        offsets[row] = (offsets[row] ?? 0) - (ranges[this.childOfId[ids[row] ?? 0] ?? 0]?.first ?? 0);
      }
    }
    this.children.forEach((child, i) => {
      const { first, end } = ranges[i] ?? NO_ROWS;
      child.write(writer, this.childOf(data, i), first, end - first);
    });
  }

  /** The rows of each child that are referred to, from the lowest to behind the highest. */
  #ranges(data: DataLike, ids: Int8Array, offsets: Int32Array): ChildRange[] {
    const ranges = this.children.map(() => ({ first: Number.POSITIVE_INFINITY, end: 0 }));
    for (let row = 0; row < ids.length; row++) {
      const range = ranges[this.childOfId[ids[row] ?? -1] ?? -1];
      if (range === undefined) malformed(this.path, `type id ${ids[row]} belongs to none of the union's types`);
      const offset = offsets[row] ?? -1;
      if (offset < range.first) range.first = offset;
      if (offset >= range.end) range.end = offset + 1;
    }
    return ranges.map(({ first, end }, i) => {
      if (first === Number.POSITIVE_INFINITY) return NO_ROWS;
      const rows = this.childOf(data, i).length;
      if (first < 0 || end > rows) {
        malformed(this.path, `its offsets into child ${i} run from ${first} to ${end - 1}, but it has ${rows} rows`);
      }
      return { first, end };
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

/** Rows [first, end) of a child. */
interface ChildRange {
  readonly first: number;
  readonly end: number;
}
const NO_ROWS: ChildRange = { first: 0, end: 0 };

/** A plain copy of some of a buffer's bytes, so that it may start anywhere. */
function bytesFrom(view: ArrayBufferView, begin: number, bytes: number): Int8Array {
  return new Int8Array(view.buffer, view.byteOffset + begin, bytes).slice();
}
