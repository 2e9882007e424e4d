/**
 * Columns of lists and maps. Buffers: validity, offsets; then the child's. Only the child's rows that the written rows refer to
 * are laid out.
 *
 * @module
 */
import type { Data } from "apache-arrow";
import type { BodyWriter } from "../body-writer.js";
import { arrowData } from "../data.js";
import type { MessageReader } from "../message-reader.js";
import type { DataLike } from "../shape.js";
import { Column, type ColumnSpec } from "./column.js";
import { writeOffsets } from "./offsets.js";

export class ListColumn extends Column {
  readonly child: Column;
  override readonly children: readonly Column[];

  constructor(spec: ColumnSpec, child: () => Column) {
    super(spec, ["validity", "offsets"]);
    this.child = child();
    this.children = [this.child];
  }

  override write(writer: BodyWriter, data: DataLike, start: number, length: number): void {
    this.check(data, start, length);
    this.writeValidity(writer, data, start, length);
    const child = this.childOf(data, 0);
    const { firstBuffer, path } = this;
    const { first, last } = writeOffsets(writer, path, firstBuffer + 1, 4, data, start, length, child.length);
    this.child.write(writer, child, first, last - first);
  }

  override read(reader: MessageReader): Data {
    const { node, firstBuffer } = this;
    return arrowData(
      this.type,
      reader.length(node),
      reader.nullCount(node),
      { offsets: reader.array(firstBuffer + 1, Int32Array), validity: reader.validity(firstBuffer) },
      [this.child.read(reader)],
    );
  }
}
