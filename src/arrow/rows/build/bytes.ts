/**
 * Columns of strings and of binary values. Buffers: offsets (32 or 64 bits), bytes.
 *
 * @module
 */
import { type Data, Type } from "apache-arrow";
import { arrowData } from "../../data.js";
import { encodeUtf8, hasLoneSurrogate, utf8Length } from "../utf8.js";
import { bytesIn } from "../value-kinds.js";
import { type BuilderSpec, ColumnBuilder, firstLength, MAX_BUFFER_BYTES, worthKeeping } from "./column-builder.js";
import { RowOffsets } from "./offsets.js";

/** What both kinds do. */
abstract class BytesColumn extends ColumnBuilder {
  /** Bytes of the rows so far, and room. */
  protected room = new Uint8Array(firstLength(1));
  /** Bytes of `room` that are taken. */
  protected end = 0;
  readonly #offsets: RowOffsets;
  readonly #wide: boolean;

  constructor(spec: BuilderSpec) {
    super(spec);
    this.#offsets = new RowOffsets((array, least) => this.grownLength(array, least));
    this.#wide = spec.type.typeId === Type.LargeUtf8 || spec.type.typeId === Type.LargeBinary;
  }

  override get bytes(): number {
    return this.end + (this.#wide ? 8 : 4) * (this.length + 1) + this.validityBytes;
  }

  override appendFiller(): void {
    this.close(this.end);
  }

  override truncate(length: number): void {
    this.truncateRows(length);
    this.end = this.#offsets.at(length);
  }

  override clear(): void {
    this.clearRows();
    this.end = 0;
    this.#offsets.clear();
    if (!worthKeeping(this.room)) this.room = new Uint8Array(firstLength(1));
  }

  override data(): Data {
    const { type, length, nulls, end } = this;
    const values = this.room.slice(0, end);
    const offsets = this.#wide ? this.#offsets.copyWide(length) : this.#offsets.copy(length);
    return arrowData(type, length, nulls, { offsets, values, validity: this.validity() });
  }

  protected override valueKey(row: number): string {
    const bytes = this.room.subarray(this.#offsets.at(row), this.#offsets.at(row + 1));
    return `${bytes.length}:${bytes.join(" ")}`;
  }

  /** Makes room for `count` bytes more. */
  protected ensure(count: number): void {
    const least = this.end + count;
    if (least <= this.room.length) return;
    const grown = new Uint8Array(this.grownLength(this.room, least));
    grown.set(this.room.subarray(0, this.end));
    this.room = grown;
  }

  /** Ends the row, whose bytes end at `end`. */
  protected close(end: number): void {
    this.#offsets.end(this.length, end);
    this.end = end;
    this.next();
  }
}

/** Binary values, copied. */
export class BinaryColumn extends BytesColumn {
  protected override get expected(): string {
    return "a Uint8Array";
  }

  override append(value: unknown): void {
    const bytes = bytesIn(value);
    if (bytes === undefined) {
      this.appendAbsent(value);
      return;
    }
    const { length } = bytes;
    this.ensure(length);
    this.room.set(bytes, this.end);
    this.close(this.end + length);
  }
}

/** Strings. One with half of a surrogate pair has no UTF-8 and is refused: replaced, it would be another string, and another key. */
export class TextColumn extends BytesColumn {
  protected override get expected(): string {
    return "a string";
  }

  override append(value: unknown): void {
    if (typeof value === "string") this.push(value);
    else this.appendAbsent(value);
  }

  push(text: string): void {
    const { length } = text;
    // A UTF-16 unit takes at most three bytes; only near the bound is it worth while to count them.
    this.ensure(this.end + 3 * length <= MAX_BUFFER_BYTES ? 3 * length : utf8Length(text));
    const written = encodeUtf8(text, this.room, this.end);
    if (written !== length && hasLoneSurrogate(text)) {
      this.refuse(text, "a string without lone surrogates: text.toWellFormed() replaces them");
    }
    this.close(this.end + written);
  }
}
