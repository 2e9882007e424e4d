/**
 * CRC-32 as in zlib, PNG and Ethernet: polynomial 0xEDB88320 (reflected), start and end inverted. zlib's own where Node has it (20.15
 * and later; 4 GB/s), else a table of ours.
 *
 * @module
 */
import * as zlib from "node:zlib";

const POLYNOMIAL = 0xedb88320;

/**
 * CRC-32 of `parts`, one after the other.
 *
 * @param seed the CRC-32 of what comes before them
 * @returns a whole number from 0 to 2^32 − 1
 */
export function crc32(parts: Iterable<Uint8Array>, seed = 0): number {
  let crc = seed;
  // zlib takes a part without bytes for the wish to start anew, and forgets the seed.
  for (const part of parts) if (part.length > 0) crc = crc32OfPart(part, crc);
  return crc;
}

/** @internal What runs where zlib has no CRC-32. */
export function crc32ByTable(bytes: Uint8Array, seed: number): number {
  table ??= makeTable();
  let crc = ~seed;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ (table[(crc ^ (bytes[i] ?? 0)) & 0xff] ?? 0);
  return ~crc >>> 0;
}

const crc32OfPart: (bytes: Uint8Array, seed: number) => number =
  typeof zlib.crc32 === "function" ? zlib.crc32 : crc32ByTable;

/** By the lowest byte; made when first needed. */
let table: Uint32Array | undefined;

function makeTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    return crc;
  });
}
