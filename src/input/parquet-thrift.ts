/**
 * A check of Thrift's compact protocol, made before hyparquet decodes it: that it ends inside its bytes, that numbers are at
 * most ten bytes long (a longer one would cost quadratic time), that nesting is shallow and lists are no longer than what is left.
 *
 * Format: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 *
 * @module
 */

import { CorruptError } from "../errors.js";

const MAX_DEPTH = 32;
const MAX_VARINT_BYTES = 10;
const TYPE = {
  stop: 0,
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  struct: 12,
} as const;

/** Checks the struct that begins at `start`; returns where it ends. @throws CorruptError */
export function checkThriftStruct(bytes: Uint8Array, start: number): number {
  let at = start;

  const byte = (): number => {
    const value = bytes[at];
    if (value === undefined) throw new CorruptError("the metadata is cut off");
    at += 1;
    return value;
  };
  const varint = (): number => {
    let value = 0;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const next = byte();
      value += (next & 0x7f) * 2 ** (7 * i);
      if (next < 0x80) return value;
    }
    throw new CorruptError("the metadata holds an overlong number");
  };
  const skip = (count: number): void => {
    if (count > bytes.length - at) throw new CorruptError("the metadata is cut off");
    at += count;
  };
  const element = (type: number, depth: number): void => {
    switch (type) {
      case TYPE.byte:
        skip(1);
        return;
      case TYPE.i16:
      case TYPE.i32:
      case TYPE.i64:
        varint();
        return;
      case TYPE.double:
        skip(8);
        return;
      case TYPE.binary:
        skip(varint());
        return;
      case TYPE.list:
        list(depth + 1);
        return;
      case TYPE.struct:
        struct(depth + 1);
        return;
      default:
        throw new CorruptError(`the metadata holds unknown type ${type}`);
    }
  };
  const list = (depth: number): void => {
    const head = byte();
    const type = head & 0x0f;
    const count = head >> 4 === 15 ? varint() : head >> 4;
    if (count > bytes.length - at) throw new CorruptError(`the metadata holds a list of ${count} elements`);
    const flags = type === TYPE.true || type === TYPE.false;
    if (flags) skip(count);
    else for (let i = 0; i < count; i++) element(type, depth);
  };
  const struct = (depth: number): void => {
    if (depth > MAX_DEPTH) throw new CorruptError("the metadata is nested too deep");
    for (let head = byte(); (head & 0x0f) !== TYPE.stop; head = byte()) {
      if (head >> 4 === 0) varint();
      const type = head & 0x0f;
      if (type !== TYPE.true && type !== TYPE.false) element(type, depth);
    }
  };
  struct(0);
  return at;
}
