/**
 * Columns of the null type: a number of rows and no buffer at all.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import type { BodyWriter } from "../body-writer.js";
import { arrowData } from "../data.js";
import type { MessageReader } from "../message-reader.js";
import type { DataLike } from "../shape.js";
import { Column, type ColumnSpec } from "./column.js";

export class NullColumn extends Column {
  constructor(spec: ColumnSpec) {
    super(spec, []);
  }

  override write(writer: BodyWriter, data: DataLike, start: number, length: number): void {
    this.check(data, start, length);
    writer.node(this.node, length, length);
  }

  override read(reader: MessageReader): Data {
    const length = reader.length(this.node);
    return arrowData(this.type, length, length, {});
  }
}
