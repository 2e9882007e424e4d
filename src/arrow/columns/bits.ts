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
import { areNull } from "../null-rows.js";
import type { DataLike } from "../shape.js";
import { Column, type ColumnSpec } from "./column.js";

export class BitsColumn extends Column {
  constructor(spec: ColumnSpec) {
    super(spec, ["validity", "values"]);
  }

  override write(writer: BodyWriter, data: DataLike, start: number, length: number): void {
    this.check(data, start, length);
    this.writeValidity(writer, data, start, length);
    if (length === 0) {
      writer.buffer(this.firstBuffer + 1, 0);
      return;
    }
    const values = data.values;
    const bitOffset = data.offset + start;
    const bytes = Math.ceil((bitOffset + length) / 8);
    if (values !== undefined && values.byteLength >= bytes) {
      writer.copyBits(this.firstBuffer + 1, values, bitOffset, length);
      return;
    }
    // apache-arrow leaves the values of an all-null column out: zeros stand for them.
    const held = Math.max(0, 8 * (values?.byteLength ?? 0) - bitOffset);
    if (!areNull(data, start + held, start + length)) {
      malformed(this.path, `its values buffer has ${values?.byteLength ?? 0} bytes where ${bytes} are expected`);
    }
    writer.copyBits(this.firstBuffer + 1, padded(values, bytes), bitOffset, length);
  }

  override read(reader: MessageReader): Data {
    const { node, firstBuffer } = this;
    return arrowData(this.type, reader.length(node), reader.nullCount(node), {
      values: reader.array(firstBuffer + 1, Uint8Array),
      validity: reader.validity(firstBuffer),
    });
  }
}

/** `view`, with zeros up to `bytes` bytes. */
function padded(view: ArrayBufferView | undefined, bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  if (view !== undefined) out.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  return out;
}
