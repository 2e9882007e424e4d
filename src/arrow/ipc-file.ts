/**
 * An Arrow IPC file in plain memory, laid out by the same code as the batches of a store.
 *
 * ```
 *   "ARROW1" 0 0 │ schema message, padded to byte 64·n │ dictionary messages │ batch │ batch │ … │ end of stream
 *   │ footer: schema, place and size of each message │ bytes of the footer (u32) │ "ARROW1"
 * ```
 *
 * - Unlike apache-arrow's writer, it writes every buffer that a type has: Lance refuses a Bool column without bytes of values, which
 *   apache-arrow leaves out when all rows are null (as they are in tombstones).
 * - A file can hold each dictionary once, so batches with dictionaries are joined and laid out as one.
 * - Memory grows by doubling, and is copied then; tell the size of the rows beforehand where it is known.
 *
 * Source: Arrow columnar format, "IPC File Format"; File.fbs.
 *
 * @module
 */
import { type Data, MetadataVersion, type Schema, Struct } from "apache-arrow";
import { FileBlock, Footer } from "apache-arrow/ipc/metadata/file";
import { TooLargeError, UsageError } from "../errors.js";
import { PlainKernels } from "../kernels/plain-kernels.js";
import { type BatchPlan, compileBatchPlan } from "./batch-plan.js";
import { type ArenaViews, BodyWriter, malformed } from "./body-writer.js";
import { concatData } from "./concat.js";
import { DictionaryWriter, messagesInForce } from "./dictionaries.js";
import { ALIGNMENT, aligned, END_OF_STREAM } from "./message.js";
import { recordBatch } from "./record-batch.js";
import { decodeSchemaMessage, encodeSchemaMessage, schemaDifference } from "./schema.js";
import type { RecordBatchLike } from "./shape.js";

const MAGIC = new TextEncoder().encode("ARROW1");
const HEAD_BYTES = 8;
/** Addresses within a message's header have 32 bits. */
const MAX_BYTES = 2 ** 32 - ALIGNMENT;
const SMALLEST_BYTES = 2 ** 16;
/** Room for the headers of messages and the padding of buffers, as a share of the rows. It takes no memory until it is used. */
const MARGIN = 1 / 16;

export class IpcFile {
  readonly #plan: BatchPlan;
  readonly #batches: FileBlock[] = [];
  readonly #dictionaries: FileBlock[] = [];
  /** Kept until the end where a dictionary has to hold the values of all. */
  readonly #waiting: RecordBatchLike[] = [];
  #body: BodyWriter;
  #tail: number;

  /**
   * @param schema of all batches
   * @param expectedBytes about how many the batches take
   */
  constructor(schema: Schema, expectedBytes: number) {
    const message = encodeSchemaMessage(schema);
    // As a store does: dictionary ids and names are those that the message says.
    this.#plan = compileBatchPlan(decodeSchemaMessage(message));
    const schemaEnd = aligned(HEAD_BYTES + message.byteLength);
    const bytes = schemaEnd + SMALLEST_BYTES + aligned(Math.ceil(expectedBytes * (1 + MARGIN)));
    this.#body = bodyWriter(new ArrayBuffer(Math.min(bytes, MAX_BYTES)));
    const { u8, u32 } = this.#body.views;
    u8.set(MAGIC);
    u8.set(message, HEAD_BYTES);
    // The message reaches to the first batch: there are no gaps.
    u32[HEAD_BYTES / 4 + 1] = schemaEnd - HEAD_BYTES - 8;
    this.#tail = schemaEnd;
  }

  /**
   * Lays out the rows of a batch; one without rows is left out, as Lance takes none.
   *
   * @throws UsageError when the batch has another schema or is malformed; TooLargeError when the file would pass 4 GiB
   */
  append(batch: RecordBatchLike): void {
    const difference =
      batch.schema === this.#plan.schema ? undefined : schemaDifference(this.#plan.schema, batch.schema);
    if (difference !== undefined) throw new UsageError(`the batch has another schema than the file: ${difference}`);
    if (batch.numRows === 0) return;
    if (this.#plan.dictionaries.length > 0) this.#waiting.push(batch);
    else this.#layOut(batch);
  }

  /** Ends the file, which can then not be added to any more. The bytes are a view on this object's memory. */
  finish(): Uint8Array {
    if (this.#waiting.length > 0) this.#layOut(this.#joined());
    const { schema } = this.#plan;
    const footer = Footer.encode(new Footer(schema, MetadataVersion.V5, this.#batches, this.#dictionaries));
    const at = this.#tail + END_OF_STREAM.length;
    const bytes = at + footer.byteLength + 4 + MAGIC.length;
    if (bytes > this.#body.views.u8.length) this.#grow(bytes);
    const { u8 } = this.#body.views;
    u8.set(END_OF_STREAM, this.#tail);
    u8.set(footer, at);
    new DataView(u8.buffer).setUint32(at + footer.byteLength, footer.byteLength, true);
    u8.set(MAGIC, bytes - MAGIC.length);
    return u8.subarray(0, bytes);
  }

  #layOut(batch: RecordBatchLike): void {
    for (;;) {
      const body = this.#body;
      const limit = body.views.u8.length;
      const end = this.#write(batch, limit);
      if (!body.overflow && end <= limit) return;
      this.#grow(Math.max(end, body.end));
    }
  }

  /** Lays the batch out at the tail; when it did not fit, what was written is forgotten. Returns where it ends. */
  #write(batch: RecordBatchLike, limit: number): number {
    const { columns, template } = this.#plan;
    const { children } = batch.data;
    const body = this.#body;
    const start = this.#writeDictionaries(batch, limit);
    if (start > limit) return start;
    body.begin(template, start, limit);
    columns.forEach((column, i) => {
      const child = children[i];
      if (child?.length !== batch.numRows) {
        malformed(column.path, `it has ${child?.length ?? 0} rows, the batch has ${batch.numRows}`);
      }
      column.write(body, child, 0, batch.numRows);
    });
    const bytes = body.finish(template, batch.numRows);
    if (body.overflow || start + bytes > limit) return start + bytes;
    this.#batches.push(blockOf(start, template.bytes.byteLength, bytes));
    this.#tail = start + bytes;
    return this.#tail;
  }

  #writeDictionaries(batch: RecordBatchLike, limit: number): number {
    const { columns, dictionaries } = this.#plan;
    if (dictionaries.length === 0) return this.#tail;
    const body = this.#body;
    const written = new DictionaryWriter(dictionaries, body).write(columns, batch.data.children, this.#tail, limit);
    this.#dictionaries.length = 0;
    if (written.tail > limit) return written.tail;
    messagesInForce(body.views, written.dictionarySet, dictionaries.length).forEach(({ start, bytes }, i) => {
      const header = dictionaries.find(({ index }) => index === i)?.template.bytes.byteLength ?? 0;
      this.#dictionaries.push(blockOf(start, header, bytes));
    });
    return written.tail;
  }

  #joined(): RecordBatchLike {
    const { schema } = this.#plan;
    const rows = this.#waiting.reduce((sum, batch) => sum + batch.numRows, 0);
    const children = schema.fields.map(({ type }, i): Data => {
      return concatData(
        type,
        this.#waiting.map(({ data }) => data.children[i]).filter((child) => child !== undefined),
      );
    });
    return recordBatch(schema, new Struct(schema.fields), rows, children);
  }

  #grow(needed: number): void {
    if (needed > MAX_BYTES) {
      throw new TooLargeError(`the rows take ${needed} bytes as an Arrow file; expected at most ${MAX_BYTES}`);
    }
    const old = this.#body.views.u8;
    const grown = bodyWriter(new ArrayBuffer(Math.min(MAX_BYTES, aligned(Math.max(2 * old.length, needed)))));
    grown.views.u8.set(old.subarray(0, this.#tail));
    this.#body = grown;
  }
}

/** On memory that is all zeros. */
function bodyWriter(buffer: ArrayBuffer): BodyWriter {
  const views: ArenaViews = {
    buffer,
    u8: new Uint8Array(buffer),
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
    f64: new Float64Array(buffer),
  };
  return new BodyWriter(views, new PlainKernels(buffer), 0, () => {});
}

function blockOf(start: number, headerBytes: number, bytes: number): FileBlock {
  return new FileBlock(headerBytes, bytes - headerBytes, start);
}
