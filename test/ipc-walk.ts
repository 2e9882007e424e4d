/**
 * Takes an Arrow IPC stream apart message by message, with apache-arrow's own decoder for the metadata.
 *
 * @module
 */
import { Message, MessageHeader } from "apache-arrow";

/** A field node or a buffer, as the metadata has it. */
interface BatchHeader {
  readonly length: number;
  readonly nodes: readonly { readonly length: number; readonly nullCount: number }[];
  readonly buffers: readonly { readonly offset: number; readonly length: number }[];
}

/** One message of a stream. */
export interface WalkedMessage {
  /** First byte of it in the stream. */
  readonly start: number;
  /** Header with prefix and padding, then body. */
  readonly header: Uint8Array;
  readonly body: Uint8Array;
  /** Id of the dictionary that the message defines. */
  readonly dictionaryId: number | undefined;
  readonly batch: BatchHeader;
}

/**
 * All messages after the schema message.
 *
 * @throws Error when the bytes are anything but messages without a gap, then the end of the stream
 */
export function walk(stream: Uint8Array): WalkedMessage[] {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  const messages: WalkedMessage[] = [];
  for (let start = 0; ; ) {
    if (view.getUint32(start, true) !== 0xffffffff) throw new Error(`no message at byte ${start}`);
    const metadataBytes = view.getUint32(start + 4, true);
    if (metadataBytes === 0) {
      if (start + 8 !== stream.byteLength) throw new Error("bytes after the end of the stream");
      return messages;
    }
    const body = start + 8 + metadataBytes;
    const message = Message.decode(stream.slice(start + 8, body));
    const end = body + Number(message.bodyLength);
    if (end > stream.byteLength) throw new Error(`the message at ${start} ends at ${end}, past the stream`);
    if (start > 0) {
      const header: unknown = message.header();
      messages.push({
        start,
        header: stream.subarray(start, body),
        body: stream.subarray(body, end),
        dictionaryId: message.headerType === MessageHeader.DictionaryBatch ? idOf(header) : undefined,
        batch: batchOf(header),
      });
    }
    start = end;
  }
}

function batchOf(header: unknown): BatchHeader {
  if (!isObject(header)) throw new Error("a message without a header");
  const batch = "data" in header ? header["data"] : header;
  if (!isBatch(batch)) throw new Error("a message that is no batch");
  return batch;
}

function idOf(header: unknown): number {
  return isObject(header) ? Number(header["id"]) : Number.NaN;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isBatch(value: unknown): value is BatchHeader {
  return isObject(value) && Array.isArray(value["nodes"]) && Array.isArray(value["buffers"]);
}
