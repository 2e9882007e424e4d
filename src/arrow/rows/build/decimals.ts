/**
 * Columns of decimals: integers of 32 to 256 bits in two's complement, least significant word first. Buffers: values.
 *
 * @module
 */
import type { Data, Decimal } from "apache-arrow";
import { UsageError } from "../../../errors.js";
import { arrowData } from "../../data.js";
import { MOST_SCALE, parseDecimal } from "../decimal-text.js";
import { type BuilderSpec, ColumnBuilder, firstLength, worthKeeping } from "./column-builder.js";

export class DecimalColumn extends ColumnBuilder {
  readonly #words: number;
  readonly #scale: number;
  readonly #precision: number;
  /** The least number with more digits than the precision, or more bits than the type. */
  readonly #end: bigint;
  #values: Uint32Array;

  constructor(spec: BuilderSpec & { readonly type: Decimal }) {
    super(spec);
    const { scale, precision, bitWidth } = spec.type;
    if (!(Math.abs(scale) <= MOST_SCALE && precision <= MOST_SCALE)) {
      throw new UsageError(`a decimal has precision ${precision} and scale ${scale}; expected at most ${MOST_SCALE}`);
    }
    this.#words = bitWidth / 32;
    this.#scale = scale;
    this.#precision = precision;
    const [digits, bits] = [10n ** BigInt(precision), 2n ** BigInt(bitWidth - 1)];
    this.#end = digits < bits ? digits : bits;
    this.#values = new Uint32Array(this.#words * firstLength(4 * this.#words));
  }

  override get bytes(): number {
    return 4 * this.#words * this.length + this.validityBytes;
  }

  protected override get expected(): string {
    const scale = this.#scale;
    return `a bigint in units of 1e${-scale}, or a text such as ${scale > 0 ? '"-1.5"' : '"-1000"'}, of at most ${this.#precision} digits, ${scale} of them after the point`;
  }

  override append(value: unknown): void {
    const unscaled = typeof value === "string" ? parseDecimal(value, this.#scale) : value;
    if (typeof unscaled === "bigint") {
      if (unscaled >= this.#end || -unscaled >= this.#end) this.refuse(value);
      this.#push(unscaled);
    } else if (typeof value === "string") this.refuse(value);
    else this.appendAbsent(value);
  }

  override appendFiller(): void {
    this.#push(0n);
  }

  override truncate(length: number): void {
    this.truncateRows(length);
  }

  override clear(): void {
    this.clearRows();
    if (!worthKeeping(this.#values)) this.#values = new Uint32Array(this.#words * firstLength(4 * this.#words));
  }

  override data(): Data {
    const { type, length, nulls } = this;
    const values = this.#values.slice(0, this.#words * length);
    return arrowData(type, length, nulls, { values, validity: this.validity() });
  }

  protected override valueKey(row: number): string {
    return this.#values.subarray(this.#words * row, this.#words * (row + 1)).join(" ");
  }

  #push(value: bigint): void {
    const words = this.#words;
    const start = words * this.length;
    if (start === this.#values.length) {
      const grown = new Uint32Array(this.grownLength(this.#values, start + words));
      grown.set(this.#values);
      this.#values = grown;
    }
    let rest = value;
    for (let i = 0; i < words; i++) {
      this.#values[start + i] = Number(BigInt.asUintN(32, rest));
      rest >>= 32n;
    }
    this.next();
  }
}
