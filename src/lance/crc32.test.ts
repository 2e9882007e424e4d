import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32, crc32ByTable } from "./crc32.js";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

describe("crc32", () => {
  it.each([
    ["", 0],
    ["a", 0xe8b7be43],
    ["123456789", 0xcbf43926],
    ["\0\0\0\0", 0x2144df1c],
  ])("of %j is the standard's", (text, expected) => {
    expect(crc32([bytes(text)])).toBe(expected);
    expect(crc32ByTable(bytes(text), 0)).toBe(expected);
  });

  it("is the same of parts as of the whole, in both implementations, and in shared memory", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.nat(), (parts, seed) => {
        const shared = parts.map((part) => {
          const copy = new Uint8Array(new SharedArrayBuffer(part.length));
          copy.set(part);
          return copy;
        });
        const expected = crc32([Buffer.concat(parts)], seed);
        expect(crc32(parts, seed)).toBe(expected);
        expect(crc32(shared, seed)).toBe(expected);
        expect(crc32ByTable(Buffer.concat(parts), seed)).toBe(expected);
      }),
    );
  });
});
