/**
 * Checking that a stream of text is UTF-8, chunk by chunk, and naming the line where it is not.
 *
 * @module
 */

import { isUtf8 } from "node:buffer";
import { UsageError } from "../errors.js";

const NEWLINE = 10;
const LONGEST_SEQUENCE = 4;

/** Feed it every chunk, then `end`. */
export class Utf8Lines {
  readonly #name: string;
  /** The beginning of a character that the next chunk should end. */
  #carry: Uint8Array = new Uint8Array(0);
  #line = 1;

  constructor(name: string) {
    this.#name = name;
  }

  /** @throws UsageError naming the line of the first byte that is not UTF-8. */
  check(chunk: Uint8Array): void {
    const bytes = this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk]);
    const whole = bytes.length - unfinished(bytes);
    const text = bytes.subarray(0, whole);
    if (!isUtf8(text)) this.#fail(text);
    this.#line += countNewlines(text);
    this.#carry = bytes.slice(whole);
  }

  /** @throws UsageError when the text ended inside a character. */
  end(): void {
    if (this.#carry.length > 0) this.#fail(this.#carry);
  }

  #fail(text: Uint8Array): never {
    let line = this.#line;
    let start = 0;
    for (
      let end = text.indexOf(NEWLINE);
      end >= 0 && isUtf8(text.subarray(start, end));
      end = text.indexOf(NEWLINE, start)
    ) {
      start = end + 1;
      line += 1;
    }
    throw new UsageError(`${this.#name}: line ${line} is not valid UTF-8; convert the file to UTF-8`);
  }
}

/** Bytes at the end that begin a character without ending it: 0 to 3. */
function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back < LONGEST_SEQUENCE && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < sequenceLength(byte) ? back : 0;
  }
  return 0;
}

function sequenceLength(lead: number): number {
  return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
}

function countNewlines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}
