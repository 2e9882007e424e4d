/**
 * The schema of an Arrow IPC file that has it in its footer only: apache-arrow's own file writer begins with the batches.
 *
 * ```text
 * "ARROW1" │ padding │ messages │ footer (a flatbuffer) │ int32 footer bytes │ "ARROW1"
 * ```
 *
 * @module
 */

import type { Schema } from "apache-arrow";
import { CorruptError } from "../errors.js";
import { FlatTable } from "./arrow-flatbuffer.js";
import { FILE_MAGIC, HEADER, MAGIC_BYTES, MAX_METADATA_BYTES } from "./arrow-message.js";
import { decodeSchema } from "./arrow-schema.js";
import type { ByteSource } from "./byte-source.js";
import type { RandomAccess } from "./random-access.js";

const TAIL_BYTES = 4 + FILE_MAGIC.length;

/** True when the source is a file whose first message is something other than a schema. Consumes nothing. */
export async function lacksLeadingSchema(source: ByteSource): Promise<boolean> {
  const head = await source.peek(MAGIC_BYTES + 8);
  if (Buffer.from(head.subarray(0, FILE_MAGIC.length)).toString("latin1") !== FILE_MAGIC || head.length < 16)
    return false;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const marked = view.getInt32(MAGIC_BYTES, true) === -1;
  const length = view.getInt32(MAGIC_BYTES + (marked ? 4 : 0), true);
  if (length < 8 || length > MAX_METADATA_BYTES) return length === 0;
  const start = MAGIC_BYTES + (marked ? 8 : 4);
  const message = (await source.peek(start + length)).subarray(start);
  return FlatTable.root(message).uint8(1) !== HEADER.schema;
}

/** Reads the schema from the footer. @throws CorruptError */
export async function readFooterSchema(file: RandomAccess): Promise<Schema> {
  const tailAt = file.size - TAIL_BYTES;
  const tail = await file.read(Math.max(tailAt, 0), Math.min(TAIL_BYTES, file.size));
  if (tailAt < MAGIC_BYTES || Buffer.from(tail.subarray(4)).toString("latin1") !== FILE_MAGIC) {
    throw new CorruptError(`the file is cut off: it does not end with ${FILE_MAGIC}`);
  }
  const length = new DataView(tail.buffer).getInt32(0, true);
  if (length < 8 || length > Math.min(MAX_METADATA_BYTES, tailAt - MAGIC_BYTES)) {
    throw new CorruptError(`the footer states ${length} bytes`);
  }
  const footer = FlatTable.root(await file.read(tailAt - length, length));
  const schema = footer.table(1);
  if (schema === undefined) throw new CorruptError("the footer has no schema");
  return decodeSchema(schema, footer.int16(0));
}
