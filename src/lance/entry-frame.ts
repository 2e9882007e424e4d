/**
 * The outer parts of an entry's bytes: schema message, run of messages, end of stream.
 *
 * ```
 *   0                headerEnd              runEnd
 *   │ schema message │ messages of batches  │ FF FF FF FF 00 00 00 00 │ zeros, if any
 * ```
 *
 * Zeros behind the end are legal: Lance reads a file that was made longer than its contents.
 *
 * @module
 */
import { CorruptError } from "../errors.js";

/** Bytes of the marker of continuation or of the end, and of the length behind it. */
export const PREFIX_BYTES = 8;
export const CONTINUATION = 0xffffffff;
/** Largest buffer whose bytes the words of a header can address. */
const MAX_BUFFER_BYTES = 0xffffffff;

/** The bytes of an entry, at an address from which 64-bit numbers can be read. */
export interface EntryBytes {
  readonly bytes: Uint8Array;
  /** Words of the buffer under them, from its start. */
  readonly u32: Uint32Array;
  /** Address of the first byte in that buffer; a multiple of 8. */
  readonly base: number;
}

/** Bytes [from, to) of an entry: the part that is being read, for errors to name. */
export interface Span {
  from: number;
  to: number;
  /** What to do about what is wrong there. @default {@link DAMAGE_ADVICE} */
  advice?: string;
}

/** What to do about a damaged entry. */
export const DAMAGE_ADVICE = "restore the file from a copy, or set it aside with `pennon repair`";
/** What to do about an entry that is sound, of a table that is another by now. */
export const COLUMNS_ADVICE = "the table's columns were changed while the log held rows; change them back";

/** `error`, if it is a `CorruptError`, with the file's name and the byte range in front, and advice behind. */
export function namingEntry(error: unknown, key: string, { from, to, advice = DAMAGE_ADVICE }: Span): unknown {
  if (!(error instanceof CorruptError)) return error;
  return new CorruptError(`${key}: bytes ${from} to ${to}: ${error.message}; ${advice}`, { cause: error });
}

/** Views on `bytes`, which are copied when they lie at an odd address. @throws CorruptError when they are more than an entry can have */
export function entryBytes(bytes: Uint8Array): EntryBytes {
  if (bytes.length > MAX_BUFFER_BYTES) throw new CorruptError("the file has 4 GiB or more; expected far less");
  const inPlace = bytes.byteOffset % 8 === 0 && bytes.buffer.byteLength <= MAX_BUFFER_BYTES;
  // A plain array in either case: `slice` of a Node.js Buffer is no copy.
  const plain = inPlace ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new Uint8Array(bytes);
  const { buffer, byteOffset, byteLength } = plain;
  return { bytes: plain, u32: new Uint32Array(buffer, 0, (byteOffset + byteLength) >>> 2), base: byteOffset };
}

/** End of the schema message. @throws CorruptError */
export function headerEnd({ bytes, u32, base }: EntryBytes): number {
  const { length } = bytes;
  if (length === 0) throw new CorruptError("the file is empty; expected an Arrow stream");
  const [marker, metadataBytes] = [u32[base >>> 2], u32[(base >>> 2) + 1]];
  if (length < PREFIX_BYTES || marker === undefined || metadataBytes === undefined) {
    throw new CorruptError("the file is cut off in its schema message");
  }
  if (marker !== CONTINUATION) {
    throw new CorruptError(
      `it starts with the word ${marker.toString(16)}; expected ffffffff, the start of an Arrow stream`,
    );
  }
  const end = PREFIX_BYTES + metadataBytes;
  if (end > length) throw new CorruptError(`the schema message ends at byte ${end}, behind the end of the file`);
  if (end % 8 === 0 && end > PREFIX_BYTES) return end;
  throw new CorruptError(`the schema message states ${metadataBytes} bytes; expected a multiple of 8`);
}

/**
 * Start of the end-of-stream marker, looked for from the end of the file; undefined when there is none.
 *
 * @param from end of the schema message
 */
export function runEnd({ bytes }: EntryBytes, from: number): number | undefined {
  let last = bytes.length - 5;
  // A whole entry ends with the marker. Otherwise the last byte that is not zero has to be the marker's.
  if (bytes[last] !== 0xff || !isZero(bytes, last + 1)) {
    last = bytes.length - 1;
    while (last >= from && bytes[last] === 0) last--;
  }
  const start = last - 3;
  const marked =
    start >= from &&
    start % 8 === 0 &&
    start + PREFIX_BYTES <= bytes.length &&
    bytes[start] === 0xff &&
    bytes[start + 1] === 0xff &&
    bytes[start + 2] === 0xff &&
    bytes[last] === 0xff;
  return marked ? start : undefined;
}

/** True when all bytes from `from` on are zero. */
export function isZero(bytes: Uint8Array, from: number): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}
