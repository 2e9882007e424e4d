/**
 * ISO 8601 dates and times, as text: `2024-02-29`, `2024-02-29T12:30`, `…:05.123456789`, with `Z` or an offset. The blank that
 * RFC 3339 allows in place of `T` is accepted. Nothing else is.
 *
 * @module
 */

/** A point in time. */
export interface IsoTime {
  /** Seconds since 1970-01-01T00:00, in UTC when `zoned`, else by the local clock. */
  readonly seconds: number;
  readonly nanos: number;
  readonly zoned: boolean;
  /** Digits of the fraction of a second that are not trailing zeros: 0 to 9. */
  readonly digits: number;
}

const PATTERN = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?)?$/;

/** Reads a text; undefined when it is not such a time, or names a day or hour that does not exist. */
export function parseIsoTime(text: string): IsoTime | undefined {
  const match = text.length >= 10 && text.length <= 36 ? PATTERN.exec(text) : null;
  if (match === null) return undefined;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", zone] = match;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const exists = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  if (!exists || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const offset = offsetSeconds(zone);
  if (offset === undefined) return undefined;
  const seconds = date.getTime() / 1000 + Number(hour) * 3600 + Number(minute) * 60 + Number(second) - offset;
  const significant = fraction.replace(/0+$/, "");
  return { seconds, nanos: Number(fraction.padEnd(9, "0")), zoned: zone !== undefined, digits: significant.length };
}

function offsetSeconds(zone: string | undefined): number | undefined {
  if (zone === undefined || zone === "Z") return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(-2));
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith("-") ? -1 : 1) * (hours * 3600 + minutes * 60);
}
