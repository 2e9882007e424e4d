/**
 * Framing of Arrow IPC: one message at a time out of a stream of bytes.
 *
 * ```text
 * stream:  message* │ end-of-stream (FF FF FF FF, int32 0) or simply the end
 * message: FF FF FF FF │ int32 metadata bytes │ metadata (a flatbuffer) │ body        (before version 0.15 without the first word)
 * file:    "ARROW1", 2 bytes of padding │ a stream │ footer │ int32 footer bytes │ "ARROW1"
 * ```
 *
 * A file is read forward as the stream it contains; its footer, which only serves random access, is passed over.
 *
 * @module
 */

import { CorruptError } from "../errors.js";
import { FlatTable } from "./arrow-flatbuffer.js";
import type { ByteSource } from "./byte-source.js";

/** Bytes in front of the first message of a file. */
export const MAGIC_BYTES = 8;
/** Most bytes of the metadata of one message. */
export const MAX_METADATA_BYTES = 16 * 1024 * 1024;
export const FILE_MAGIC = "ARROW1";
/** Most bytes behind the end of the messages: a footer, or zeros. A pipe need not end by itself. */
const MAX_TAIL_BYTES = 64 * 1024 * 1024;

/** Kinds of message (Arrow's `MessageHeader`). */
export const HEADER = { schema: 1, dictionaryBatch: 2, recordBatch: 3 } as const;

/** One message as it lay in the stream. */
export interface Message {
  /** Byte offset of the message in the source. */
  readonly offset: number;
  readonly version: number;
  readonly kind: number;
  readonly header: FlatTable;
  readonly body: Uint8Array<ArrayBuffer>;
}

export class MessageReader {
  readonly #source: ByteSource;
  readonly #maxBodyBytes: number;
  #file: boolean | undefined;

  constructor(source: ByteSource, maxBodyBytes: number) {
    this.#source = source;
    this.#maxBodyBytes = maxBodyBytes;
  }

  /**
   * The next message; undefined at the end.
   *
   * @throws CorruptError for lengths out of bounds, a message that is cut off, bytes after the end of a stream.
   */
  async next(): Promise<Message | undefined> {
    this.#file ??= await this.#skipMagic();
    const offset = this.#source.position;
    const length = await this.#metadataLength();
    if (length === undefined) return undefined;
    const metadata = await this.#exactly(length, "metadata");
    const table = FlatTable.root(metadata);
    const header = table.table(2);
    if (header === undefined) throw new CorruptError("the message has no header");
    const bodyLength = table.int64(3);
    if (bodyLength < 0 || bodyLength > this.#maxBodyBytes) {
      throw new CorruptError(
        `the message states a body of ${bodyLength} bytes; expected 0 to ${this.#maxBodyBytes} (maxMessageBytes)`,
      );
    }
    const body = await this.#exactly(bodyLength, "body");
    return { offset, version: table.int16(0), kind: table.uint8(1), header, body };
  }

  /** Length of the next metadata; undefined at the end, whose rightness is checked. */
  async #metadataLength(): Promise<number | undefined> {
    const word = await this.#source.read(4);
    if (word.length === 0) {
      if (this.#file) throw new CorruptError("the file is cut off: it ends without its footer");
      return undefined;
    }
    const first = word.length === 4 ? new DataView(word.buffer).getInt32(0, true) : -2;
    const length = first === -1 ? new DataView((await this.#exactly(4, "length")).buffer).getInt32(0, true) : first;
    if (length === 0) {
      await this.#checkEnd();
      return undefined;
    }
    if (length >= 8 && length <= MAX_METADATA_BYTES) return length;
    throw new CorruptError(
      first === -2
        ? "the data is cut off in the middle of a message"
        : `the message states ${length} bytes of metadata; expected 8 to ${MAX_METADATA_BYTES}`,
    );
  }

  /** Behind the end of a file lies its footer, behind that of a stream nothing, or zeros. */
  async #checkEnd(): Promise<void> {
    const at = this.#source.position;
    let tail = Buffer.alloc(0);
    for (let chunk = await this.#source.chunk(); chunk !== undefined; chunk = await this.#source.chunk()) {
      if (!this.#file && chunk.some((byte) => byte !== 0)) {
        throw new CorruptError(
          `bytes follow the end of the stream at byte ${at}; expected one stream and nothing after it`,
        );
      }
      if (this.#source.position - at > MAX_TAIL_BYTES) {
        throw new CorruptError(`more than ${MAX_TAIL_BYTES} bytes follow the end of the messages at byte ${at}`);
      }
      tail = Buffer.concat([tail, chunk.subarray(-FILE_MAGIC.length)]).subarray(-FILE_MAGIC.length);
    }
    if (this.#file && tail.toString("latin1") !== FILE_MAGIC) {
      throw new CorruptError(`the file is cut off: it does not end with ${FILE_MAGIC}`);
    }
  }

  async #skipMagic(): Promise<boolean> {
    const head = await this.#source.peek(MAGIC_BYTES);
    if (Buffer.from(head.subarray(0, 6)).toString("latin1") !== FILE_MAGIC) return false;
    await this.#exactly(MAGIC_BYTES, "magic");
    return true;
  }

  async #exactly(count: number, what: string): Promise<Uint8Array<ArrayBuffer>> {
    const { totalBytes, gunzipped, position } = this.#source;
    const left = totalBytes === undefined || gunzipped ? count : totalBytes - position;
    const bytes = count <= left ? await this.#source.read(count) : undefined;
    if (bytes?.length === count) return bytes;
    throw new CorruptError(`the data is cut off: ${count} bytes of ${what} should follow byte ${position}`);
  }
}
