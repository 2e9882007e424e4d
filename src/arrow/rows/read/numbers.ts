/**
 * Readers of everything that is stored in one array element a row.
 *
 * @module
 */
import type { DataLike } from "../../shape.js";
import { decodeHalf } from "../half-float.js";
import { ValueReader, type ViewClass, viewOf } from "./value-reader.js";

/** A typed array whose elements are the values. */
export interface ElementArray extends ArrayBufferView {
  readonly length: number;
  readonly [index: number]: number | bigint;
  /** A copy in memory that is not shared. */
  slice(start: number, end: number): ElementArray;
}

/** Numbers and bigints as they are stored. */
export class ElementReader extends ValueReader {
  readonly #class: ViewClass<ElementArray>;
  #values: ElementArray;

  constructor(arrayClass: ViewClass<ElementArray>) {
    super();
    this.#class = arrayClass;
    this.#values = viewOf(arrayClass, undefined);
  }

  /** A copy of the elements [from, to). */
  slice(from: number, to: number): unknown {
    return this.#values.slice(from, to);
  }

  protected override attachValues(data: DataLike): void {
    this.#values = viewOf(this.#class, data.values);
  }

  protected override value(row: number): unknown {
    return this.#values[row];
  }
}

/** Half-precision numbers. */
export class HalfReader extends ValueReader {
  #values = new Uint16Array(0);

  /** The numbers [from, to), in the smallest array that holds them. */
  slice(from: number, to: number): Float32Array {
    return Float32Array.from(this.#values.subarray(from, to), decodeHalf);
  }

  protected override attachValues(data: DataLike): void {
    this.#values = viewOf(Uint16Array, data.values);
  }

  protected override value(row: number): unknown {
    return decodeHalf(this.#values[row] ?? 0);
  }
}

/** Day-time intervals, as [days, milliseconds]. */
export class DayTimeReader extends ValueReader {
  #values = new Int32Array(0);

  protected override attachValues(data: DataLike): void {
    this.#values = viewOf(Int32Array, data.values);
  }

  protected override value(row: number): unknown {
    return [this.#values[2 * row], this.#values[2 * row + 1]];
  }
}

/** Booleans. */
export class BitReader extends ValueReader {
  #values = new Uint8Array(0);
  #offset = 0;

  protected override attachValues(data: DataLike): void {
    this.#values = viewOf(Uint8Array, data.values);
    this.#offset = data.offset;
  }

  protected override value(row: number): unknown {
    const bit = this.#offset + row;
    return (((this.#values[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1;
  }
}

/** The null type. */
export class NullReader extends ValueReader {
  override get(): unknown {
    return null;
  }

  protected override attachValues(): void {}

  protected override value(): unknown {
    return null;
  }
}
