/**
 * Arrow IPC messages as templates: every message of one schema has a metadata flatbuffer of the same shape, in which only some
 * words differ. So the flatbuffer is written once, by hand, and each message copies it and patches the words. No
 * flatbuffers library runs on the path of an append, and the same words are read back as the table of buffers.
 *
 * The bytes, by 32-bit word from the start of the message, which lies on a 64-byte boundary; n field nodes, b buffers:
 *
 * ```
 *   0  0xFFFFFFFF  continuation marker            1  bytes of metadata = message header − 8
 *   2  root → Message                             3  vtables of Message and RecordBatch (bytes 12..34)
 *   9  Message table: vtable, 10 version V5 and header type, 11 → header, 12-13 body length
 *  16  RecordBatch table: vtable, 17 → nodes, 18-19 rows, 20 → buffers
 *  21  n        22 + 4i   node i: length (2 words), null count (2 words)
 *  22 + 4n pad, 23 + 4n  b      24 + 4n + 4j   buffer j: offset in the body (2 words), length (2 words)
 *      zeros up to a multiple of 64 bytes; then the body
 * ```
 *
 * A dictionary batch is the same, with a DictionaryBatch table at word 14 (15 → RecordBatch, 16-17 id, 18 isDelta, its vtable at
 * byte 80) and everything from the RecordBatch table on moved up by 8 words.
 *
 * All high words stay 0: an arena holds at most 4 GiB. Every field is present even when 0, so that it can be patched.
 * Source: Arrow columnar format, "Encapsulated message format"; Message.fbs, Schema.fbs; FlatBuffers internals.
 *
 * @module
 */

/** Messages, bodies and buffers start on multiples of this many bytes. */
export const ALIGNMENT = 64;

/** `bytes` rounded up to a multiple of {@link ALIGNMENT}; exact for any safe integer. */
export function aligned(bytes: number): number {
  if (bytes < 0x40000000) return (bytes + ALIGNMENT - 1) & -ALIGNMENT;
  const rest = bytes % ALIGNMENT;
  return rest === 0 ? bytes : bytes + ALIGNMENT - rest;
}

/** The end-of-stream marker of the IPC stream format. */
export const END_OF_STREAM: Readonly<Uint8Array> = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);

const WORD_BODY_LENGTH = 12;
const DICTIONARY_SHIFT = 8;
const METADATA_V5 = 4;
const HEADER_DICTIONARY_BATCH = 2;
const HEADER_RECORD_BATCH = 3;

/** Where the words of one schema's messages lie. */
export class MessageTemplate {
  /** The header's bytes: prefix, flatbuffer and padding, with all patched words 0. */
  readonly bytes: Uint8Array;
  /** Word of the body's length. */
  readonly bodyLengthWord = WORD_BODY_LENGTH;
  /** Word of the batch's rows. */
  readonly rowsWord: number;
  /** Word of node 0's length; its null count is 2 words on, the next node 4 words on. */
  readonly nodesWord: number;
  /** Word of buffer 0's offset; its length is 2 words on, the next buffer 4 words on. */
  readonly buffersWord: number;
  readonly nodeCount: number;
  readonly bufferCount: number;

  /**
   * @param nodeCount field nodes of the batch
   * @param bufferCount buffers of the batch
   * @param dictionaryId for a dictionary batch: the id it defines
   */
  constructor(nodeCount: number, bufferCount: number, dictionaryId?: number) {
    const shift = dictionaryId === undefined ? 0 : DICTIONARY_SHIFT;
    this.nodeCount = nodeCount;
    this.bufferCount = bufferCount;
    this.rowsWord = 18 + shift;
    this.nodesWord = 22 + shift;
    this.buffersWord = 24 + shift + 4 * nodeCount;
    const bytes = aligned(4 * (this.buffersWord + 4 * bufferCount));
    this.bytes = new Uint8Array(bytes);
    const view = new DataView(this.bytes.buffer);
    const u32 = (at: number, value: number): void => view.setUint32(at, value, true);
    const u16s = (at: number, ...values: number[]): void =>
      values.forEach((value, i) => {
        view.setUint16(at + 2 * i, value, true);
      });

    u32(0, 0xffffffff);
    u32(4, bytes - 8);
    u32(8, 36 - 8);
    u16s(12, 12, 20, 4, 6, 8, 12); // Message: version, header type, header, body length
    u16s(24, 10, 20, 8, 4, 16); // RecordBatch: length, nodes, buffers
    u32(36, 36 - 12);
    view.setInt16(40, METADATA_V5, true);
    view.setUint8(42, dictionaryId === undefined ? HEADER_RECORD_BATCH : HEADER_DICTIONARY_BATCH);
    if (dictionaryId === undefined) {
      u32(44, 64 - 44);
    } else {
      u32(44, 56 - 44);
      u16s(80, 10, 20, 8, 4, 16); // DictionaryBatch: id, data, isDelta
      view.setInt32(56, 56 - 80, true);
      u32(60, 96 - 60);
      u32(64, dictionaryId);
    }
    const table = 64 + 4 * shift;
    u32(table, table - 24);
    u32(table + 4, 84 + 4 * shift - (table + 4));
    const bufferCountAt = 4 * this.buffersWord - 4;
    u32(table + 16, bufferCountAt - (table + 16));
    u32(table + 20, nodeCount);
    u32(bufferCountAt, bufferCount);
  }
}
