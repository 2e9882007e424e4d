import { describe, expect, it } from "vitest";
import { digestKey } from "./key-digest.js";

function digest(bytes: Uint8Array): string {
  const padded = new Uint8Array(bytes.length + 7).fill(0xee);
  padded.set(bytes, 3);
  const words = new Int32Array(6);
  digestKey(padded, 3, 3 + bytes.length, words, 1);
  expect([words[0], words[5]]).toEqual([0, 0]);
  return Buffer.from(words.buffer, 4, 16).toString("hex");
}

const counting = (from: number, to: number): string =>
  String.fromCharCode(...Array.from({ length: to - from }, (_, i) => from + i));

describe("digestKey", () => {
  // Made with the Python package mmh3 5.3.1: hash_bytes(bytes, 0, False).
  it.each([
    ["", "00000000000000000000000000000000"],
    ["a", "3c9394a71bb056551bb056551bb05655"],
    ["hello", "a044242bf7de91dbb631db9ab631db9a"],
    [counting(0, 15), "599c7b75cae4a6624edbe261665577ca"],
    [counting(0, 16), "25c8256cee809155748053eaef5ba589"],
    [counting(200, 233), "9738020a58dfbfd7dfb2aa1f8cbe4b96"],
    ["The quick brown fox jumps over the lazy dog", "c383152f672ceeec6cf67b5d2c1de9e5"],
  ])("of %j is what another implementation computes", (text, expected) => {
    expect(digest(Buffer.from(text, "latin1"))).toBe(expected);
  });
});
