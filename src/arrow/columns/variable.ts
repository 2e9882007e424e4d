/**
 * Columns of strings and binary values. Buffers: validity, offsets (32 or 64 bits), bytes.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import type { BodyWriter } from "../body-writer.js";
import { arrowData } from "../data.js";
import type { MessageReader } from "../message-reader.js";
import type { DataLike } from "../shape.js";
import { Column, type ColumnSpec } from "./column.js";
import { type OffsetWidth, writeOffsets } from "./offsets.js";

const NO_BYTES = new Uint8Array(0);

export class VariableColumn extends Column {
  readonly #offsetWidth: OffsetWidth;

  constructor(spec: ColumnSpec, offsetWidth: OffsetWidth) {
    super(spec, ["validity", "offsets", "values"]);
    this.#offsetWidth = offsetWidth;
  }

  override get offsetWidth(): OffsetWidth {
    return this.#offsetWidth;
  }

  override write(writer: BodyWriter, data: DataLike, start: number, length: number): void {
    this.check(data, start, length);
    this.writeValidity(writer, data, start, length);
    const values = data.values ?? NO_BYTES;
    const { firstBuffer, offsetWidth, path } = this;
    const { first, last } = writeOffsets(
      writer,
      path,
      firstBuffer + 1,
      offsetWidth,
      data,
      start,
      length,
      values.byteLength,
    );
    writer.copy(firstBuffer + 2, values, first, last - first);
  }

  override read(reader: MessageReader): Data {
    const { node, firstBuffer } = this;
    return arrowData(this.type, reader.length(node), reader.nullCount(node), {
      offsets:
        this.offsetWidth === 4
          ? reader.array(firstBuffer + 1, Int32Array)
          : reader.array(firstBuffer + 1, BigInt64Array),
      values: reader.array(firstBuffer + 2, Uint8Array),
      validity: reader.validity(firstBuffer),
    });
  }
}
