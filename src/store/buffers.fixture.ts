/** The buffers under an Arrow batch, and where they lie. */
import type { Data, RecordBatch } from "apache-arrow";

/** All buffers of a batch that hold bytes: of columns, children and dictionaries. */
export function buffersOf(batch: RecordBatch): ArrayBufferView[] {
  return batch.data.children.flatMap(buffersOfData);
}

function buffersOfData(data: Data): ArrayBufferView[] {
  const own: unknown[] = [data.values, data.valueOffsets, data.nullBitmap, data.typeIds];
  return [
    ...own.filter((view): view is ArrayBufferView => ArrayBuffer.isView(view) && view.byteLength > 0),
    ...data.children.flatMap(buffersOfData),
    ...(data.dictionary?.data ?? []).flatMap(buffersOfData),
  ];
}

/** How many of a batch's buffers do not lie in `arena`. */
export function foreignBuffers(batch: RecordBatch, arena: SharedArrayBuffer): number {
  return buffersOf(batch).filter((view) => view.buffer !== arena).length;
}
