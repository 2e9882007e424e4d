/**
 * A reader of flatbuffer tables that trusts nothing: every offset is checked before it is followed.
 *
 * ```text
 * table:   int32 distance back to its vtable │ fields
 * vtable:  uint16 size of vtable │ uint16 size of table │ uint16 offset of field 0 in the table, or 0 for "default" │ …
 * vector:  uint32 count │ elements          string: uint32 bytes │ UTF-8          root: uint32 offset of the table
 * ```
 *
 * Tables may point at one another freely, so a small buffer can describe a tree of any size: everything that is read takes
 * from a budget in proportion to the buffer, and running out of it is an error.
 *
 * Format: https://flatbuffers.dev/internals/
 *
 * @module
 */

import { CorruptError } from "../errors.js";

/** The buffer under a set of tables, and what may still be read of it. */
interface Buffer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  budget: number;
}

/** Elements of a vector of structs or scalars. */
export interface FlatVector {
  readonly start: number;
  readonly count: number;
  readonly view: DataView;
}

const UTF8 = new TextDecoder();
const COST_OF_TABLE = 8;

/** One table. Field numbers are those of the schema, in order of declaration. */
export class FlatTable {
  readonly #buffer: Buffer;
  readonly #start: number;
  readonly #vtable: number;
  readonly #vtableBytes: number;

  private constructor(buffer: Buffer, start: number) {
    take(buffer, COST_OF_TABLE);
    this.#buffer = buffer;
    this.#start = start;
    this.#vtable = start - buffer.view.getInt32(within(buffer, start, 4), true);
    this.#vtableBytes = buffer.view.getUint16(within(buffer, this.#vtable, 4), true);
    within(buffer, this.#vtable, this.#vtableBytes);
  }

  /** The root table of a buffer. @throws CorruptError */
  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const buffer = { bytes, view, budget: bytes.length * 4 + 1024 };
    return new FlatTable(buffer, view.getUint32(within(buffer, 0, 4), true));
  }

  int8(field: number, otherwise = 0): number {
    const at = this.#at(field, 1);
    return at === undefined ? otherwise : this.#buffer.view.getInt8(at);
  }

  uint8(field: number, otherwise = 0): number {
    return this.int8(field, otherwise) & 0xff;
  }

  bool(field: number): boolean {
    return this.int8(field) !== 0;
  }

  int16(field: number, otherwise = 0): number {
    const at = this.#at(field, 2);
    return at === undefined ? otherwise : this.#buffer.view.getInt16(at, true);
  }

  int32(field: number, otherwise = 0): number {
    const at = this.#at(field, 4);
    return at === undefined ? otherwise : this.#buffer.view.getInt32(at, true);
  }

  /** A 64-bit integer that a number can hold. */
  int64(field: number): number {
    const at = this.#at(field, 8);
    return at === undefined ? 0 : safeInt64(this.#buffer.view, at);
  }

  string(field: number): string | undefined {
    const vector = this.vector(field, 1);
    if (vector === undefined) return undefined;
    take(this.#buffer, vector.count);
    return UTF8.decode(this.#buffer.bytes.subarray(vector.start, vector.start + vector.count));
  }

  table(field: number): FlatTable | undefined {
    const at = this.#at(field, 4);
    return at === undefined ? undefined : new FlatTable(this.#buffer, this.#follow(at));
  }

  /** Where the elements of a vector lie; all of them are inside the buffer. */
  vector(field: number, elementBytes: number): FlatVector | undefined {
    const at = this.#at(field, 4);
    if (at === undefined) return undefined;
    const head = this.#follow(at);
    const { view } = this.#buffer;
    const count = view.getUint32(within(this.#buffer, head, 4), true);
    return { start: within(this.#buffer, head + 4, count * elementBytes), count, view };
  }

  /** The tables of a vector of tables; empty when the field is absent. */
  tables(field: number): FlatTable[] {
    const vector = this.vector(field, 4);
    if (vector === undefined) return [];
    take(this.#buffer, vector.count * COST_OF_TABLE);
    return Array.from(
      { length: vector.count },
      (_, index) => new FlatTable(this.#buffer, this.#follow(vector.start + index * 4)),
    );
  }

  #follow(at: number): number {
    return at + this.#buffer.view.getUint32(at, true);
  }

  #at(field: number, size: number): number | undefined {
    const entry = 4 + field * 2;
    if (entry + 2 > this.#vtableBytes) return undefined;
    const offset = this.#buffer.view.getUint16(this.#vtable + entry, true);
    return offset === 0 ? undefined : within(this.#buffer, this.#start + offset, size);
  }
}

/** Reads a 64-bit integer. @throws CorruptError when a number cannot hold it. */
export function safeInt64(view: DataView, at: number): number {
  const value = Number(view.getBigInt64(at, true));
  if (!Number.isSafeInteger(value)) throw new CorruptError(`the metadata holds an impossible number (${value})`);
  return value;
}

function within(buffer: Buffer, at: number, size: number): number {
  if (at >= 0 && at + size <= buffer.bytes.length) return at;
  throw new CorruptError(`the metadata points outside itself (${size} bytes at ${at} of ${buffer.bytes.length})`);
}

function take(buffer: Buffer, cost: number): void {
  buffer.budget -= cost;
  if (buffer.budget < 0) throw new CorruptError("the metadata describes far more than its size can hold");
}
