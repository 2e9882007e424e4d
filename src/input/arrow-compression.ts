/**
 * Compressed buffers of Arrow IPC bodies.
 *
 * ```text
 * int64 uncompressed length, or -1 = the rest is stored as is │ one LZ4 frame or one zstd frame
 * ```
 *
 * @module
 */

import { CorruptError, UsageError } from "../errors.js";
import { safeInt64 } from "./arrow-flatbuffer.js";
import { decompressLz4Frame } from "./lz4.js";
import { decompressZstd } from "./zstd.js";

const LZ4_FRAME = 0;
const ZSTD = 1;

/** Decompresses one buffer to at most `maxBytes`. @throws CorruptError, UsageError for an unknown codec. */
export function decompressBuffer(
  codec: number,
  bytes: Uint8Array<ArrayBuffer>,
  maxBytes: number,
): Uint8Array<ArrayBuffer> {
  if (bytes.length < 8) throw new CorruptError(`a compressed buffer has ${bytes.length} bytes; expected at least 8`);
  const stated = safeInt64(new DataView(bytes.buffer, bytes.byteOffset, 8), 0);
  const rest = bytes.subarray(8);
  if (stated === -1) return rest.slice();
  if (stated < 0 || stated > maxBytes) {
    throw new CorruptError(`a buffer decompresses to ${stated} bytes, past the bound on a message (maxMessageBytes)`);
  }
  if (codec === LZ4_FRAME) return owned(decompressLz4Frame(rest, stated));
  if (codec === ZSTD) return owned(decompressZstd(rest, stated));
  throw new UsageError(`unknown body compression ${codec}; expected LZ4_FRAME or ZSTD`);
}

/** A copy in its own ArrayBuffer unless it has one already: typed arrays are laid over it. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer && bytes.byteOffset === 0
    ? new Uint8Array(buffer, 0, bytes.length)
    : new Uint8Array(bytes);
}
