/**
 * Which texts are numbers and booleans. Numbers with leading zeros (`00501`) are not: they are codes, and would lose their zeros.
 *
 * @module
 */

const INTEGER = /^-?(?:0|[1-9]\d*)$/;
const DECIMAL = /^-?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?$/;
const BOOLEANS = new Map([
  ["true", true],
  ["True", true],
  ["TRUE", true],
  ["false", false],
  ["False", false],
  ["FALSE", false],
]);
const SPECIAL_FLOATS = new Map([
  ["NaN", Number.NaN],
  ["nan", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["inf", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["-inf", Number.NEGATIVE_INFINITY],
]);

/** A whole number: a bigint when a number cannot hold it exactly. */
export function parseInteger(text: string): number | bigint | undefined {
  if (text.length > 20 || !INTEGER.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

export function parseFloatText(text: string): number | undefined {
  return DECIMAL.test(text) ? Number(text) : SPECIAL_FLOATS.get(text);
}

export function parseBoolean(text: string): boolean | undefined {
  return BOOLEANS.get(text);
}

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

export function fitsInt64(value: number | bigint): boolean {
  return typeof value === "number" || (value >= INT64_MIN && value <= INT64_MAX);
}
