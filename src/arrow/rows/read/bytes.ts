/**
 * Readers of strings, binary values and decimals.
 *
 * @module
 */
import type { DataLike } from "../../shape.js";
import { formatDecimal } from "../decimal-text.js";
import { decodeUtf8 } from "../utf8.js";
import { ValueReader, viewOf } from "./value-reader.js";

/** The ranges of rows that differ in length, whatever the width of the offsets. */
export class Ranges {
  readonly #wide: boolean;
  #narrow = new Int32Array(0);
  #wideOffsets = new BigInt64Array(0);

  constructor(wide: boolean) {
    this.#wide = wide;
  }

  attach(data: DataLike): void {
    if (this.#wide) this.#wideOffsets = viewOf(BigInt64Array, data.valueOffsets);
    else this.#narrow = viewOf(Int32Array, data.valueOffsets);
  }

  /** Where row `row` starts; the row before it ends there. */
  start(row: number): number {
    return this.#wide ? Number(this.#wideOffsets[row] ?? 0n) : (this.#narrow[row] ?? 0);
  }
}

/** Strings. */
export class TextReader extends ValueReader {
  readonly #ranges: Ranges;
  #bytes = new Uint8Array(0);

  constructor(wide: boolean) {
    super();
    this.#ranges = new Ranges(wide);
  }

  protected override attachValues(data: DataLike): void {
    this.#ranges.attach(data);
    this.#bytes = viewOf(Uint8Array, data.values);
  }

  protected override value(row: number): unknown {
    return decodeUtf8(this.#bytes, this.#ranges.start(row), this.#ranges.start(row + 1));
  }
}

/** Binary values, copied. */
export class BinaryReader extends ValueReader {
  readonly #ranges: Ranges;
  #bytes = new Uint8Array(0);

  constructor(wide: boolean) {
    super();
    this.#ranges = new Ranges(wide);
  }

  protected override attachValues(data: DataLike): void {
    this.#ranges.attach(data);
    this.#bytes = viewOf(Uint8Array, data.values);
  }

  protected override value(row: number): unknown {
    return this.#bytes.slice(this.#ranges.start(row), this.#ranges.start(row + 1));
  }
}

/** Binary values of one width, copied. */
export class FixedBinaryReader extends ValueReader {
  readonly #width: number;
  #bytes = new Uint8Array(0);

  constructor(width: number) {
    super();
    this.#width = width;
  }

  protected override attachValues(data: DataLike): void {
    this.#bytes = viewOf(Uint8Array, data.values);
  }

  protected override value(row: number): unknown {
    return this.#bytes.slice(this.#width * row, this.#width * (row + 1));
  }
}

/** Decimals, as texts with all digits of the scale. */
export class DecimalReader extends ValueReader {
  readonly #words: number;
  readonly #scale: number;
  #values = new Uint32Array(0);

  constructor(bitWidth: number, scale: number) {
    super();
    this.#words = bitWidth / 32;
    this.#scale = scale;
  }

  protected override attachValues(data: DataLike): void {
    this.#values = viewOf(Uint32Array, data.values);
  }

  protected override value(row: number): unknown {
    let unscaled = 0n;
    for (let i = this.#words * (row + 1) - 1; i >= this.#words * row; i--) {
      unscaled = (unscaled << 32n) | BigInt(this.#values[i] ?? 0);
    }
    return formatDecimal(BigInt.asIntN(32 * this.#words, unscaled), this.#scale);
  }
}
