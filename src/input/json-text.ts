/**
 * Parsing JSON without losing whole numbers that a JavaScript number cannot hold: those come back as bigints.
 *
 * Time is linear in the text, and the stack is not at its mercy: nesting is bounded before anything recurses into it.
 *
 * @module
 */

import { randomUUID } from "node:crypto";

/** Deepest nesting; JSON.parse with a reviver and JSON.stringify recurse. */
const MAX_DEPTH = 500;
/** Texts without so many digits in a row hold no number that needs care; looking is much cheaper than parsing with care. */
const LONG_NUMBER = /\d{16}/;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
const WHOLE = /^-?\d+$/;
const mark = `${randomUUID()}:`;

const CODE = { quote: 34, minus: 45, zero: 48, nine: 57, escape: 92 } as const;
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);

/** Parses one JSON text. @throws SyntaxError, also when it is nested more than 500 levels deep */
export function parseJson(text: string): unknown {
  if (text.length > 2 * MAX_DEPTH) checkDepth(text);
  const value: unknown = JSON.parse(text);
  if (!LONG_NUMBER.test(text)) return value;
  return JSON.parse(marked(text), (_, inner: unknown) =>
    typeof inner === "string" && inner.startsWith(mark) ? BigInt(inner.slice(mark.length)) : inner,
  );
}

/** Valid JSON with every whole number that would lose digits turned into a marked string. */
function marked(text: string): string {
  const parts: string[] = [];
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === CODE.quote) {
      at = endOfString(text, at);
    } else if (code === CODE.minus || (code >= CODE.zero && code <= CODE.nine)) {
      NUMBER.lastIndex = at;
      const token = NUMBER.exec(text)?.[0] ?? "-";
      if (WHOLE.test(token) && !Number.isSafeInteger(Number(token))) {
        parts.push(text.slice(from, at), `"${mark}${token}"`);
        from = at + token.length;
      }
      at += token.length;
    } else {
      at += 1;
    }
  }
  parts.push(text.slice(from));
  return parts.join("");
}

function checkDepth(text: string): void {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === CODE.quote) at = endOfString(text, at) - 1;
    else if (OPEN.has(code)) depth += 1;
    else if (CLOSE.has(code)) depth -= 1;
    if (depth > MAX_DEPTH) throw new SyntaxError(`it is nested more than ${MAX_DEPTH} levels deep`);
  }
}

/** Place behind the closing quote of the string that begins at `start`; the end of the text when there is none. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let escapes = 0;
    while (quote - 1 - escapes > start && text.charCodeAt(quote - 1 - escapes) === CODE.escape) escapes += 1;
    if (escapes % 2 === 0) return quote + 1;
  }
  return text.length;
}
