/**
 * Columns of lists of one size, such as vectors of an embedding. Buffers: validity; then the child's, `listSize` rows for each row,
 * null or not.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import type { BodyWriter } from "../body-writer.js";
import { arrowData } from "../data.js";
import type { MessageReader } from "../message-reader.js";
import type { DataLike } from "../shape.js";
import { Column, type ColumnSpec } from "./column.js";

export class FixedSizeListColumn extends Column {
  readonly child: Column;
  readonly listSize: number;
  override readonly children: readonly Column[];

  constructor(spec: ColumnSpec, listSize: number, child: () => Column) {
    super(spec, ["validity"]);
    this.listSize = listSize;
    this.child = child();
    this.children = [this.child];
  }

  override write(writer: BodyWriter, data: DataLike, start: number, length: number): void {
    this.check(data, start, length);
    this.writeValidity(writer, data, start, length);
    this.child.write(writer, this.childOf(data, 0), start * this.listSize, length * this.listSize);
  }

  override read(reader: MessageReader): Data {
    const { node, firstBuffer } = this;
    return arrowData(
      this.type,
      reader.length(node),
      reader.nullCount(node),
      { validity: reader.validity(firstBuffer) },
      [this.child.read(reader)],
    );
  }
}
