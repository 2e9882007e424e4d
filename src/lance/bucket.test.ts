import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  DateMillisecond,
  Field,
  Float16,
  Float32,
  Float64,
  Int8,
  Int32,
  Int64,
  LargeBinary,
  LargeUtf8,
  List,
  TimeNanosecond,
  TimeSecond,
  TimestampMillisecond,
  Uint32,
  Utf8,
} from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../errors.js";
import { bucketOf } from "./bucket.js";

describe("bucketOf", () => {
  it.each([
    [1, new Int32(), 2],
    [2, new Int32(), 7],
    [3, new Int32(), 1],
    ["a", new Utf8(), 1],
    ["b", new Utf8(), 5],
  ])("puts %j of %s into bucket %i of 8", (value, type, bucket) => {
    expect(bucketOf(value, type, 8)).toBe(bucket);
  });

  it("puts null into bucket 0", () => {
    for (const type of [new Int32(), new Utf8(), new Float64()]) {
      expect(bucketOf(null, type, 7)).toBe(0);
      expect(bucketOf(undefined, type, 7)).toBe(0);
    }
  });

  it("is below the number of buckets, and of 1 always 0", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 1024 }), (text, buckets) => {
        const bucket = bucketOf(text, new Utf8(), buckets);
        expect(bucket).toBeGreaterThanOrEqual(0);
        expect(bucket).toBeLessThan(buckets);
        expect(bucketOf(text, new Utf8(), 1)).toBe(0);
      }),
    );
  });

  it("is the same for types that hold the same words", () => {
    const same = (value: number | bigint, ...types: DataType[]): void => {
      expect(new Set(types.map((type) => bucketOf(value, type, 1024))).size).toBe(1);
    };
    fc.assert(
      fc.property(fc.integer({ min: -128, max: 127 }), (n) =>
        same(n, new Int8(), new Int32(), new Uint32(), new DateDay(), new TimeSecond()),
      ),
    );
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (n) =>
        same(n, new Int64(), new DateMillisecond(), new TimeNanosecond(), new TimestampMillisecond()),
      ),
    );
    for (const [value, n] of [
      [true, 1],
      [false, 0],
    ] as const) {
      expect(bucketOf(value, new Bool(), 1024)).toBe(bucketOf(n, new Int32(), 1024));
    }
  });

  it("takes whole numbers as number or bigint, and tells 32 from 64 bits", () => {
    expect(bucketOf(5n, new Int32(), 1024)).toBe(bucketOf(5, new Int32(), 1024));
    expect(bucketOf(5, new Int64(), 1024)).toBe(bucketOf(5n, new Int64(), 1024));
    expect(bucketOf(5, new Int64(), 1024)).not.toBe(bucketOf(5, new Int32(), 1024));
    expect(bucketOf(2 ** 40, new Int64(), 1024)).not.toBe(bucketOf(0, new Int64(), 1024));
  });

  it("takes all zeros for one and all NaNs for one", () => {
    for (const type of [new Float32(), new Float64()]) {
      expect(bucketOf(-0, type, 1024)).toBe(bucketOf(0, type, 1024));
      const nan = new Float64Array(new BigUint64Array([0xfff8_0000_0000_0001n]).buffer)[0];
      expect(bucketOf(nan, type, 1024)).toBe(bucketOf(Number.NaN, type, 1024));
    }
    expect(bucketOf(Number.NaN, new Float32(), 1024)).toBe(bucketOf(0x7fc00000, new Int32(), 1024));
    expect(bucketOf(Number.NaN, new Float64(), 1024)).toBe(bucketOf(0x7ff8000000000000n, new Int64(), 1024));
    expect(bucketOf(1.5, new Float32(), 1024)).toBe(bucketOf(0x3fc00000, new Int32(), 1024));
    expect(bucketOf(1.5, new Float64(), 1024)).toBe(bucketOf(0x3ff8000000000000n, new Int64(), 1024));
  });

  it("hashes text by its bytes, each that is left over by itself", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const bytes = new TextEncoder().encode(text);
        const buckets = [
          bucketOf(text, new Utf8(), 1024),
          bucketOf(text, new LargeUtf8(), 1024),
          bucketOf(bytes, new Binary(), 1024),
          bucketOf(bytes, new LargeBinary(), 1024),
        ];
        expect(new Set(buckets).size).toBe(1);
      }),
    );
    // Four bytes are one word.
    expect(bucketOf(Uint8Array.of(1, 0, 0, 0), new Binary(), 1024)).toBe(bucketOf(1, new Int32(), 1024));
  });

  it("refuses what it cannot hash", () => {
    for (const [value, type] of [
      ["1", new Int32()],
      [0.5, new Int32()],
      [2 ** 53, new Int64()],
      [1, new Utf8()],
      ["text", new Binary()],
      [1, new Bool()],
      [1n, new Float64()],
      [1, new Float16()],
      [[1], new List(new Field("item", new Int32()))],
    ] as [unknown, DataType][]) {
      expect(() => bucketOf(value, type, 8)).toThrow(UsageError);
    }
    for (const buckets of [0, 1025, 1.5, Number.NaN])
      expect(() => bucketOf(1, new Int32(), buckets)).toThrow(UsageError);
  });
});
