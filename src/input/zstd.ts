/**
 * Zstandard decompression of one frame of known size, with node:zlib where it has it (Node 22.15 on), else in JavaScript.
 *
 * What the frame's header says is checked before a decoder allocates for it.
 * Format: https://datatracker.ietf.org/doc/html/rfc8878#section-3.1.1.1
 *
 * @module
 */

import * as zlib from "node:zlib";
import { decompressZstd as decompressInJavaScript } from "hyparquet-compressors";
import { CorruptError, PennonError } from "../errors.js";

const MAGIC = 0xfd2fb528;
const MAX_BLOCK_BYTES = 131_072;
const MAX_WINDOW_BYTES = 128 * 1024 * 1024;

const native: unknown = Reflect.get(zlib, "zstdDecompressSync");

/** Decompresses one frame that must give exactly `expected` bytes. @throws CorruptError */
export function decompressZstd(input: Uint8Array, expected: number): Uint8Array {
  const stated = statedSize(input);
  // A block takes at least three bytes of header and one of data.
  const most = Math.ceil(input.length / 4) * MAX_BLOCK_BYTES;
  if (expected > most || (stated !== undefined && stated !== expected)) {
    throw new CorruptError(
      `${input.length} bytes of zstd hold ${stated ?? `at most ${most}`} bytes; expected ${expected}`,
    );
  }
  try {
    const output = decode(input, expected, stated !== undefined);
    if (output.length === expected) return output;
    throw new CorruptError(`zstd gave ${output.length} bytes where ${expected} were stated`);
  } catch (error) {
    if (error instanceof PennonError) throw error;
    throw new CorruptError(`the zstd data is damaged (${error instanceof Error ? error.message : String(error)})`, {
      cause: error,
    });
  }
}

function decode(input: Uint8Array, expected: number, sized: boolean): Uint8Array {
  if (expected === 0) return new Uint8Array(0);
  if (typeof native === "function") {
    const output: unknown = native(input, { maxOutputLength: expected });
    if (output instanceof Uint8Array) return output;
  }
  return sized ? decompressInJavaScript(input, new Uint8Array(expected)) : decompressInJavaScript(input);
}

/** The content size that the frame header states, if it does. */
function statedSize(input: Uint8Array): number | undefined {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (input.length < 9 || view.getUint32(0, true) !== MAGIC) throw new CorruptError("not a zstd frame");
  const flags = view.getUint8(4);
  const single = (flags & 0x20) !== 0;
  if ((flags & 3) !== 0) throw new CorruptError("the zstd frame needs a dictionary");
  if (!single) {
    const descriptor = view.getUint8(5);
    const base = 2 ** (10 + (descriptor >> 3));
    const window = base + (base / 8) * (descriptor & 7);
    if (window > MAX_WINDOW_BYTES)
      throw new CorruptError(`the zstd window is ${window} bytes; at most ${MAX_WINDOW_BYTES}`);
  }
  const at = single ? 5 : 6;
  const sizeFlag = flags >> 6;
  const bytes = sizeFlag === 0 ? (single ? 1 : 0) : 2 ** sizeFlag;
  if (at + bytes > input.length) throw new CorruptError("the zstd frame is cut off");
  if (bytes === 0) return undefined;
  if (bytes === 1) return view.getUint8(at);
  if (bytes === 2) return view.getUint16(at, true) + 256;
  return bytes === 4 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true));
}
