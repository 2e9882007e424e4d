/**
 * Columns of values of one width: integers, floats, decimals, dates, times, timestamps, durations, intervals, fixed-size binary.
 * Buffers: validity, values.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import { type BodyWriter, malformed } from "../body-writer.js";
import { arrowData } from "../data.js";
import type { MessageReader } from "../message-reader.js";
import { areNull } from "../null-rows.js";
import type { DataLike } from "../shape.js";
import { Column, type ColumnSpec, required } from "./column.js";

export class FixedColumn extends Column {
  /** Bytes of one value. */
  readonly width: number;

  constructor(spec: ColumnSpec, width: number) {
    super(spec, ["validity", "values"]);
    this.width = width;
  }

  override write(writer: BodyWriter, data: DataLike, start: number, length: number): void {
    this.check(data, start, length);
    const { values, nullBitmap } = data;
    if (
      values !== undefined &&
      start === 0 &&
      length > 0 &&
      values.byteLength === length * this.width &&
      (values.byteOffset & 7) === 0 &&
      !nullBitmap?.byteLength &&
      writer.wholeColumn(this.node, this.firstBuffer, length, values)
    ) {
      return;
    }
    this.writeValidity(writer, data, start, length);
    this.writeValues(writer, data, start, length);
  }

  override read(reader: MessageReader): Data {
    const { node, firstBuffer } = this;
    return arrowData(this.type, reader.length(node), reader.nullCount(node), {
      values: reader.array(firstBuffer + 1, this.valuesClass),
      validity: reader.validity(firstBuffer),
    });
  }

  /** @returns the address of the values; unusable when the writer has overflowed */
  protected writeValues(writer: BodyWriter, data: DataLike, start: number, length: number): number {
    const { firstBuffer, path, width } = this;
    const bytes = length * width;
    if (bytes === 0) return writer.buffer(firstBuffer + 1, 0);
    const values = required(path, data.values, "values");
    const begin = start * width;
    if (values.byteLength >= begin + bytes) return writer.copy(firstBuffer + 1, values, begin, bytes);
    const held = Math.max(0, Math.floor(values.byteLength / width) - start);
    if (!areNull(data, start + held, start + length)) {
      malformed(path, `its values buffer has ${values.byteLength} bytes where ${begin + bytes} are expected`);
    }
    return writer.copy(firstBuffer + 1, values, begin, held * width, bytes);
  }
}
