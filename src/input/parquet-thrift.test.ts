import { describe, expect, it } from "vitest";
import { checkThriftStruct } from "./parquet-thrift.js";

const check = (...bytes: number[]) => checkThriftStruct(Uint8Array.from(bytes), 0);

describe("the check of Thrift structs", () => {
  it("finds where a struct ends", () => {
    expect(check(0)).toBe(1);
    expect(check(0x15, 0x80, 0x01, 0x18, 2, 65, 66, 0x1c, 0x11, 0, 0x19, 0x21, 1, 2, 0, 7)).toBe(15);
  });

  it("refuses numbers, lists, texts and nesting that would cost more than their bytes", () => {
    expect(() => check(0x16, ...Array.from({ length: 11 }, () => 0x80), 0)).toThrow(/overlong number/);
    expect(() => check(0x19, 0xf5, 0xff, 0xff, 0x03, 0)).toThrow(/list of 65535 elements/);
    expect(() => check(0x18, 0x7f, 0)).toThrow(/cut off/);
    expect(() => check(...Array.from({ length: 100 }, () => 0x1c))).toThrow(/nested too deep/);
    expect(() => check(0x1f, 0)).toThrow(/unknown type 15/);
    expect(() => check(0x15)).toThrow(/cut off/);
  });
});
