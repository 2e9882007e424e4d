import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../errors.js";
import {
  manifestKey,
  parseManifestKey,
  parseReversed,
  parseWalKey,
  reverseBits64,
  shardDirectory,
  VERSION_HINT_KEY,
  walKey,
} from "./names.js";

const zeros = (count: number) => "0".repeat(count);

describe("names of a shard's objects", () => {
  it("are the binary digits, lowest first, always 64", () => {
    expect(reverseBits64(0)).toBe(zeros(64));
    expect(reverseBits64(1)).toBe(`1${zeros(63)}`);
    expect(reverseBits64(5)).toBe(`101${zeros(61)}`);
    expect(reverseBits64(6)).toBe(`011${zeros(61)}`);
    expect(reverseBits64(2 ** 53 - 1)).toBe("1".repeat(53) + zeros(11));
  });

  it("are read back", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (n) => {
        expect(parseReversed(reverseBits64(n))).toBe(n);
        expect(BigInt(`0b${[...reverseBits64(n)].reverse().join("")}`)).toBe(BigInt(n));
        expect(parseWalKey(walKey(n))).toBe(n);
        expect(parseManifestKey(manifestKey(n))).toBe(n);
      }),
    );
  });

  it("refuse what is no number of an object", () => {
    for (const n of [-1, 1.5, Number.NaN, 2 ** 53]) expect(() => reverseBits64(n)).toThrow(UsageError);
  });

  it("pass over anything else", () => {
    expect(parseReversed(`${zeros(53)}1${zeros(10)}`)).toBeUndefined();
    for (const stem of ["", "1", zeros(63), zeros(65), `2${zeros(63)}`, `${zeros(63)} `, `${zeros(64)}\n`]) {
      expect(parseReversed(stem)).toBeUndefined();
    }
    expect(parseWalKey(VERSION_HINT_KEY)).toBeUndefined();
    expect(parseManifestKey(VERSION_HINT_KEY)).toBeUndefined();
    expect(parseWalKey(`wal/${zeros(64)}.arrow.tmp.1`)).toBeUndefined();
    expect(parseWalKey(`wal/x/${reverseBits64(1)}.arrow`)).toBeUndefined();
    expect(parseWalKey(manifestKey(1))).toBeUndefined();
    expect(parseManifestKey(walKey(1))).toBeUndefined();
  });

  it("lie below the table, by the shard's id", () => {
    const id = "aa48498d-ac91-59e2-8452-69f46010ace2";
    expect(shardDirectory("/db/notes.lance", id)).toBe(join("/db/notes.lance", "_mem_wal", id));
  });
});
