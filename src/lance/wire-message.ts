/**
 * Protobuf messages, field by field: what is needed to read some fields of a message and keep all others as they came.
 *
 * Numbers are never rounded: an integer above 2^53 − 1 is an error. A field with another wire type than the expected one is an error
 * too, as it is for LanceDB's decoder. Of a field that may stand once the last one counts, as protobuf wants it.
 *
 * @module
 */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { CorruptError } from "../errors.js";

/** Fields that this version of Pennon does not know, tags included, byte for byte as they came. */
export type UnknownFields = Uint8Array;

/** What messages that are made anew have of them. */
export const NO_UNKNOWN_FIELDS: UnknownFields = new Uint8Array();

/** The value of one field. Exactly one of its methods is called, once. */
export class WireField {
  readonly #reader: BinaryReader;
  readonly #number: number;
  readonly #type: WireType;

  constructor(reader: BinaryReader, number: number, type: WireType) {
    this.#reader = reader;
    this.#number = number;
    this.#type = type;
  }

  /** Whether it is a number of any kind: the one thing that may be asked besides. */
  get isNumber(): boolean {
    return this.#type !== WireType.LengthDelimited;
  }

  /** A uint64 up to 2^53 − 1. */
  uint64(): number {
    const value = this.bigUint64();
    if (value > Number.MAX_SAFE_INTEGER) throw this.#error(`is ${value}, more than 2^53 − 1`);
    return Number(value);
  }

  /** Any uint64: of those that are names and not counts. */
  bigUint64(): bigint {
    this.#expect(WireType.Varint);
    return BigInt(this.#reader.uint64());
  }

  /** A uint32. */
  uint32(): number {
    const value = this.uint64();
    if (value > 0xffffffff) throw this.#error(`is ${value}, more than 2^32 − 1`);
    return value;
  }

  /** An enum, or int32. */
  int32(): number {
    this.#expect(WireType.Varint);
    return this.#int32();
  }

  /** Values of a repeated int32, packed or one of them. */
  int32s(): number[] {
    if (this.#type === WireType.Varint) return [this.#int32()];
    const packed = new BinaryReader(this.bytes());
    const values: number[] = [];
    while (packed.pos < packed.len) values.push(int32Of(packed));
    return values;
  }

  string(): string {
    this.#expect(WireType.LengthDelimited);
    return this.#reader.string(true);
  }

  /** The bytes themselves, or those of a message: a view. */
  bytes(): Uint8Array {
    this.#expect(WireType.LengthDelimited);
    return this.#reader.bytes();
  }

  #int32(): number {
    return int32Of(this.#reader);
  }

  #expect(type: WireType): void {
    if (this.#type !== type) throw this.#error(`has wire type ${this.#type}, not ${type}`);
  }

  #error(problem: string): CorruptError {
    return new CorruptError(`field ${this.#number} ${problem}`);
  }
}

/**
 * Reads a message.
 *
 * @param read called for each field in turn; it takes the value and returns true, or returns false for a field it does not know
 * @returns the fields it did not know: a copy
 * @throws Error when the bytes are no message
 */
export function readMessage(bytes: Uint8Array, read: (number: number, field: WireField) => boolean): UnknownFields {
  const reader = new BinaryReader(bytes);
  const unknown: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, type] = reader.tag();
    if (read(number, new WireField(reader, number, type))) continue;
    reader.skip(type, number);
    unknown.push(bytes.subarray(start, reader.pos));
  }
  return concat(unknown);
}

/** The fields of both, in this order. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

function int32Of(reader: BinaryReader): number {
  const value = BigInt(reader.int64());
  if (value !== BigInt.asIntN(32, value)) throw new CorruptError(`an int32 is ${value}`);
  return Number(value);
}
