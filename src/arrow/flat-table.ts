/**
 * A reader of flatbuffer tables that trusts nothing: every offset is checked before it is followed.
 *
 * ```
 * table:   int32 distance back to its vtable │ fields
 * vtable:  uint16 size of vtable │ uint16 size of table │ uint16 offset of field 0 in the table, or 0 for "default" │ …
 * vector:  uint32 count │ elements          string: uint32 bytes │ UTF-8          root: uint32 offset of the table
 * ```
 *
 * Tables may point at one another freely, so a small buffer can describe a tree of any size: everything that is read takes
 * from a budget in proportion to the buffer, and running out of it is an error.
 *
 * Source: FlatBuffers internals, https://flatbuffers.dev/internals/
 *
 * @module
 */
import { CorruptError } from "../errors.js";

/** The buffer under a set of tables, and what may still be read of it. */
interface Source {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  budget: number;
}

/** Elements of a vector of structs or scalars; all of them lie inside the buffer. */
export interface FlatVector {
  /** First byte of element 0. */
  readonly start: number;
  readonly count: number;
}

const UTF8 = new TextDecoder();
const COST_OF_TABLE = 8;

/** One table. Field numbers are those of the schema, in order of declaration. Every method throws `CorruptError`. */
export class FlatTable {
  readonly #source: Source;
  readonly #start: number;
  readonly #vtable: number;
  readonly #vtableBytes: number;

  private constructor(source: Source, start: number) {
    take(source, COST_OF_TABLE);
    this.#source = source;
    this.#start = start;
    this.#vtable = start - source.view.getInt32(within(source, start, 4), true);
    this.#vtableBytes = source.view.getUint16(within(source, this.#vtable, 4), true);
    within(source, this.#vtable, this.#vtableBytes);
  }

  /** The root table of a buffer. */
  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const source = { bytes, view, budget: bytes.length * 4 + 1024 };
    return new FlatTable(source, view.getUint32(within(source, 0, 4), true));
  }

  uint8(field: number): number {
    const at = this.#at(field, 1);
    return at === undefined ? 0 : this.#source.view.getUint8(at);
  }

  bool(field: number): boolean {
    return this.uint8(field) !== 0;
  }

  int16(field: number, otherwise = 0): number {
    const at = this.#at(field, 2);
    return at === undefined ? otherwise : this.#source.view.getInt16(at, true);
  }

  int32(field: number, otherwise = 0): number {
    const at = this.#at(field, 4);
    return at === undefined ? otherwise : this.#source.view.getInt32(at, true);
  }

  /** A 64-bit integer that a number can hold. */
  int64(field: number): number {
    const at = this.#at(field, 8);
    if (at === undefined) return 0;
    const value = Number(this.#source.view.getBigInt64(at, true));
    if (!Number.isSafeInteger(value)) throw new CorruptError(`the metadata holds an impossible number, ${value}`);
    return value;
  }

  string(field: number): string | undefined {
    const vector = this.vector(field, 1);
    if (vector === undefined) return undefined;
    take(this.#source, vector.count);
    return UTF8.decode(this.#source.bytes.subarray(vector.start, vector.start + vector.count));
  }

  table(field: number): FlatTable | undefined {
    const at = this.#at(field, 4);
    return at === undefined ? undefined : new FlatTable(this.#source, this.#follow(at));
  }

  /** Where the elements of a vector, or the bytes of a string, lie. */
  vector(field: number, elementBytes: number): FlatVector | undefined {
    const at = this.#at(field, 4);
    if (at === undefined) return undefined;
    const head = this.#follow(at);
    const count = this.#source.view.getUint32(within(this.#source, head, 4), true);
    return { start: within(this.#source, head + 4, count * elementBytes), count };
  }

  /** The numbers of a vector of 32-bit integers; undefined when the field is absent. */
  int32s(field: number): number[] | undefined {
    const vector = this.vector(field, 4);
    if (vector === undefined) return undefined;
    take(this.#source, 4 * vector.count);
    return Array.from({ length: vector.count }, (_, i) => this.#source.view.getInt32(vector.start + 4 * i, true));
  }

  /** The tables of a vector of tables; empty when the field is absent. */
  tables(field: number): FlatTable[] {
    const vector = this.vector(field, 4);
    if (vector === undefined) return [];
    take(this.#source, vector.count * COST_OF_TABLE);
    return Array.from(
      { length: vector.count },
      (_, index) => new FlatTable(this.#source, this.#follow(vector.start + index * 4)),
    );
  }

  #follow(at: number): number {
    return at + this.#source.view.getUint32(at, true);
  }

  #at(field: number, size: number): number | undefined {
    const entry = 4 + field * 2;
    if (entry + 2 > this.#vtableBytes) return undefined;
    const offset = this.#source.view.getUint16(this.#vtable + entry, true);
    return offset === 0 ? undefined : within(this.#source, this.#start + offset, size);
  }
}

function within(source: Source, at: number, size: number): number {
  if (at >= 0 && at + size <= source.bytes.length) return at;
  throw new CorruptError(`the metadata points outside itself (${size} bytes at ${at} of ${source.bytes.length})`);
}

function take(source: Source, cost: number): void {
  source.budget -= cost;
  if (source.budget < 0) throw new CorruptError("the metadata describes far more than its size can hold");
}
