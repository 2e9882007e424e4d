/**
 * Builds Arrow data of any type from a stream of random numbers, by hand, with everything that the columnar format allows and
 * that code tends to get wrong: junk under nulls, bitmaps that start in the middle of a byte, offsets that do not start at zero,
 * children longer than their parent needs, buffers longer than their rows, at odd addresses, missing or empty ones, dictionaries of several
 * chunks with nulls in them.
 *
 * @module
 */
import { Data, type DataType, Dictionary, Type, UnionMode, Vector } from "apache-arrow";
import { fixedLayout } from "../src/arrow/fixed-layout.js";
import type { TypeLike } from "../src/arrow/shape.js";

/** A seeded stream of random numbers (sfc32). */
export class Random {
  #a: number;
  #b = 0x9e3779b9;
  #c = 0x243f6a88;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    for (let i = 0; i < 12; i++) this.uint32();
  }

  uint32(): number {
    const next = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + next) | 0;
    return next >>> 0;
  }

  /** A whole number in [0, end). */
  below(end: number): number {
    return Math.floor((this.uint32() / 0x1_0000_0000) * end);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.uint32() < probability * 0x1_0000_0000;
  }

  bits64(): bigint {
    return (BigInt(this.uint32()) << 32n) | BigInt(this.uint32());
  }
}

/** How data is built. */
export interface BuildOptions {
  /** Put every buffer into a SharedArrayBuffer. @default false */
  readonly shared?: boolean;
  /** Leave every slice, shift and oddity out: plain buffers as apache-arrow's own builders make them. @default false */
  readonly plain?: boolean;
}

/** Builds data of any type; one builder for one batch, so that a dictionary is the same wherever its type occurs. */
export class DataBuilder {
  readonly #random: Random;
  readonly #shared: boolean;
  readonly #plain: boolean;
  readonly #dictionaries = new Map<TypeLike, Vector>();

  constructor(random: Random, options: BuildOptions = {}) {
    this.#random = random;
    this.#shared = options.shared ?? false;
    this.#plain = options.plain ?? false;
  }

  /** `length` rows of `type`, with nulls (none, some or only) when `nullable`. */
  build(type: DataType, length: number, nullable: boolean): Data {
    if (!this.#odd(0.35)) return this.#whole(type, length, nullable);
    const before = this.#random.below(12);
    const after = this.#random.below(5);
    const middle = this.#whole(type, before + length + after, nullable).slice(before, length);
    return this.#random.chance(0.7) ? middle : middle.slice(0, length);
  }

  #odd(probability: number): boolean {
    return !this.#plain && this.#random.chance(probability);
  }

  #whole(type: DataType, length: number, nullable: boolean): Data {
    const shape: TypeLike = type;
    switch (shape.typeId) {
      case Type.Null:
        return new Data(type, 0, length, length);
      case Type.Union:
        return this.#union(type, length);
      default: {
        const { nullBitmap, nullCount, allNull } = this.#validity(length, nullable);
        const parts = this.#parts(type, length, nullBitmap, allNull);
        if (nullBitmap) parts.buffers[2] = nullBitmap;
        return new Data(type, 0, length, nullCount, parts.buffers, parts.children, parts.dictionary);
      }
    }
  }

  #validity(length: number, nullable: boolean): { nullBitmap?: Uint8Array; nullCount: number; allNull: boolean } {
    const random = this.#random;
    const share = nullable ? ([0, 0, 0.3, 0.7, 1][random.below(5)] ?? 0) : 0;
    if (share === 0 && random.chance(0.5)) return { nullCount: 0, allNull: false };
    if (share === 0 && random.chance(0.3)) return { nullBitmap: new Uint8Array(0), nullCount: 0, allNull: false };
    const nullBitmap = this.#array(Uint8Array, Math.ceil(length / 64) * 8, () => random.uint32());
    let nullCount = 0;
    for (let row = 0; row < length; row++) {
      const isNull = random.chance(share);
      if (isNull) nullCount++;
      const byte = nullBitmap[row >> 3] ?? 0;
      nullBitmap[row >> 3] = isNull ? byte & ~(1 << (row & 7)) : byte | (1 << (row & 7));
    }
    return { nullBitmap, nullCount: random.chance(0.5) ? nullCount : -1, allNull: nullCount === length };
  }

  #parts(type: DataType, length: number, nullBitmap: Uint8Array | undefined, allNull: boolean): Parts {
    const random = this.#random;
    const shape: TypeLike = type;
    const child = (index: number, rows: number): Data => {
      const field = type.children[index];
      if (field === undefined) throw new RangeError(`type ${type} has no child ${index}`);
      return this.build(field.type, rows, field.nullable);
    };
    // What apache-arrow's own reader makes of a column of nulls only.
    const omitValues = allNull && this.#odd(0.2);
    switch (shape.typeId) {
      case Type.Bool: {
        const byteLength = omitValues ? 0 : Math.ceil((length + this.#excess()) / 8);
        return { buffers: { 1: this.#array(Uint8Array, byteLength, () => random.uint32()) } };
      }
      case Type.Utf8:
      case Type.LargeUtf8: {
        const runs = Array.from({ length: length + 1 }, () => encoder.encode(this.#text()));
        return this.#varParts(runs, shape.typeId === Type.LargeUtf8);
      }
      case Type.Binary:
      case Type.LargeBinary: {
        const runs = Array.from({ length: length + 1 }, () => this.#run());
        return this.#varParts(runs, shape.typeId === Type.LargeBinary);
      }
      case Type.List:
      case Type.Map: {
        const lengths = Array.from({ length: length + 1 }, () => (random.chance(0.3) ? 0 : random.below(5)));
        const { offsets, end } = this.#offsets(lengths, false);
        return { buffers: { 0: offsets }, children: [child(0, end + this.#excess())] };
      }
      case Type.FixedSizeList: {
        // Longer children would be cut by apache-arrow's slice only where they are sliced, so they end with their parent.
        return { buffers: {}, children: [child(0, length * (shape.listSize ?? 0))] };
      }
      case Type.Struct:
        return {
          buffers: {},
          children: type.children.map((_: unknown, index: number) => child(index, length + this.#excess())),
        };
      case Type.Dictionary: {
        if (!(type instanceof Dictionary)) throw new TypeError("dictionary types must be apache-arrow's own");
        const dictionary = this.#dictionary(type);
        const valid = dictionary.length;
        const values = this.#fixedValues(shape, length, (row) => {
          const isNull =
            nullBitmap !== undefined && nullBitmap.length > 0 && !((nullBitmap[row >> 3] ?? 0) & (1 << (row & 7)));
          return isNull ? 127 - random.below(50) : random.below(valid);
        });
        return { buffers: { 1: values }, dictionary };
      }
      default:
        return { buffers: { 1: omitValues ? this.#fixedValues(shape, 0) : this.#fixedValues(shape, length) } };
    }
  }

  #union(type: DataType, length: number): Data {
    const random = this.#random;
    const shape: TypeLike = type;
    const ids = Array.from(shape.typeIds ?? []);
    const chosen = Array.from({ length }, () => random.below(ids.length));
    const typeIds = this.#array(Int8Array, length, (row) => ids[chosen[row] ?? 0] ?? 0);
    if (shape.mode !== UnionMode.Dense) {
      const children = type.children.map((field: FieldOf) =>
        this.build(field.type, length + this.#excess(), field.nullable),
      );
      return new Data(type, 0, length, -1, { 3: typeIds }, children);
    }
    const counts = ids.map(() => this.#excess());
    const valueOffsets = this.#array(Int32Array, length, (row) => {
      const index = chosen[row] ?? 0;
      const offset = counts[index] ?? 0;
      counts[index] = offset + 1;
      return offset;
    });
    const children = type.children.map((field: FieldOf, index: number) =>
      this.build(field.type, (counts[index] ?? 0) + this.#excess(), field.nullable),
    );
    return new Data(type, 0, length, -1, { 0: valueOffsets, 3: typeIds }, children);
  }

  #dictionary(type: Dictionary): Vector {
    const known = this.#dictionaries.get(type);
    if (known) return known;
    const chunks = this.#odd(0.4) ? [2, 0, 5] : [1 + this.#random.below(8)];
    const dictionary = new Vector(chunks.map((rows) => this.build(type.dictionary, rows, this.#random.chance(0.3))));
    this.#dictionaries.set(type, dictionary);
    return dictionary;
  }

  #fixedValues(type: TypeLike, length: number, valueFor?: (row: number) => number): ArrayBufferView {
    const layout = fixedLayout(type);
    if (layout === undefined) throw new TypeError(`type ${type.typeId} has no fixed width`);
    const elements = layout.elementsPerRow * (length === 0 ? 0 : length + this.#excess());
    const random = this.#random;
    const limit =
      type.typeId === Type.Time
        ? BigInt([86_400, 86_400_000, 86_400_000_000, 86_400_000_000_000][type.unit ?? 0] ?? 1)
        : undefined;
    if (layout.array === BigInt64Array || layout.array === BigUint64Array) {
      const values =
        layout.array === BigInt64Array
          ? this.#array(BigInt64Array, elements, () => 0n)
          : this.#array(BigUint64Array, elements, () => 0n);
      for (let i = 0; i < elements; i++) {
        if (valueFor) values[i] = BigInt(valueFor(i));
        else if (limit) values[i] = random.bits64() % limit;
        else if (type.typeId === Type.Date) values[i] = BigInt(random.below(200_000) - 100_000) * 86_400_000n;
        else values[i] = random.chance(0.2) ? BigInt(random.below(4)) - 2n : random.bits64();
      }
      return values;
    }
    if (layout.array === Float32Array) return this.#array(Float32Array, elements, () => this.#float());
    if (layout.array === Float64Array) return this.#array(Float64Array, elements, () => this.#float());
    if (type.typeId === Type.Decimal) return this.#decimals(type, elements);
    return this.#array(INT_ARRAYS.find((array) => array === layout.array) ?? Int32Array, elements, (i) =>
      valueFor ? valueFor(i) : limit ? random.below(Number(limit)) : random.uint32(),
    );
  }

  #decimals(type: TypeLike, elements: number): Uint32Array {
    const wordsPerRow = (type.bitWidth ?? 128) / 32;
    const limit = 10n ** BigInt(type.precision ?? 1);
    let rest = 0n;
    return this.#array(Uint32Array, elements, (i) => {
      if (i % wordsPerRow === 0) {
        const digits =
          (this.#random.bits64() << 192n) |
          (this.#random.bits64() << 128n) |
          (this.#random.bits64() << 64n) |
          this.#random.bits64();
        rest = (digits % limit) * (this.#random.chance(0.5) ? 1n : -1n);
      }
      const word = Number(BigInt.asUintN(32, rest));
      rest >>= 32n;
      return word;
    });
  }

  #float(): number {
    const random = this.#random;
    const special = [Number.NaN, 0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-320, 1.5];
    return random.chance(0.3)
      ? (special[random.below(special.length)] ?? 0)
      : (random.uint32() - 2 ** 31) * 2 ** (random.below(40) - 20);
  }

  #text(): string {
    const random = this.#random;
    const length = random.chance(0.25) ? 0 : random.chance(0.95) ? random.below(20) : random.below(300);
    return Array.from({ length }, () => LETTERS[random.below(LETTERS.length)] ?? "").join("");
  }

  #run(): Uint8Array {
    const random = this.#random;
    const length = random.chance(0.25) ? 0 : random.chance(0.95) ? random.below(20) : random.below(300);
    // Many 0xff and 0x7f: as float64 such bytes are NaN.
    return Uint8Array.from({ length }, () =>
      random.chance(0.3) ? (random.chance(0.5) ? 0xff : 0x7f) : random.below(256),
    );
  }

  /** Offsets and bytes of all runs but the last, which lies before the first row or, unless odd, is left out. */
  #varParts(runs: readonly Uint8Array[], large: boolean): Parts {
    const { offsets, start, end } = this.#offsets(
      runs.map((run) => run.byteLength),
      large,
    );
    const values = this.#array(Uint8Array, end + this.#excess(), () => this.#random.below(95) + 32);
    const junk = runs.at(-1);
    if (start > 0 && junk) values.set(junk, 0);
    let at = start;
    for (const run of runs.slice(0, -1)) {
      values.set(run, at);
      at += run.byteLength;
    }
    return { buffers: { 0: offsets, 1: values } };
  }

  /** Offsets of all rows but the last, whose length is where the first one starts. */
  #offsets(lengths: readonly number[], large: boolean): { offsets: ArrayBufferView; start: number; end: number } {
    const rows = lengths.length - 1;
    const start = this.#odd(0.5) ? (lengths.at(-1) ?? 0) : 0;
    if (rows === 0 && this.#odd(0.5))
      return { offsets: large ? new BigInt64Array(0) : new Int32Array(0), start, end: start };
    let end = start;
    const all = [start, ...lengths.slice(0, -1).map((length) => (end += length))];
    const offsets = large
      ? this.#array(BigInt64Array, rows + 1, (row) => BigInt(all[row] ?? 0))
      : this.#array(Int32Array, rows + 1, (row) => all[row] ?? 0);
    return { offsets, start, end };
  }

  /** How much longer than needed something is made. */
  #excess(): number {
    return this.#odd(0.3) ? 1 + this.#random.below(9) : 0;
  }

  /** A typed array whose buffer is shared or not, and which may start anywhere its elements can. */
  #array<A extends NumberArray>(array: ArrayOf<A>, length: number, valueFor: (index: number) => A[number]): A {
    const lead = this.#odd(0.4) ? this.#random.below(9) : 0;
    const byteLength = (lead + length) * array.BYTES_PER_ELEMENT;
    const buffer = this.#shared ? new SharedArrayBuffer(byteLength) : new ArrayBuffer(byteLength);
    const values = new array(buffer, lead * array.BYTES_PER_ELEMENT, length);
    for (let i = 0; i < length; i++) values[i] = valueFor(i);
    return values;
  }
}

interface Parts {
  readonly buffers: { 0?: ArrayBufferView; 1?: ArrayBufferView; 2?: Uint8Array; 3?: ArrayBufferView };
  readonly children?: Data[];
  readonly dictionary?: Vector;
}

interface FieldOf {
  readonly type: DataType;
  readonly nullable: boolean;
}

type IntArray = Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array;
type NumberArray = IntArray | Float32Array | Float64Array | BigInt64Array | BigUint64Array;

interface ArrayOf<A extends NumberArray> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): A;
}

const INT_ARRAYS: readonly ArrayOf<IntArray>[] = [
  Int8Array,
  Int16Array,
  Int32Array,
  Uint8Array,
  Uint16Array,
  Uint32Array,
];
const LETTERS = ["a", "b", "Z", "0", " ", "\u0000", "ß", "é", "Ж", "語", "€", "😀", "𝄞"];
const encoder = new TextEncoder();
