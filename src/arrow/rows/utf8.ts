/**
 * Strings ⇄ UTF-8, fast for short ones.
 *
 * Methods of Node's Buffer take half the time of the encoding API for them, and work on shared memory; where they are missing
 * TextEncoder and TextDecoder serve.
 *
 * @module
 */

/** Up to this many units a loop beats a call into native code. */
const FEW = 12;
const LONE_SURROGATE = /[\ud800-\udfff]/u;
const LONE_SURROGATES = /[\ud800-\udfff]/gu;
/** A method of strings that Node 20 has, and the types of ES2023 do not. */
const isWellFormed: ((this: string) => boolean) | undefined = Reflect.get(String.prototype, "isWellFormed");

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

type Utf8Write = (this: Uint8Array, text: string, start: number) => number;
type Utf8Slice = (this: Uint8Array, start: number, end: number) => string;

const utf8Write = bufferMethod<Utf8Write>("utf8Write", (method) => {
  const bytes = new Uint8Array(8);
  return method.call(bytes, "aé😀", 1) === 7 && bytes.join() === "0,97,195,169,240,159,152,128";
});
const utf8Slice = bufferMethod<Utf8Slice>("utf8Slice", (method) => {
  const bytes = new Uint8Array(new SharedArrayBuffer(12));
  bytes.set([97, 0xef, 0xbb, 0xbf, 195, 169, 240, 159, 152, 128], 1);
  return method.call(bytes, 1, 11) === "a\ufeffé😀";
});

/**
 * Writes `text` from `start` on, where there must be room for three bytes for each of its units.
 *
 * @returns bytes written: those of U+FFFD for each lone surrogate
 */
export function encodeUtf8(text: string, into: Uint8Array, start: number): number {
  const { length } = text;
  if (length > FEW) return encodeMany(text, into, start);
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return encodeMany(text, into, start);
    into[start + i] = unit;
  }
  return length;
}

/** The string in bytes [start, end) of `bytes`, which may be shared; a byte that is not UTF-8 becomes U+FFFD. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > FEW) return decodeMany(bytes, start, end);
  let text = "";
  for (let i = start; i < end; i++) {
    const unit = bytes[i] ?? 0;
    if (unit >= 0x80) return decodeMany(bytes, start, end);
    text += String.fromCharCode(unit);
  }
  return text;
}

/** Whether `text` has half of a surrogate pair. */
export function hasLoneSurrogate(text: string): boolean {
  return isWellFormed === undefined ? LONE_SURROGATE.test(text) : !isWellFormed.call(text);
}

/** `text` with U+FFFD for each lone surrogate. */
export function wellFormed(text: string): string {
  return hasLoneSurrogate(text) ? text.replace(LONE_SURROGATES, "\ufffd") : text;
}

/** Bytes of `text` in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      bytes += 4;
      i += 1;
    } else bytes += 3;
  }
  return bytes;
}

function encodeMany(text: string, into: Uint8Array, start: number): number {
  return utf8Write === undefined
    ? encoder.encodeInto(text, into.subarray(start)).written
    : utf8Write.call(into, text, start);
}

function decodeMany(bytes: Uint8Array, start: number, end: number): string {
  return utf8Slice === undefined ? decoder.decode(bytes.slice(start, end)) : utf8Slice.call(bytes, start, end);
}

/** A method of Buffer that is not documented: undefined unless it is there and does what is expected of it. */
function bufferMethod<M>(name: string, works: (method: M) => boolean): M | undefined {
  try {
    const method: M | undefined = Reflect.get(Buffer.prototype, name);
    return method !== undefined && works(method) ? method : undefined;
  } catch {
    return undefined;
  }
}
