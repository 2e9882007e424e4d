/**
 * Values as text, by their Arrow type: numbers, dates and times in ISO 8601 (UTC), decimals with their point.
 *
 * @module
 */
import { Type } from "apache-arrow";
import type { TypeLike } from "../../arrow/shape.js";

type Value = number | bigint;

const MS_PER_DAY = 86_400_000n;
/** By Arrow's time unit: units a second, and digits of a fraction. */
const PER_SECOND = [1n, 1_000n, 1_000_000n, 1_000_000_000n] as const;
const DIGITS = [0, 3, 6, 9] as const;
const UNIT_NAMES = ["s", "ms", "us", "ns"] as const;

/** A value of `type` as people and programs read it. Numbers keep all their digits. */
export function valueText(type: TypeLike, value: Value): string {
  const unit = type.unit ?? 0;
  switch (type.typeId) {
    case Type.Bool:
      return value === 0 ? "false" : value === 1 ? "true" : String(value);
    case Type.Date:
      return unit === 0 ? dateText(whole(value) * MS_PER_DAY) : timestampText(whole(value), 1);
    case Type.Timestamp:
      return timestampText(whole(value), unit);
    case Type.Time:
      return clockText(whole(value), unit);
    case Type.Duration:
      return `${whole(value)}${UNIT_NAMES[unit] ?? ""}`;
    case Type.Decimal:
      return decimalText(whole(value), type.scale ?? 0);
    default:
      return String(value);
  }
}

/** The mean of `count` values with this sum, of the same type; undefined where a mean says nothing. */
export function meanOf(type: TypeLike, sum: Value, count: number): Value | undefined {
  if (count === 0) return undefined;
  switch (type.typeId) {
    case Type.Date:
    case Type.Timestamp:
    case Type.Time:
    case Type.Duration:
    case Type.Decimal:
      return floorDivide(whole(sum), BigInt(count));
    default:
      return typeof sum === "number" ? sum / count : quotient(sum, BigInt(count));
  }
}

/** A BigInt for what is stored as an integer of either width. */
function whole(value: Value): bigint {
  return typeof value === "bigint" ? value : BigInt(Math.trunc(value));
}

function floorDivide(value: bigint, by: bigint): bigint {
  const result = value / by;
  return value % by < 0n ? result - 1n : result;
}

/** As exact as a float can be, also when the sum is not. */
function quotient(sum: bigint, count: bigint): number {
  const integer = sum / count;
  return Number(integer) + Number(sum - integer * count) / Number(count);
}

function timestampText(value: bigint, unit: number): string {
  const perDay = 86_400n * (PER_SECOND[unit] ?? 1n);
  const day = floorDivide(value, perDay);
  return `${dateText(day * MS_PER_DAY)}T${clockText(value - day * perDay, unit)}`;
}

function clockText(value: bigint, unit: number): string {
  const perSecond = PER_SECOND[unit] ?? 1n;
  const seconds = floorDivide(value, perSecond);
  const fraction = value - seconds * perSecond;
  const two = (part: bigint): string => String(part).padStart(2, "0");
  const clock = `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}`;
  if (fraction === 0n) return clock;
  return `${clock}.${String(fraction)
    .padStart(DIGITS[unit] ?? 0, "0")
    .replace(/0+$/, "")}`;
}

/** Dates that JavaScript cannot hold (past the year 275760) are shown as days from 1970. */
function dateText(ms: bigint): string {
  const date = new Date(Number(ms));
  if (Number.isNaN(date.getTime())) return `${ms / MS_PER_DAY}d`;
  return date.toISOString().replace(/T.*$/, "");
}

function decimalText(value: bigint, scale: number): string {
  if (scale <= 0) return String(value * 10n ** BigInt(-scale));
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0");
  return `${value < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
