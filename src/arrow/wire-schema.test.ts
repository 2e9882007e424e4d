import { Message, Schema, Type } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitrarySchema } from "../../test/arrow-arbitrary.js";
import { wideSchema } from "../../test/batches.js";
import { allTypes } from "../../test/plain-model.js";
import { CorruptError } from "../errors.js";
import { encodeSchemaMessage, normaliseSchema, schemaDifference } from "./schema.js";
import { readSchemaMessage } from "./wire-schema.js";

describe("readSchemaMessage", () => {
  it("reads what was encoded: fields, types, ids of dictionaries, metadata and where their values lie", () => {
    fc.assert(
      fc.property(arbitrarySchema(), (any) => {
        const schema = normaliseSchema(any);
        const message = encodeSchemaMessage(schema);
        const read = readSchemaMessage(message);
        expect(schemaDifference(schema, read.schema)).toBeUndefined();
        expect(schemaDifference(read.schema, schema)).toBeUndefined();
        expect(read.schema.fields.map(({ nullable }) => nullable)).toEqual(
          schema.fields.map(({ nullable }) => nullable),
        );
        const found = allTypes(schema.fields.map(({ type }) => type)).filter(
          ({ typeId }) => typeId === Type.Dictionary,
        );
        expect(read.dictionaryIds).toEqual(found.map((_, i) => i));
        expect(new Map(read.metadata.map(({ key, value }) => [key, value]))).toEqual(schema.metadata);
        for (const { value, start, bytes } of read.metadata) {
          expect(Buffer.from(message.subarray(start, start + bytes)).toString()).toBe(value);
        }
      }),
    );
  });

  it("reads messages of apache-arrow with any ids", () => {
    const flatbuffer = Message.encode(Message.from(wideSchema));
    const { dictionaryIds } = readSchemaMessage(Buffer.concat([Buffer.alloc(8), flatbuffer]));
    expect(dictionaryIds).toEqual([900, 901]);
  });

  it("throws nothing but CorruptError, whatever the bytes are", () => {
    const message = Buffer.from(encodeSchemaMessage(normaliseSchema(wideSchema)));
    let refused = 0;
    const attempt = (bytes: Uint8Array): void => {
      try {
        readSchemaMessage(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(CorruptError);
        refused++;
      }
    };
    for (let length = 0; length < message.length; length += 5) attempt(message.subarray(0, length));
    expect(refused).toBeGreaterThan(100);
    for (let at = 0; at < message.length; at++) {
      const before = message[at] ?? 0;
      for (const byte of [0, 255, before ^ 4, before + 8]) {
        message[at] = byte;
        attempt(message);
      }
      message[at] = before;
    }
  });

  it("does not follow the same field again and again", () => {
    // 40 levels of structs, each with the next level as both its fields: 2^40 fields in 3 KB.
    expect(() => readSchemaMessage(structsOfTwins(40))).toThrow(/far more than its size/);
    expect(() => readSchemaMessage(structsOfTwins(3))).not.toThrow();
  });

  it("refuses other messages, and schemas of other machines", () => {
    const message = encodeSchemaMessage(new Schema([]));
    const changed = (at: number, byte: number): Uint8Array => Uint8Array.from(message, (b, i) => (i === at ? byte : b));
    // Where apache-arrow's builder puts the kind of header and the endianness of an empty schema.
    const kinds = [...message.keys()].filter((at) => {
      try {
        readSchemaMessage(changed(at, 3));
        return false;
      } catch (error) {
        return error instanceof CorruptError && /of kind 3/.test(error.message);
      }
    });
    expect(kinds).toHaveLength(1);
    const big = Buffer.from(structsOfTwins(3));
    // The endianness is looked for where a 1 lies.
    big.writeUInt16LE(8, 8 + 36 + 4);
    expect(() => readSchemaMessage(big)).toThrow("big-endian");
  });
});

/** A schema message by hand, in which tables are shared. */
function structsOfTwins(levels: number): Uint8Array {
  const bytes = Buffer.alloc(128 + 64 * levels);
  const u16s = (at: number, ...values: number[]): void =>
    values.forEach((value, i) => void bytes.writeUInt16LE(value, at + 2 * i));
  const u32 = (at: number, value: number): void => void bytes.writeInt32LE(value, at);
  const point = (at: number, target: number): void => u32(at, target - at);
  const start = 8;
  point(start, start + 24);
  u16s(start + 8, 12, 12, 0, 4, 8, 0); // Message: kind at 4, header at 8
  u32(start + 24, 16);
  bytes[start + 28] = 1;
  point(start + 32, start + 48);
  u16s(start + 36, 8, 8, 0, 4); // Schema: fields at 4
  u32(start + 48, 12);
  point(start + 52, start + 56);
  u32(start + 56, 1);
  point(start + 60, field(0));
  function field(level: number): number {
    return start + 64 + 64 * level + 24;
  }
  for (let level = 0; level < levels; level++) {
    const at = field(level);
    u16s(at - 24, 16, 12, 0, 0, 4, 0, 0, 8); // Field: kind of type at 4, children at 8
    u32(at, 24);
    const isLast = level === levels - 1;
    bytes[at + 4] = isLast ? Type.Bool : Type.Struct;
    point(at + 8, at + 12);
    u32(at + 12, isLast ? 0 : 2);
    if (isLast) continue;
    point(at + 16, field(level + 1));
    point(at + 20, field(level + 1));
  }
  return bytes;
}
