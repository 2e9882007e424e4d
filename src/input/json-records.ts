/**
 * JSON texts out of a stream of bytes: one a line (NDJSON), or the elements of one top-level array, which may span lines.
 *
 * One record is in memory at a time, of at most 16 MiB.
 *
 * @module
 */

import { isUtf8 } from "node:buffer";
import { CorruptError, UsageError } from "../errors.js";
import type { ByteSource } from "./byte-source.js";

/** Longest record in bytes. */
const MAX_RECORD_BYTES = 16 * 1024 * 1024;

/** One record: its text, and the line on which it begins. */
export interface JsonRecord {
  readonly text: string;
  readonly line: number;
}

const BYTE = {
  tab: 9,
  newline: 10,
  return: 13,
  space: 32,
  quote: 34,
  comma: 44,
  open: 91,
  escape: 92,
  close: 93,
} as const;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

/** All records of a source, in order. @throws UsageError naming the line. */
export async function* jsonRecords(source: ByteSource): AsyncGenerator<JsonRecord> {
  const head = await source.peek(64 * 1024);
  const mark = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
  if (mark > 0) await source.read(mark);
  const isArray = head.subarray(mark).find((byte) => !isBlank(byte)) === BYTE.open;
  const pieces = new Pieces(source.name);
  yield* isArray ? elements(source, pieces) : lines(source, pieces);
}

/** The bytes of the record at hand, over as many chunks as it takes. */
class Pieces {
  readonly name: string;
  line = 1;
  startLine = 1;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(name: string) {
    this.name = name;
  }

  add(part: Uint8Array): void {
    if (part.length === 0) return;
    this.#parts.push(part);
    this.#bytes += part.length;
    if (this.#bytes > MAX_RECORD_BYTES) {
      throw new UsageError(`${this.name}: line ${this.startLine}: a record is longer than ${MAX_RECORD_BYTES} bytes`);
    }
  }

  /** The record, and starts anew; undefined when it is blank. */
  take(): JsonRecord | undefined {
    const [first] = this.#parts;
    const bytes = this.#parts.length === 1 && first !== undefined ? first : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    if (!isUtf8(bytes))
      throw new UsageError(`${this.name}: line ${this.startLine} is not valid UTF-8; convert the file to UTF-8`);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8").trim();
    return text === "" ? undefined : { text, line: this.startLine };
  }
}

function* linesOf(chunk: Uint8Array, pieces: Pieces): Generator<JsonRecord> {
  let start = 0;
  for (let end = chunk.indexOf(BYTE.newline); end >= 0; end = chunk.indexOf(BYTE.newline, start)) {
    pieces.add(chunk.subarray(start, end));
    const record = pieces.take();
    if (record !== undefined) yield record;
    pieces.line += 1;
    pieces.startLine = pieces.line;
    start = end + 1;
  }
  pieces.add(chunk.subarray(start));
}

async function* lines(source: ByteSource, pieces: Pieces): AsyncGenerator<JsonRecord> {
  for (let chunk = await source.chunk(); chunk !== undefined; chunk = await source.chunk())
    yield* linesOf(chunk, pieces);
  const record = pieces.take();
  if (record !== undefined) yield record;
}

async function* elements(source: ByteSource, pieces: Pieces): AsyncGenerator<JsonRecord> {
  const scanner = new ArrayScanner(pieces);
  for (let chunk = await source.chunk(); chunk !== undefined; chunk = await source.chunk()) yield* scanner.scan(chunk);
  if (!scanner.ended)
    throw new CorruptError(`${source.name}: line ${pieces.line}: the array is cut off before its "]"`);
}

/** Splits an array at the commas between its elements; whether each is valid JSON is for the parser to say. */
class ArrayScanner {
  readonly #pieces: Pieces;
  /** 0 before the array, 1 between its elements, more inside one. */
  #depth = 0;
  #inString = false;
  #escaped = false;
  #inElement = false;
  #afterComma = false;
  ended = false;

  constructor(pieces: Pieces) {
    this.#pieces = pieces;
  }

  *scan(chunk: Uint8Array): Generator<JsonRecord> {
    const pieces = this.#pieces;
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      if (byte === BYTE.newline) pieces.line += 1;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BYTE.escape) this.#escaped = true;
        else if (byte === BYTE.quote) this.#inString = false;
        continue;
      }
      if (isBlank(byte)) continue;
      if (this.ended) throw this.#unexpected(byte, "after the end of the array");
      if (this.#depth === 0) {
        this.#depth = 1;
        continue;
      }
      if (this.#depth === 1 && (byte === BYTE.comma || byte === BYTE.close)) {
        if (this.#inElement) {
          pieces.add(chunk.subarray(start, at));
          const record = pieces.take();
          if (record !== undefined) yield record;
        } else if (byte === BYTE.comma || this.#afterComma) {
          throw this.#unexpected(byte, "where an object should be");
        }
        this.#inElement = false;
        this.#afterComma = byte === BYTE.comma;
        this.ended = byte === BYTE.close;
        continue;
      }
      if (!this.#inElement) {
        this.#inElement = true;
        pieces.startLine = pieces.line;
        start = at;
      }
      if (byte === BYTE.quote) this.#inString = true;
      else if (byte === BYTE.open || byte === OPEN_OBJECT) this.#depth += 1;
      else if (byte === BYTE.close || byte === CLOSE_OBJECT) this.#depth -= 1;
      if (this.#depth < 1) throw this.#unexpected(byte, "in the array");
    }
    if (this.#inElement) pieces.add(chunk.subarray(start));
  }

  #unexpected(byte: number, where: string): UsageError {
    const { name, line } = this.#pieces;
    return new UsageError(`${name}: line ${line}: unexpected ${JSON.stringify(String.fromCharCode(byte))} ${where}`);
  }
}

function isBlank(byte: number): boolean {
  return byte === BYTE.space || byte === BYTE.newline || byte === BYTE.return || byte === BYTE.tab;
}
