/**
 * Reading the values of options.
 *
 * @module
 */
import { InvalidArgumentError } from "commander";

const UNITS: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
const MOST_MS = 365 * 86_400_000;

/** A parser of whole numbers from `least` to `most`. @throws InvalidArgumentError */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}

/** A parser of sizes such as 64K, 256M or 1G (powers of 1024; bytes without a suffix). @throws InvalidArgumentError */
export function byteSize(least: number, most: number): (text: string) => number {
  return (text) => {
    const parts = /^(\d+)([KMG]?)(?:i?B)?$/i.exec(text);
    const unit = UNITS[(parts?.[2] ?? "").toUpperCase()] ?? Number.NaN;
    const value = Number(parts?.[1] ?? Number.NaN) * unit;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(
      `Expected a size from ${shortSize(least)} to ${shortSize(most)}, such as 64K, 256M or 1G.`,
    );
  };
}

const TIME_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A parser of times such as 90s, 15m, 1h or 7d, in milliseconds; 0 needs no unit. @throws InvalidArgumentError */
export function duration(text: string): number {
  const parts = /^(\d+)(ms|s|m|h|d)$/.exec(text === "0" ? "0s" : text);
  const value = Number(parts?.[1] ?? Number.NaN) * (TIME_UNITS[parts?.[2] ?? ""] ?? Number.NaN);
  if (value >= 0 && value <= MOST_MS) return value;
  throw new InvalidArgumentError("Expected a time from 0 to 365d, such as 90s, 15m, 1h or 7d.");
}

function shortSize(bytes: number): string {
  if (bytes % 2 ** 30 === 0) return `${bytes / 2 ** 30}G`;
  return bytes % 2 ** 20 === 0 ? `${bytes / 2 ** 20}M` : `${bytes / 2 ** 10}K`;
}
