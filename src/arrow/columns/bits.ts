/**
 * Columns of booleans, one bit each. Buffers: validity, values.
 *
 * The values are always written, also when every row is null: Lance refuses a Bool column without them.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import { type BodyWriter, malformed } from "../body-writer.js";
import { arrowData } from "../data.js";
import type { MessageReader } from "../message-reader.js";
import type { DataLike } from "../shape.js";
import { Column, type ColumnSpec } from "./column.js";

export class BitsColumn extends Column {
  constructor(spec: ColumnSpec) {
    super(spec, ["validity", "values"]);
  }

  override write(writer: BodyWriter, data: DataLike, start: number, length: number): void {
    this.check(data, start, length);
    this.writeValidity(writer, data, start, length);
    const values = data.values;
    const bitOffset = data.offset + start;
    const bytes = Math.ceil((bitOffset + length) / 8);
    if (values === undefined || values.byteLength < bytes) {
      // apache-arrow leaves the values of an all-null column out: zeros stand for them.
      if (values === undefined || values.byteLength === 0) {
        const nulls = nullsOnly(data, start, length);
        if (nulls) {
          this.#writeZeros(writer, length);
          return;
        }
      }
      malformed(this.path, `its values buffer has ${values?.byteLength ?? 0} bytes where ${bytes} are expected`);
    }
    writer.copyBits(this.firstBuffer + 1, values, bitOffset, length);
  }

  override read(reader: MessageReader): Data {
    const { node, firstBuffer } = this;
    return arrowData(this.type, reader.length(node), reader.nullCount(node), {
      values: reader.array(firstBuffer + 1, Uint8Array),
      validity: reader.validity(firstBuffer),
    });
  }

  #writeZeros(writer: BodyWriter, length: number): void {
    const bytes = Math.ceil(length / 8);
    const address = writer.buffer(this.firstBuffer + 1, bytes);
    if (!writer.overflow) writer.views.u8.fill(0, address, address + bytes);
  }
}

function nullsOnly(data: DataLike, start: number, length: number): boolean {
  if (length === 0) return true;
  const bitmap = data.nullBitmap;
  if (bitmap === undefined || bitmap === null) return false;
  const bytes = new Uint8Array(bitmap.buffer, bitmap.byteOffset, bitmap.byteLength);
  for (let bit = data.offset + start, end = bit + length; bit < end; bit++) {
    if (((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1) return false;
  }
  return true;
}
