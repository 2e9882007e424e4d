import {
  Bool,
  DateDay,
  DateMillisecond,
  Decimal,
  DurationSecond,
  Field,
  Float64,
  Int64,
  Struct,
  TimeMillisecond,
  TimestampMicrosecond,
  TimestampSecond,
  Utf8,
} from "apache-arrow";
import { describe, expect, it } from "vitest";
import { columnCells, columnReport } from "./column-report.js";
import type { ColumnStatistics } from "./column-tally.js";
import { meanOf, valueText } from "./value-text.js";

describe("valueText", () => {
  it("shows dates and times in ISO 8601, with no more of a fraction than there is", () => {
    expect(valueText(new DateDay(), -1)).toBe("1969-12-31");
    expect(valueText(new DateMillisecond(), 86_400_000n)).toBe("1970-01-02T00:00:00");
    expect(valueText(new TimestampSecond(), 1_700_000_000n)).toBe("2023-11-14T22:13:20");
    expect(valueText(new TimestampMicrosecond(), -1n)).toBe("1969-12-31T23:59:59.999999");
    expect(valueText(new TimestampMicrosecond(), 1_500_000n)).toBe("1970-01-01T00:00:01.5");
    expect(valueText(new TimeMillisecond(), 3_723_040)).toBe("01:02:03.04");
    expect(valueText(new DurationSecond(), 90n)).toBe("90s");
    expect(valueText(new TimestampSecond(), 2n ** 62n)).toMatch(/^\d+d\d\d\d\d:|^\d+dT\d\d:/);
  });

  it("puts the point of decimals", () => {
    expect(valueText(new Decimal(2, 10), -5n)).toBe("-0.05");
    expect(valueText(new Decimal(2, 10), 12345n)).toBe("123.45");
    expect(valueText(new Decimal(0, 10), 7n)).toBe("7");
    expect(valueText(new Decimal(-2, 10), 7n)).toBe("700");
  });
});

describe("meanOf", () => {
  it("is a float for numbers and of the same type for times and decimals", () => {
    expect(meanOf(new Int64(), 7n, 2)).toBe(3.5);
    expect(meanOf(new Int64(), 2n ** 63n, 2)).toBe(2 ** 62);
    expect(meanOf(new Float64(), 1, 4)).toBe(0.25);
    expect(meanOf(new TimestampSecond(), -3n, 2)).toBe(-2n);
    expect(meanOf(new Int64(), 0n, 0)).toBeUndefined();
  });
});

function found(some: Partial<ColumnStatistics>): ColumnStatistics {
  return {
    name: "c",
    rows: 4,
    nulls: 0,
    min: undefined,
    max: undefined,
    sum: undefined,
    checksum: 0xab,
    children: [],
    ...some,
  };
}

describe("columnReport", () => {
  it("keeps every digit in JSON", () => {
    const field = new Field("c", new Int64(), true);
    expect(columnReport(field, found({ min: -1n, max: 2n ** 62n, sum: 6n }))).toEqual({
      name: "c",
      type: "int64",
      rows: 4,
      nulls: 0,
      min: -1,
      max: "4611686018427387904",
      mean: 1.5,
      checksum: "000000ab",
    });
  });

  it("has null for what there is not, and text for what JSON has not", () => {
    const float = new Field("c", new Float64(), true);
    expect(columnReport(float, found({ nulls: 4, sum: 0 }))).toMatchObject({ min: null, max: null, mean: null });
    expect(columnReport(float, found({ min: Number.NEGATIVE_INFINITY, max: 1, sum: Number.NaN }))).toMatchObject({
      min: "-Infinity",
      mean: "NaN",
    });
    expect(columnReport(new Field("c", new Bool()), found({ min: 0, max: 1, sum: 1 }))).toMatchObject({
      min: false,
      max: true,
      mean: 0.25,
    });
    expect(columnReport(new Field("c", new Utf8()), found({ min: 0, max: 9, sum: 10 }))).toMatchObject({
      minBytes: 0,
      maxBytes: 9,
      meanBytes: 2.5,
    });
  });
});

describe("columnCells", () => {
  it("puts children under their parent", () => {
    const field = new Field("s", new Struct([new Field("x", new Utf8())]));
    const cells = columnCells(field, found({ children: [found({ min: 1, max: 2, sum: 5 })] }));
    expect(cells).toMatchObject([
      { name: "s", type: "struct<x: utf8>", min: "", checksum: "000000ab" },
      { name: "  x", type: "utf8", min: "1 B", max: "2 B", mean: "1.25 B" },
    ]);
  });
});
