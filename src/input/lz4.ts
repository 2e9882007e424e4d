/**
 * LZ4 decompression: bare blocks, and frames (what Arrow IPC buffers hold). Never writes or reads outside the given bytes.
 *
 * ```text
 * frame:    magic 04 22 4D 18 │ FLG │ BD │ content size, 8, if FLG bit 3 │ dictionary id, 4, if FLG bit 0 │ HC │ blocks │ 0, 4
 * block:    uint32 size, high bit set = stored as is │ bytes │ checksum, 4, if FLG bit 4          (then content checksum, 4, if FLG bit 2)
 * sequence: token (literals << 4 | match - 4) │ more length while 255 │ literals │ uint16 distance │ more length while 255
 * ```
 *
 * Formats: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md. Checksums are not verified.
 *
 * @module
 */

import { CorruptError } from "../errors.js";

const FRAME_MAGIC = 0x184d2204;
/** No LZ4 data grows by more than this factor: one byte of length adds at most 255 bytes. */
const LZ4_MAX_RATIO = 255;

/** Decompresses one frame that must give exactly `expected` bytes. @throws CorruptError */
export function decompressLz4Frame(input: Uint8Array, expected: number): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (input.length < 7 || view.getUint32(0, true) !== FRAME_MAGIC) throw new CorruptError("not an LZ4 frame");
  const flags = view.getUint8(4);
  if (flags >> 6 !== 1) throw new CorruptError(`LZ4 frame of unknown version ${flags >> 6}`);
  const blockTail = flags & 0x10 ? 4 : 0;
  let at = 6 + (flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0) + 1;
  const output = allocate(input.length, expected);
  let filled = 0;
  while (at + 4 <= input.length) {
    const word = view.getUint32(at, true);
    at += 4;
    if (word === 0) return complete(output, filled);
    const size = word & 0x7fffffff;
    if (at + size > input.length) break;
    const block = input.subarray(at, at + size);
    if (word >>> 31 === 0) filled = decodeBlock(block, output, filled);
    else if (filled + size > output.length) break;
    else {
      output.set(block, filled);
      filled += size;
    }
    at += size + blockTail;
  }
  throw new CorruptError("the LZ4 frame is cut off or overlong");
}

/** Decompresses one bare block that must give exactly `expected` bytes. @throws CorruptError */
export function decompressLz4Block(input: Uint8Array, expected: number): Uint8Array {
  const output = allocate(input.length, expected);
  return complete(output, decodeBlock(input, output, 0));
}

function allocate(inputBytes: number, expected: number): Uint8Array {
  if (expected > (inputBytes + 1) * LZ4_MAX_RATIO) {
    throw new CorruptError(`${inputBytes} bytes of LZ4 cannot hold the stated ${expected} bytes`);
  }
  return new Uint8Array(expected);
}

function complete(output: Uint8Array, filled: number): Uint8Array {
  if (filled === output.length) return output;
  throw new CorruptError(`LZ4 gave ${filled} bytes where ${output.length} were stated`);
}

/** Decodes one block to `output` from `start` on; matches may reach back into what lies before. Returns the new end. */
function decodeBlock(input: Uint8Array, output: Uint8Array, start: number): number {
  let at = 0;
  let end = start;
  const length = (nibble: number): number => {
    let total = nibble;
    let byte = nibble === 15 ? 255 : 0;
    while (byte === 255) {
      byte = input[at++] ?? -1;
      if (byte < 0) throw new CorruptError("the LZ4 block is cut off");
      total += byte;
    }
    return total;
  };
  while (at < input.length) {
    const token = input[at++] ?? 0;
    const literals = length(token >> 4);
    if (at + literals > input.length || end + literals > output.length) throw new CorruptError("LZ4 literals run over");
    if (literals > 0) output.set(input.subarray(at, at + literals), end);
    at += literals;
    end += literals;
    if (at === input.length) return end;
    const distance = (input[at] ?? 0) | ((input[at + 1] ?? 0) << 8);
    at += 2;
    const match = length(token & 15) + 4;
    if (distance === 0 || distance > end || at > input.length || end + match > output.length) {
      throw new CorruptError("an LZ4 match runs over");
    }
    if (distance >= match) output.copyWithin(end, end - distance, end - distance + match);
    else for (let i = 0; i < match; i++) output[end + i] = output[end + i - distance] ?? 0;
    end += match;
  }
  return end;
}
