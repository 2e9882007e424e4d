/**
 * Columns of structs. Buffers: validity; then those of each child.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import type { BodyWriter } from "../body-writer.js";
import { arrowData } from "../data.js";
import type { MessageReader } from "../message-reader.js";
import type { DataLike } from "../shape.js";
import { Column, type ColumnSpec } from "./column.js";

export class StructColumn extends Column {
  override readonly children: readonly Column[];

  constructor(spec: ColumnSpec, children: () => readonly Column[]) {
    super(spec, ["validity"]);
    this.children = children();
  }

  override write(writer: BodyWriter, data: DataLike, start: number, length: number): void {
    this.check(data, start, length);
    this.writeValidity(writer, data, start, length);
    this.children.forEach((child, i) => {
      child.write(writer, this.childOf(data, i), start, length);
    });
  }

  override read(reader: MessageReader): Data {
    const { node, firstBuffer } = this;
    return arrowData(
      this.type,
      reader.length(node),
      reader.nullCount(node),
      { validity: reader.validity(firstBuffer) },
      this.children.map((child) => child.read(reader)),
    );
  }
}
