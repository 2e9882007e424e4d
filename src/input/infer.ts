/**
 * Guessing column types from the first rows of text formats.
 *
 * | seen in a column | CSV | JSON |
 * |---|---|---|
 * | whole numbers of 64 bits, no leading zeros | int64 | int64 |
 * | numbers, some with a fraction or exponent | float64 | float64 |
 * | true, false | bool | bool |
 * | ISO 8601 times, all with a zone / all without | timestamp[µs, UTC] / timestamp[µs] | utf8 (JSON has no times) |
 * | objects, arrays | | struct, list |
 * | anything else, or a mix | utf8 | utf8; values that are not strings as their JSON text |
 * | nothing but nulls | utf8 | utf8, as a mix |
 *
 * @module
 */

import { Bool, type DataType, Field, Float64, Int64, List, Struct, Timestamp, TimeUnit, Utf8 } from "apache-arrow";
import { parseIsoTime } from "./iso-time.js";
import { isJsonObject } from "./json-object.js";
import { fitsInt64, parseBoolean, parseFloatText, parseInteger } from "./scalar-text.js";

/** Rows that are looked at. */
export const SAMPLE_ROWS = 10_000;
/** Bytes of rows that are looked at. */
export const SAMPLE_BYTES = 8 * 1024 * 1024;
/** Deepest nesting of a JSON value. */
const MAX_DEPTH = 64;

type TextKind = "int64" | "float64" | "bool" | "zoned" | "local" | "utf8";

/** What a column of texts has held so far. */
export class TextGuess {
  #kind: TextKind | undefined;

  observe(text: string): void {
    if (text === "" || this.#kind === "utf8") return;
    const kind = kindOfText(text);
    const both = new Set([kind, this.#kind]);
    if (this.#kind === undefined || kind === this.#kind) this.#kind = kind;
    else this.#kind = both.has("int64") && both.has("float64") ? "float64" : "utf8";
  }

  type(): DataType {
    switch (this.#kind) {
      case "int64":
        return new Int64();
      case "float64":
        return new Float64();
      case "bool":
        return new Bool();
      case "zoned":
        return new Timestamp(TimeUnit.MICROSECOND, "UTC");
      case "local":
        return new Timestamp(TimeUnit.MICROSECOND, null);
      default:
        return new Utf8();
    }
  }
}

function kindOfText(text: string): TextKind {
  const whole = parseInteger(text);
  if (whole !== undefined) return fitsInt64(whole) ? "int64" : "utf8";
  if (/^-?\d+$/.test(text)) return "utf8";
  if (parseFloatText(text) !== undefined) return "float64";
  if (parseBoolean(text) !== undefined) return "bool";
  const time = parseIsoTime(text);
  if (time === undefined || time.digits > 6) return "utf8";
  return time.zoned ? "zoned" : "local";
}

type JsonKind = "int64" | "float64" | "bool" | "utf8" | "struct" | "list" | "mixed";

/** What a JSON field has held so far. */
export class JsonGuess {
  readonly #depth: number;
  #kind: JsonKind | undefined;
  #fields = new Map<string, JsonGuess>();
  #element: JsonGuess | undefined;

  constructor(depth = 0) {
    this.#depth = depth;
  }

  observe(value: unknown): void {
    if (value === null || this.#kind === "mixed") return;
    const kind = this.#depth >= MAX_DEPTH ? "mixed" : kindOfJson(value);
    const both = new Set([kind, this.#kind]);
    if (this.#kind === undefined || kind === this.#kind) this.#kind = kind;
    else this.#kind = both.has("int64") && both.has("float64") ? "float64" : "mixed";
    if (this.#kind === "struct" && isJsonObject(value)) this.#observeFields(value);
    if (this.#kind === "list" && Array.isArray(value)) {
      this.#element ??= new JsonGuess(this.#depth + 1);
      for (const inner of value) this.#element.observe(inner);
    }
  }

  /** The type; those that take any JSON value as text are added to `jsonText`. */
  type(jsonText: Set<DataType>): DataType {
    switch (this.#kind) {
      case "int64":
        return new Int64();
      case "float64":
        return new Float64();
      case "bool":
        return new Bool();
      case "utf8":
        return new Utf8();
      case "list":
        return new List(new Field("item", (this.#element ?? new JsonGuess()).type(jsonText), true));
      case "struct":
        if (this.#fields.size > 0) return new Struct(this.fields(jsonText));
    }
    const text = new Utf8();
    jsonText.add(text);
    return text;
  }

  /** The fields seen in objects, in the order in which they first appeared. */
  fields(jsonText: Set<DataType>): Field[] {
    return [...this.#fields].map(([name, guess]) => new Field(name, guess.type(jsonText), true));
  }

  #observeFields(value: Record<string, unknown>): void {
    for (const key of Object.keys(value)) {
      let guess = this.#fields.get(key);
      if (guess === undefined) {
        guess = new JsonGuess(this.#depth + 1);
        this.#fields.set(key, guess);
      }
      guess.observe(value[key]);
    }
  }
}

function kindOfJson(value: unknown): JsonKind {
  if (typeof value === "string") return "utf8";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return fitsInt64(value) ? "int64" : "mixed";
  if (typeof value === "number") return Number.isSafeInteger(value) ? "int64" : "float64";
  return Array.isArray(value) ? "list" : "struct";
}
