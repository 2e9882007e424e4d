/**
 * Values that a user gave, as they are named in error messages: on one line, short whatever the value is.
 *
 * @module
 */
import { isDate } from "./value-kinds.js";

const MOST_CHARACTERS = 40;

/** What `value` is: small ones as they would be written, large ones by their kind and size. */
export function valueName(value: unknown): string {
  switch (typeof value) {
    case "string":
      return quoted(value);
    case "bigint":
      return cut(`${value}n`);
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "object":
      return value === null ? "null" : objectName(value);
    case "function":
      return "a function";
    default:
      return String(value);
  }
}

function objectName(value: object): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (ArrayBuffer.isView(value)) return withArticle(`${tagOf(value)} of ${elementsOf(value)}`);
  if (isDate(value)) return Number.isNaN(value.getTime()) ? "an invalid Date" : `the Date ${value.toISOString()}`;
  const tag = tagOf(value);
  return tag === "Object" ? "an object" : withArticle(tag);
}

/** `Map`, `Promise`, `Float32Array`: what the value says it is, `Object` where it says nothing. */
function tagOf(value: object): string {
  return cut(Object.prototype.toString.call(value).slice("[object ".length, -1));
}

function elementsOf(view: ArrayBufferView): string {
  const length: unknown = Reflect.get(view, "length");
  return typeof length === "number" ? String(length) : `${view.byteLength} bytes`;
}

function withArticle(noun: string): string {
  return /^[AEIOU]/i.test(noun) && !noun.startsWith("Uint") ? `an ${noun}` : `a ${noun}`;
}

function quoted(text: string): string {
  return text.length > MOST_CHARACTERS ? `${JSON.stringify(text.slice(0, MOST_CHARACTERS))}…` : JSON.stringify(text);
}

function cut(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}
