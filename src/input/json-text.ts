/**
 * Parsing JSON without losing whole numbers that a JavaScript number cannot hold: those come back as bigints.
 *
 * @module
 */

import { randomUUID } from "node:crypto";

/** Texts without so many digits in a row hold no number that needs care; looking is much cheaper than parsing with care. */
const LONG_NUMBER = /\d{16}/;
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;
const WHOLE = /^-?\d+$/;
const mark = `${randomUUID()}:`;

/** Parses one JSON text. @throws SyntaxError */
export function parseJson(text: string): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  const marked = text.replace(TOKEN, (token) =>
    WHOLE.test(token) && !Number.isSafeInteger(Number(token)) ? `"${mark}${token}"` : token,
  );
  return JSON.parse(marked, (_, value: unknown) =>
    typeof value === "string" && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value,
  );
}
