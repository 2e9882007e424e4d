import fc from "fast-check";
import { expect, it } from "vitest";
import { sipHash13 } from "./sip-hash.js";

const MASK = 2n ** 64n - 1n;
const rotate = (value: bigint, bits: bigint): bigint => ((value << bits) | (value >> (64n - bits))) & MASK;

/** As the paper has it, with `rounds` a block and `last` at the end. */
function reference(message: Uint8Array, key: readonly [bigint, bigint], rounds: number, last: number): bigint {
  let [v0, v1, v2, v3] = [
    key[0] ^ 0x736f6d6570736575n,
    key[1] ^ 0x646f72616e646f6dn,
    key[0] ^ 0x6c7967656e657261n,
    key[1] ^ 0x7465646279746573n,
  ];
  const round = (): void => {
    v0 = (v0 + v1) & MASK;
    v1 = rotate(v1, 13n) ^ v0;
    v0 = rotate(v0, 32n);
    v2 = (v2 + v3) & MASK;
    v3 = rotate(v3, 16n) ^ v2;
    v0 = (v0 + v3) & MASK;
    v3 = rotate(v3, 21n) ^ v0;
    v2 = (v2 + v1) & MASK;
    v1 = rotate(v1, 17n) ^ v2;
    v2 = rotate(v2, 32n);
  };
  const padded = Buffer.alloc((message.length & ~7) + 8);
  padded.set(message);
  padded[padded.length - 1] = message.length & 0xff;
  for (let at = 0; at < padded.length; at += 8) {
    const block = padded.readBigUInt64LE(at);
    v3 ^= block;
    for (let i = 0; i < rounds; i++) round();
    v0 ^= block;
  }
  v2 ^= 0xffn;
  for (let i = 0; i < last; i++) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

function hash(message: Uint8Array): bigint {
  const words = new Uint32Array(2 * (message.length >>> 3) + 2);
  new Uint8Array(words.buffer).set(message);
  const out = new Uint32Array(4);
  sipHash13(words, message.length, out, 2);
  return (BigInt(out[3] ?? 0) << 32n) | BigInt(out[2] ?? 0);
}

it("the reference gives the paper's value for SipHash-2-4", () => {
  const message = Uint8Array.from({ length: 15 }, (_, i) => i);
  expect(reference(message, [0x0706050403020100n, 0x0f0e0d0c0b0a0908n], 2, 4)).toBe(0xa129ca6149be45e5n);
});

it("gives what Rust's DefaultHasher gives for no bytes", () => {
  expect(hash(new Uint8Array())).toBe(15130871412783076140n);
});

it("gives what the reference gives", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (message) => {
      expect(hash(message)).toBe(reference(message, [0n, 0n], 1, 3));
    }),
    { numRuns: 300 },
  );
  const long = Uint8Array.from({ length: 1000 }, (_, i) => i * 7);
  expect(hash(long)).toBe(reference(long, [0n, 0n], 1, 3));
});
