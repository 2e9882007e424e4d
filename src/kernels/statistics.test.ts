import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../errors.js";
import { KernelPair, PAIR_BYTES } from "./pair.fixture.js";
import { halfToNumber, statisticsOf } from "./plain/statistics.js";
import {
  emptyStatistics,
  isFloat,
  type NumberKind,
  numberWidth,
  readStatistics,
  STATISTICS_BYTES,
  type Statistics,
} from "./statistics.js";

const kinds = ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f16", "f32", "f64"] as const;
const AT = 4096;
const VALIDITY_AT = 64;
const OUT = 40_001;

const pair = new KernelPair();

/** Bytes that hold every special value of every kind, among random ones. */
function specialBytes(kind: NumberKind): fc.Arbitrary<number[]> {
  const width = numberWidth[kind];
  const view = new DataView(new ArrayBuffer(8));
  const encoded = (set: () => void) => {
    set();
    return Array.from(new Uint8Array(view.buffer, 0, width));
  };
  const floats = [0, -0, 1.5, -2.25, 1e-310, 5e-324, Infinity, -Infinity, NaN, 1e308, -1e308];
  const halves = [0, 0x8000, 0x3c00, 1, 0x8001, 0x3ff, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00, 0x7c01, 0xfe55];
  const ints = [0n, -1n, 1n, 2n ** 63n, 2n ** 63n - 1n, 127n, 128n, 32767n, 32768n, 2n ** 31n, 2n ** 31n - 1n];
  if (kind === "f64") return fc.constantFrom(...floats.map((value) => encoded(() => view.setFloat64(0, value, true))));
  if (kind === "f32") return fc.constantFrom(...floats.map((value) => encoded(() => view.setFloat32(0, value, true))));
  if (kind === "f16") return fc.constantFrom(...halves.map((value) => encoded(() => view.setUint16(0, value, true))));
  return fc.constantFrom(...ints.map((value) => encoded(() => view.setBigUint64(0, BigInt.asUintN(64, value), true))));
}

function column(kind: NumberKind): fc.Arbitrary<{ bytes: Uint8Array; validity: boolean[] | undefined }> {
  const width = numberWidth[kind];
  const random = fc.array(fc.nat(255), { minLength: width, maxLength: width });
  const value = fc.oneof({ weight: 5, arbitrary: random }, { weight: 1, arbitrary: specialBytes(kind) });
  return fc
    .tuple(fc.array(value, { maxLength: 300 }), fc.constantFrom("none", "some", "all"), fc.infiniteStream(fc.boolean()))
    .map(([values, nulls, flags]) => ({
      bytes: Uint8Array.from(values.flat()),
      validity: nulls === "none" ? undefined : values.map(() => nulls === "some" && flags.next().value === true),
    }));
}

function bitmapOf(validity: readonly boolean[], bitOffset: number): Uint8Array {
  const bitmap = new Uint8Array(Math.ceil((validity.length + bitOffset) / 8) + 1).fill(0x5a);
  validity.forEach((valid, i) => {
    const bit = 1 << ((i + bitOffset) & 7);
    const at = (i + bitOffset) >> 3;
    bitmap[at] = valid ? (bitmap[at] ?? 0) | bit : (bitmap[at] ?? 0) & ~bit;
  });
  return bitmap;
}

function valueAt(kind: NumberKind, view: DataView, i: number): number | bigint {
  const at = i * numberWidth[kind];
  switch (kind) {
    case "i8":
      return view.getInt8(at);
    case "u8":
      return view.getUint8(at);
    case "i16":
      return view.getInt16(at, true);
    case "u16":
      return view.getUint16(at, true);
    case "i32":
      return view.getInt32(at, true);
    case "u32":
      return view.getUint32(at, true);
    case "i64":
      return view.getBigInt64(at, true);
    case "u64":
      return view.getBigUint64(at, true);
    case "f16":
      return halfToNumber(view.getUint16(at, true));
    case "f32":
      return view.getFloat32(at, true);
    case "f64":
      return view.getFloat64(at, true);
  }
}

/** The definition, written down once more without any regard for speed. */
function expected(kind: NumberKind, bytes: Uint8Array, validity: readonly boolean[] | undefined) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.length / numberWidth[kind];
  const rows = Array.from({ length: count }, (_, i) => i).filter((i) => validity?.[i] !== false);
  const values = rows.map((i) => valueAt(kind, view, i));
  const ordered = values.filter((value) => !Number.isNaN(value)).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const positiveZero = (value: number | bigint | undefined) => (value === 0 ? 0 : value);
  const lanes = [0, 0, 0, 0];
  let sum = 0n;
  for (const [at, i] of rows.entries()) {
    const value = values[at] ?? 0;
    if (isFloat(kind)) lanes[i & 3] = (lanes[i & 3] ?? 0) + Number(value);
    else sum += BigInt(value);
  }
  const [a = 0, b = 0, c = 0, d = 0] = lanes;
  return {
    valid: rows.length,
    min: positiveZero(ordered[0]),
    max: positiveZero(ordered.at(-1)),
    sum: isFloat(kind) ? a + b + (c + d) : sum,
  };
}

function onBoth(kind: NumberKind, bytes: Uint8Array, validity: readonly boolean[] | undefined, firstRow: number) {
  const count = bytes.length / numberWidth[kind];
  pair.put(AT, bytes);
  if (validity) pair.put(VALIDITY_AT, bitmapOf(validity, 0));
  pair.run((kernels) => kernels.statistics(kind, AT, validity ? VALIDITY_AT : 0, count, firstRow, OUT));
  const struct = pair.bytes(OUT, STATISTICS_BYTES);
  return readStatistics(kind, new DataView(struct.buffer), 0);
}

describe.each(kinds)("statistics of %s", (kind) => {
  it("are those of the definition, in both, with the same bytes in the struct", () => {
    fc.assert(
      fc.property(column(kind), fc.nat(2 ** 32 - 1), ({ bytes, validity }, firstRow) => {
        const { checksum, ...rest } = onBoth(kind, bytes, validity, firstRow);
        expect(rest).toEqual(expected(kind, bytes, validity));
        const count = bytes.length / numberWidth[kind];
        const same = pair.run((kernels) =>
          kernels.checksumFixed(AT, numberWidth[kind], validity ? VALIDITY_AT : 0, count, firstRow),
        );
        expect(checksum).toBe(same);
      }),
      { numRuns: 150 },
    );
  });

  it("are the same from plain arrays with the bitmap at any offset", () => {
    fc.assert(
      fc.property(column(kind), fc.nat(7), fc.nat(1000), ({ bytes, validity }, bitOffset, firstRow) => {
        const count = bytes.length / numberWidth[kind];
        const out: Statistics = emptyStatistics();
        const bitmap = validity ? bitmapOf(validity, bitOffset) : undefined;
        statisticsOf(kind, bytes, bitmap, bitOffset, count, firstRow, out);
        expect(out).toEqual(onBoth(kind, bytes, validity, firstRow));
      }),
      { numRuns: 50 },
    );
  });

  it("survive a column of only extreme values", () => {
    const bytes = new Uint8Array((numberWidth[kind] * 30_000) / 8);
    for (const fill of [0x00, 0x7f, 0x80, 0xff]) {
      bytes.fill(fill);
      const { checksum: _, ...rest } = onBoth(kind, bytes, undefined, 2 ** 32 - 7);
      expect(rest).toEqual(expected(kind, bytes, undefined));
    }
  });
});

describe.each(["f16", "f32", "f64"] as const)("zeros of %s", (kind) => {
  it("are +0 in min and max, whatever their signs", () => {
    const width = numberWidth[kind];
    for (const signs of [[1], [1, 1], [0, 1], [1, 0], [1, 1, 1, 1, 1], [0, 0, 0, 1, 0, 0, 0, 1]]) {
      const bytes = new Uint8Array(signs.length * width);
      for (const [i, sign] of signs.entries()) bytes[(i + 1) * width - 1] = 128 * sign;
      const { min, max, sum } = onBoth(kind, bytes, undefined, 0);
      expect([min, max, sum]).toEqual([0, 0, 0]);
    }
  });
});

describe("halfToNumber", () => {
  it("is IEEE 754 binary16 for all 65,536 values", () => {
    for (let half = 0; half < 65_536; half++) {
      const exponent = (half >> 10) & 31;
      const fraction = half & 0x3ff;
      const finite = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
      const special = fraction === 0 ? Number.POSITIVE_INFINITY : Number.NaN;
      const magnitude = exponent === 31 ? special : finite;
      const expected = half >= 0x8000 ? -magnitude : magnitude;
      if (!Object.is(halfToNumber(half), expected)) expect([half, halfToNumber(half)]).toEqual([half, expected]);
    }
  });
});

describe("statisticsOf", () => {
  it("refuses a misaligned and a short view", () => {
    const out = emptyStatistics();
    const bytes = new Uint8Array(17);
    expect(() => statisticsOf("i64", bytes.subarray(1), undefined, 0, 2, 0, out)).toThrow(UsageError);
    expect(() => statisticsOf("i64", bytes.subarray(0, 15), undefined, 0, 2, 0, out)).toThrow(UsageError);
  });

  it("adds exactly past the rows that floats can add", () => {
    const count = 3 * 2 ** 20 + 5;
    const out = emptyStatistics();
    statisticsOf("u32", new Uint32Array(count).fill(2 ** 32 - 1), undefined, 0, count, 0, out);
    expect(out.sum).toBe(BigInt(count) * (2n ** 32n - 1n));
    statisticsOf("u64", new BigUint64Array(count).fill(2n ** 64n - 1n), undefined, 0, count, 0, out);
    expect(out.sum).toBe(BigInt(count) * (2n ** 64n - 1n));
    statisticsOf("i64", new BigInt64Array(count).fill(-(2n ** 63n)), undefined, 0, count, 0, out);
    expect(out.sum).toBe(BigInt(count) * -(2n ** 63n));
  });
});

describe("bare sums", () => {
  it("sumI64 wraps", () => {
    fc.assert(
      fc.property(fc.bigInt64Array({ maxLength: 300 }), (values) => {
        pair.put(AT, values);
        const sum = values.reduce((a, b) => a + b, 0n);
        expect(pair.run((kernels) => kernels.sumI64(AT, values.length))).toBe(BigInt.asIntN(64, sum));
      }),
    );
  });

  it("sumF64 adds in eight lanes", () => {
    // Thirds round differently in every order; without them infinities and huge values would hide most mistakes.
    const thirds = fc.array(fc.integer(), { maxLength: 40 }).map((list) => Float64Array.from(list, (n) => n / 3));
    const doubles = fc.oneof(
      { weight: 1, arbitrary: fc.float64Array({ maxLength: 300 }) },
      { weight: 3, arbitrary: thirds },
    );
    fc.assert(
      fc.property(doubles, (values) => {
        pair.put(AT, values);
        const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = Array.from({ length: 8 }, (_, lane) =>
          values.filter((_value, i) => i % 8 === lane).reduce((x, y) => x + y, 0),
        );
        const sum = pair.run((kernels) => kernels.sumF64(AT, values.length));
        expect(Object.is(sum, a + b + (c + d) + (e + f + (g + h)))).toBe(true);
      }),
    );
  });

  it("stay inside the memory at its end", () => {
    const values = BigInt64Array.from({ length: 9 }, (_, i) => BigInt(i));
    pair.put(PAIR_BYTES - values.byteLength, values);
    expect(pair.run((kernels) => kernels.sumI64(PAIR_BYTES - values.byteLength, 9))).toBe(36n);
    pair.run((kernels) => kernels.sumF64(PAIR_BYTES - values.byteLength, 9));
  });
});
