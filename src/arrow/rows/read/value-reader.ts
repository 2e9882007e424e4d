/**
 * Reads one column, or one child of a nested type, as plain values.
 *
 * A reader is compiled once from a field and moved from batch to batch (`attach`). What it returns is plain and unshared: nothing of it
 * refers to the batch's memory.
 *
 * @module
 */
import { Null } from "apache-arrow";
import type { DataLike } from "../../shape.js";

const NO_BUFFER = new ArrayBuffer(0);
const NO_BYTES = new Uint8Array(NO_BUFFER);

/** Data without rows: what readers are attached to, to let go of a batch. */
export const NO_DATA: DataLike = { type: new Null(), length: 0, offset: 0 };

export abstract class ValueReader {
  #validity = NO_BYTES;
  #offset = 0;

  /** Moves to a batch's column; the arrays looked at are its, until the next call. */
  attach(data: DataLike): void {
    const bitmap = data.nullBitmap;
    this.#validity = bitmap ? viewOf(Uint8Array, bitmap) : NO_BYTES;
    this.#offset = data.offset;
    this.attachValues(data);
  }

  /** The value of a row; null where it is null. */
  get(row: number): unknown {
    const validity = this.#validity;
    if (validity.length !== 0) {
      const bit = this.#offset + row;
      if ((((validity[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 0) return null;
    }
    return this.value(row);
  }

  /** True when a row of [from, to) is null. */
  hasNull(from: number, to: number): boolean {
    const validity = this.#validity;
    if (validity.length === 0) return false;
    for (let bit = this.#offset + from; bit < this.#offset + to; bit++) {
      if ((((validity[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 0) return true;
    }
    return false;
  }

  protected abstract attachValues(data: DataLike): void;

  /** The value of a row that is not null. */
  protected abstract value(row: number): unknown;
}

/** Class of a typed array, as far as views of buffers need it. */
export interface ViewClass<V extends ArrayBufferView> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): V;
}

/**
 * A buffer as an array of the class that its type asks for, never of a class derived from it: the `slice` of a Buffer shares its memory.
 * Empty when there is no buffer; a copy only where it is not aligned.
 */
export function viewOf<V extends ArrayBufferView>(arrayClass: ViewClass<V>, view: ArrayBufferView | undefined): V {
  if (view instanceof arrayClass && view.constructor === arrayClass) return view;
  if (view === undefined) return new arrayClass(NO_BUFFER, 0, 0);
  const length = Math.floor(view.byteLength / arrayClass.BYTES_PER_ELEMENT);
  if (view.byteOffset % arrayClass.BYTES_PER_ELEMENT === 0) return new arrayClass(view.buffer, view.byteOffset, length);
  return new arrayClass(new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice().buffer, 0, length);
}
