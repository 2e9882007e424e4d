/**
 * Decompression of Parquet pages, each codec bounded by the size that the page header states.
 *
 * @module
 */

import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { compressors } from "hyparquet-compressors";
import { CorruptError, PennonError, UsageError } from "../errors.js";
import { decompressLz4Block } from "./lz4.js";
import { decompressZstd } from "./zstd.js";

/** Snappy's best: a copy of 64 bytes takes 3. */
const SNAPPY_MAX_RATIO = 22;

/** Decompresses `input` to exactly `expected` bytes. @throws CorruptError; UsageError for an unknown codec. */
export function decompressPage(codec: string | undefined, input: Uint8Array, expected: number): Uint8Array {
  if (codec === "UNCOMPRESSED") return exact(input, expected);
  if (expected === 0) return new Uint8Array(0);
  try {
    return exact(decompress(codec, input, expected), expected);
  } catch (error) {
    if (error instanceof PennonError) throw error;
    throw new CorruptError(`${codec} data is damaged (${error instanceof Error ? error.message : String(error)})`, {
      cause: error,
    });
  }
}

function decompress(codec: string | undefined, input: Uint8Array, expected: number): Uint8Array {
  switch (codec) {
    case "SNAPPY": {
      const { SNAPPY } = compressors;
      const possible = expected <= (input.length + 1) * SNAPPY_MAX_RATIO;
      if (SNAPPY === undefined || !possible)
        throw new CorruptError(`${input.length} bytes of snappy cannot hold ${expected}`);
      return SNAPPY(input, expected);
    }
    case "GZIP":
      return gunzipSync(input, { maxOutputLength: expected });
    case "BROTLI":
      return brotliDecompressSync(input, { maxOutputLength: expected });
    case "ZSTD":
      return decompressZstd(input, expected);
    case "LZ4_RAW":
      return decompressLz4Block(input, expected);
    case "LZ4":
      return decompressHadoopLz4(input, expected);
    default:
      throw new UsageError(
        `unknown compression ${codec}; expected UNCOMPRESSED, SNAPPY, GZIP, BROTLI, ZSTD, LZ4 or LZ4_RAW`,
      );
  }
}

/** The older LZ4: frames of Hadoop (big-endian sizes, plain then compressed, before each block), or one bare block. */
function decompressHadoopLz4(input: Uint8Array, expected: number): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const blocks: Uint8Array[] = [];
  let at = 0;
  let total = 0;
  while (at + 8 <= input.length) {
    const plain = view.getUint32(at);
    const stored = view.getUint32(at + 4);
    if (at + 8 + stored > input.length || total + plain > expected) break;
    blocks.push(decompressLz4Block(input.subarray(at + 8, at + 8 + stored), plain));
    at += 8 + stored;
    total += plain;
  }
  return at === input.length && total === expected ? Buffer.concat(blocks) : decompressLz4Block(input, expected);
}

function exact(bytes: Uint8Array, expected: number): Uint8Array {
  if (bytes.length === expected) return bytes;
  throw new CorruptError(`a page holds ${bytes.length} bytes where ${expected} were stated`);
}
